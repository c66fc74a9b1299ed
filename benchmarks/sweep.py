#!/usr/bin/env python3
"""`make sweep`: the time of one encoding over N, K and D on one thread, with every vector checked.

Each axis is swept around N = 20,000, K = 256, D = 64; N and K on dense SIFT, D on descriptors generated around centres
that are equally far apart for every D. It prints the slope of log time over log size (1 is linear), and writes a record
and docs/sweep.svg.
"""

import csv
import time
from statistics import median

import chart
import descriptors
import machine
import numpy as np
import oracle
import peers
from job import ENCODING, vector_error

AXES = {
    "N": [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
    "K": [16, 32, 64, 128, 256, 512, 1024, 2048],
    "D": [16, 32, 64, 128, 256],
}
N, K, N_FIT, ROUNDS = 20_000, 256, 100_000, 5
COLUMNS = ["axis", "size", "n", "k", "d", "milliseconds", "fastest", "error", "gflops"]


def mixture_of(sift, k):
    """A mixture after a few iterations, made once and kept: timing needs a plausible mixture, not the best."""
    name = f"sweep-k{k}"
    if not (descriptors.FOLDER / f"{name}.npz").exists():
        descriptors.write_mixture(name, sift[:N_FIT], k, max_iter=5)
    return descriptors.load_mixture(name)


def generated(d):
    """Rows drawn from a mixture of unit variances with centres at a mean squared distance of 50, and the mixture.

    Of the 256 posteriors of a row, 56 (D = 16) to 30 (D = 256) are above 1e-7 of the largest; on dense SIFT it is 29.
    """
    rng = np.random.default_rng(descriptors.SEED)
    centres = rng.normal(0, 5 / np.sqrt(d), (K, d))
    x = centres[rng.integers(K, size=N)] + rng.normal(size=(N, d))
    return x.astype(np.float32), (np.full(K, 1 / K), centres, np.ones((K, d)))


def cells():
    """The points of the sweep, each (axis, size, descriptors, mixture)."""
    sift = descriptors.load("sift64")
    for n in AXES["N"]:
        yield "N", n, sift[:n], descriptors.load_mixture("mixture64")
    for k in AXES["K"]:
        yield "K", k, sift[:N], mixture_of(sift, k)
    for d in AXES["D"]:
        yield "D", d, *generated(d)


def check(x, mixture):
    error = vector_error(oracle.fisher_vector(x, mixture), len(mixture[0]))("fishervec", peers.ours(mixture)(x))
    if error > ENCODING:
        raise SystemExit(f"N = {len(x)}, (K, D) = {mixture[1].shape}: relative error {error:.1e}")
    return error


def main():
    machine.refuse_coretype()
    descriptors.prepare()
    points = list(cells())
    errors = [check(x, mixture) for _, _, x, mixture in points]
    encoders = [peers.ours(mixture) for *_, mixture in points]
    times, others = [[] for _ in points], machine.Others()
    with peers.threads(1):
        for round_ in range(ROUNDS + 1):
            for (_, _, x, _), encode, seconds in zip(points, encoders, times, strict=True):
                time.sleep(0.05 if round_ == 0 else 0)
                calls = max(1, 10_000 // len(x))
                took, _ = peers.timed(lambda encode=encode, x=x, calls=calls: [encode(x) for _ in range(calls)])
                if round_ > 0:
                    seconds.append(took / calls)
    other_processes = str(others)

    rows = []
    for (axis, size, x, mixture), seconds, error in zip(points, times, errors, strict=True):
        k, d = mixture[1].shape
        gflops = 4 * len(x) * k * d / median(seconds) / 1e9
        numbers = (f"{median(seconds) * 1e3:.4g}", f"{min(seconds) * 1e3:.4g}", f"{error:.1e}", f"{gflops:.1f}")
        rows.append(dict(zip(COLUMNS, (axis, size, len(x), k, d, *numbers), strict=True)))
        print(f"{axis} = {size:>9,}  {numbers[0]:>8} ms  error {numbers[2]}  {numbers[3]:>6} GFLOP/s of 4 N K D")
    for axis, slope in chart.slopes(rows).items():
        print(f"slope over {axis}: {slope:.2f}")
    print(f"other processes {other_processes}")
    path = machine.record("-sweep")
    head = machine.describe(descriptors.FOLDER / "sift64.npy")
    head["other processes"] = other_processes
    with path.open("w", newline="") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in head.items())
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    chart.write(chart.sweep, path)


if __name__ == "__main__":
    main()
