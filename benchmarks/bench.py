#!/usr/bin/env python3
"""`make bench`: fishervec and its peers on real descriptors, interleaved, with every answer checked. See README.md.

python benchmarks/bench.py [--full] [--only JOB,...] [--threads 1,2]
"""

import argparse
import csv
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import chart
import descriptors
import machine
import numpy as np
import oracle
import peers
from sklearn.datasets import make_classification

OURS = "fishervec"
COLUMNS = [
    "job", "threads", "peer", "milliseconds", "fastest", "error", "ratio_min", "ratio_median", "ratio_max",
    "share_of_peak", "extra_memory_mb",
]  # fmt: skip
#: Largest relative error of an answer that is still timed: above the float32 rounding of any peer, below the
#: difference to another formula.
ENCODING, PARAMETERS, ENERGY = 1e-3, 1e-2, 1e-5
#: Seconds of pause before each call: idle threads of BLAS and OpenMP spin for a while, which slows others.
REST = 0.05


class Job(NamedTuple):
    """What is measured, and how an answer is judged."""

    title: str
    rounds: int
    flops: float
    tolerance: float
    #: For each peer a function without arguments that returns seconds and answer.
    peers: dict[str, Callable]
    #: The relative error of a peer's answer, a function of its name and the answer.
    error: Callable
    float_type: str = "float32"


# ---- jobs -------------------------------------------------------------------------------------------


def repeated(function, *arguments, times=1):
    """A peer that is called `times` times in a row; it returns the seconds of one call."""

    def run():
        def calls():
            for _ in range(times):
                answer = function(*arguments)
            return answer

        seconds, answer = peers.timed(calls)
        return seconds / times, answer

    return run


def vector_error(right, k):
    """The error function of vectors; VLFeat's have no block for the weights."""

    def error(peer, answer):
        got = peers.sanchez(answer, peer, k)
        return oracle.relative(got, right[len(right) - len(got) :])

    return error


def one_set(title, x, mixture, rounds, with_f64=True, times=1):
    if x.dtype == np.float64:
        makers = {
            OURS: peers.ours(mixture),
            "NumPy-BLAS": peers.numpy_blas(mixture, np.float64),
            "scikit-image": peers.scikit_image(mixture, np.float64),
            "VLFeat": peers.vlfeat_encode(mixture, np.float64),
        }
        inputs = dict.fromkeys(makers, x)
    else:
        makers = {
            OURS: peers.ours(mixture),
            "NumPy-BLAS": peers.numpy_blas(mixture),
            "scikit-image": peers.scikit_image(mixture),
            "scikit-image f64": peers.scikit_image(mixture, np.float64),
            "VLFeat": peers.vlfeat_encode(mixture),
        }
        inputs = dict.fromkeys(makers, x) | {"scikit-image f64": x.astype(np.float64)}
        if with_f64:
            makers[f"{OURS} f64"] = makers[OURS]
            inputs[f"{OURS} f64"] = inputs["scikit-image f64"]
    k, d = mixture[1].shape
    runs = {name: repeated(encode, inputs[name], times=times) for name, encode in makers.items()}
    error = vector_error(oracle.fisher_vector(x, mixture), k)
    return Job(title, rounds, 4.0 * len(x) * k * d, ENCODING, runs, error, x.dtype.name)


def w1():
    x, mixture = descriptors.load("sift64")[-10_000:], descriptors.load_mixture("mixture64")
    return one_set("W1: one set 10,000 x 64, K = 256", x, mixture, rounds=9)


def w2(n_sets=1000, size=1000, few=100):
    """The time per set. Ours takes all sets in one call; the others take one set per call and get the first 100."""
    x, mixture = descriptors.load("sift64"), descriptors.load_mixture("mixture64")
    sets = list(x[: n_sets * size].reshape(n_sets, size, -1))
    k, d = mixture[1].shape
    right = [oracle.fisher_vector(one, mixture) for one in sets]

    def one_by_one(encode):
        def run():
            seconds, answers = peers.timed(lambda: [encode(one) for one in sets[:few]])
            return seconds / few, answers

        return run

    def all_at_once():
        seconds, answers = peers.timed(transform, sets)
        return seconds / n_sets, answers

    def error(peer, answers):
        return max(vector_error(one, k)(peer, answer) for one, answer in zip(right, answers, strict=False))

    transform = peers.ours_sets(mixture)
    runs = {
        OURS: all_at_once,
        "NumPy-BLAS": one_by_one(peers.numpy_blas(mixture)),
        "scikit-image": one_by_one(peers.scikit_image(mixture)),
        "VLFeat": one_by_one(peers.vlfeat_encode(mixture)),
    }
    return Job("W2: one of 1,000 sets of 1,000 x 64, K = 256", 3, 4.0 * size * k * d, ENCODING, runs, error)


def w3():
    samples = make_classification(n_samples=1000, random_state=0)[0]
    gmm = peers.fishervec.GaussianMixture(64, random_state=0, reg_covar=1e-3, tol=0.0, max_iter=20)
    with peers.warnings.catch_warnings():
        peers.warnings.simplefilter("ignore")
        gmm.fit(samples[:900])
    mixture = tuple(np.array(a) for a in (gmm.weights_, gmm.means_, gmm.covariances_))
    return one_set("W3: a call with 100 x 20, K = 64, float64", samples[900:], mixture, rounds=9, times=100)


def w4():
    x, mixture = descriptors.load("sift128")[-10_000:], descriptors.load_mixture("mixture128")
    return one_set("W4: one set 10,000 x 128, K = 1024", x, mixture, rounds=5, with_f64=False)


def em(title, n_rows, rounds):
    x, start = descriptors.load("sift64")[:n_rows], descriptors.load_mixture("start64")
    right = oracle.em_iteration(x, start)
    k, d = start[1].shape
    runs = {
        OURS: lambda: peers.ours_em(x, start),
        "NumPy-BLAS": lambda: peers.numpy_em(x, start),
        "scikit-learn": lambda: peers.sklearn_em(x, start),
        "VLFeat": lambda: peers.vlfeat_em(x, start),
    }
    return Job(title, rounds, 4.0 * n_rows * k * d, PARAMETERS, runs, lambda _, answer: oracle.relative(answer, right))


def w5():
    return em("W5: an EM iteration, 200,000 x 64, K = 256", 200_000, rounds=3)


def w6():
    return em("W6: an EM iteration, 1,000,000 x 64, K = 256", 1_000_000, rounds=2)


def kmeans(n_rows=200_000, k=256):
    path = descriptors.FOLDER / "sift64.npy"
    x = descriptors.load("sift64")[:n_rows].copy()
    seeds_file = path.with_name("seeds.npy")
    peers.rust_kmeans(path, n_rows, k, 2, [0], seeds_file)
    seeds = np.load(seeds_file)
    iterations = peers.LLOYD[1] - peers.LLOYD[0]
    _, right = oracle.nearest(x, oracle.lloyd(x, seeds, peers.LLOYD[1]))

    def ours():
        return peers.ours_kmeans(path, n_rows, k, int(peers.os.environ["FISHERVEC_NUM_THREADS"]))

    runs = {OURS: ours, "scikit-learn": lambda: peers.sklearn_kmeans(x, seeds)}
    flops = 2.0 * n_rows * k * x.shape[1] * iterations
    title = "k-means: ten Lloyd iterations, 200,000 x 64, K = 256"
    return Job(title, 3, flops, ENERGY, runs, lambda _, answer: abs(oracle.nearest(x, answer)[1] / right - 1))


def w9(dtype=np.float16):
    x = descriptors.load("patches").astype(dtype)
    encoder = peers.fishervec.load(descriptors.FOLDER / "deep.safetensors")
    mixture, pca = peers.deep_mixture(encoder), encoder.pca_
    projected = (x.astype(np.float64) - pca.mean_) @ pca.components_.T
    right = oracle.fisher_vector(projected, mixture)
    k, d = mixture[1].shape
    makers = {
        OURS: peers.ours_deep(encoder),
        "NumPy-BLAS": peers.numpy_deep(encoder),
        "scikit-image": peers.scikit_deep(encoder),
    }
    runs = {name: repeated(encode, x) for name, encode in makers.items()}
    flops = 2.0 * x.size * d + 4.0 * len(x) * k * d
    title = f"W9: one set 20,000 x 768 of {x.dtype.name}, PCA to 128, K = 16"
    return Job(title, 5, flops, ENCODING, runs, vector_error(right, k))


def dsift(window):
    image = peers.cameraman()
    step, bin_size = 4, 4
    right = oracle.dense_sift(image, step, bin_size, window)

    def error(peer, answer):
        if peer != "OpenCV":
            return oracle.relative(answer, right)
        # OpenCV has other bins and another window: only shape and norm (512 for most) can be compared.
        norms = np.linalg.norm(answer, axis=1)
        right_ones = answer.shape == right.shape and np.mean((norms > 490) & (norms < 530)) > 0.9
        return float("nan") if right_ones else float("inf")

    makers = {OURS: peers.ours_dsift(step, bin_size, window), "VLFeat": peers.vlfeat_dsift(step, bin_size, window)}
    if window == "flat":
        makers["OpenCV"] = peers.opencv_dsift(step, bin_size)
    runs = {name: repeated(describe, image) for name, describe in makers.items()}
    rows, taps = (image.shape[0] - 3 * bin_size - 1) // step + 1, 2 * bin_size - 1
    flops = 2.0 * 8 * 4 * taps * (rows * image.shape[1] + 4 * len(right))
    title = f"dense SIFT: 512 x 512, step 4, bin 4, {window} window, {len(right):,} descriptors"
    return Job(title, 9, flops, ENCODING, runs, error)


JOBS = {
    "W1": w1, "W2": w2, "W3": w3, "W4": w4, "W5": w5, "W6": w6, "kmeans": kmeans,
    "W9": w9, "W9-f32": lambda: w9(np.float32),
    "dsift": lambda: dsift("flat"), "dsift-gaussian": lambda: dsift("gaussian"),
}  # fmt: skip
FULL_ONLY = {"W6"}
SCALED = {"W1", "W2", "W4", "W5", "W6"}
MEMORY = {"W5": 200_000, "W6": 1_000_000}


# ---- measuring --------------------------------------------------------------------------------------


def measure(name, job, n_threads, peak):
    """One row of the record per peer. Each round runs all peers in turn; the first is a warm-up and the check."""
    errors, times = {}, {peer: [] for peer in job.peers}
    with peers.threads(n_threads):
        for round_ in range(job.rounds + 1):
            for peer, run in job.peers.items():
                time.sleep(REST)
                if round_ == 0:
                    errors[peer] = job.error(peer, run()[1])
                elif not errors[peer] > job.tolerance:
                    times[peer].append(run()[0])
    rows = []
    for peer, seconds in times.items():
        row = {"job": name, "threads": n_threads, "peer": peer, "error": f"{errors[peer]:.1e}"}
        if seconds:
            ratios = [theirs / ours for theirs, ours in zip(seconds, times[OURS], strict=True)] if times[OURS] else []
            row |= {"milliseconds": f"{median(seconds) * 1e3:.4g}", "fastest": f"{min(seconds) * 1e3:.4g}"}
            double = peer.endswith("f64") or job.float_type == "float64"
            row["share_of_peak"] = f"{job.flops / median(seconds) / 1e9 / peak['float64' if double else 'float32']:.3f}"
            for key, function in (("ratio_min", min), ("ratio_median", median), ("ratio_max", max)):
                row[key] = f"{function(ratios):.3g}" if ratios and peer != OURS else ""
        rows.append(row)
    return rows


def scaling(name, job, few, many):
    """How many times as fast ours is on `many` threads as on `few`, measured in turns."""
    times = {few: [], many: []}
    for _ in range(job.rounds):
        for n, seconds in times.items():
            with peers.threads(n):
                time.sleep(REST)
                seconds.append(job.peers[OURS]()[0])
    ratios = [one / other for one, other in zip(times[few], times[many], strict=True)]
    numbers = (f"{function(ratios):.3g}" for function in (min, median, max))
    row = {"job": f"{name} scaling", "threads": many, "peer": OURS}
    return row | dict(zip(("ratio_min", "ratio_median", "ratio_max"), numbers, strict=True))


def memory(name, peer_names):
    """The memory in MB that the fit of each peer needs beside the data."""
    for peer in peer_names:
        command = [sys.executable, machine.HERE / "memory.py", peer, str(MEMORY[name])]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        yield {"job": f"{name} memory", "threads": 2, "peer": peer, "extra_memory_mb": done.stdout.strip()}


def show(title, rows):
    print(f"\n{title}", flush=True)
    print(f"  {'threads':>7}  {'peer':<16} {'ms':>8} {'error':>8}  {'peer / ours: min median max':>27}  {'of peak':>7}")
    for row in rows:
        if "extra_memory_mb" in row:
            print(f"  {row['threads']:>7}  {row['peer']:<16} data + {row['extra_memory_mb']} MB")
            continue
        ratios = "".join(f"{row.get(key, ''):>9}" for key in ("ratio_min", "ratio_median", "ratio_max"))
        if row["job"].endswith("scaling"):
            print(f"  {row['threads']:>7}  {row['peer'] + ': one thread / this':<34}  {ratios}")
            continue
        share = f"{float(row['share_of_peak']):>7.0%}" if "share_of_peak" in row else "  WRONG: not timed"
        numbers = f"{row.get('milliseconds', ''):>8} {row['error']:>8}"
        print(f"  {row['threads']:>7}  {row['peer']:<16} {numbers}  {ratios}  {share}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="include W6, which has a million rows")
    parser.add_argument("--only", default="", help="jobs to run, such as W1,kmeans; the result is not recorded")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, such as 1,2")
    options = parser.parse_args()
    machine.refuse_coretype()
    descriptors.prepare()
    names = [n for n in options.only.split(",") if n] or [n for n in JOBS if options.full or n not in FULL_ONLY]
    counts = [int(n) for n in options.threads.split(",")]
    head = machine.describe(descriptors.FOLDER / "sift64.npy")
    peaks = {n: machine.fma_peak(n) for n in counts}
    for n, peak in peaks.items():
        head[f"fma peak, {n} thread{'s' * (n > 1)}"] = ", ".join(f"{t} {g:.0f} GFLOP/s" for t, g in peak.items())
    for key, value in head.items():
        print(f"{key:<20} {value}")

    rows, others = [], machine.Others()
    for name in names:
        job = JOBS[name]()
        found = [row for n in counts for row in measure(name, job, n, peaks[n])]
        found += [scaling(name, job, *counts)] if name in SCALED and len(counts) == 2 else []
        found += memory(name, job.peers) if name in MEMORY else []
        show(job.title, found)
        rows += found
    head["other processes"] = str(others)
    print(f"\nother processes {others}")
    if not options.only:
        path = machine.record("")
        with path.open("w", newline="") as file:
            file.writelines(f"# {key}: {value}\n" for key, value in head.items())
            writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        print(f"Wrote {path.relative_to(machine.HERE.parent)}")
        chart.write(chart.bench, path)


if __name__ == "__main__":
    main()
