"""The jobs of the benchmark: encodings, EM, k-means, dense SIFT. Those from end to end are in everyday.py.

A job is built in the process of each peer, so that all that takes time is behind a function.
"""

import os

import descriptors
import everyday
import numpy as np
import oracle
import peers
from job import ENCODING, ENERGY, OURS, PARAMETERS, Job, all_at_once, one_by_one, repeated, sets_error, vector_error

# ---- Fisher vectors ---------------------------------------------------------------------------------


def one_set(title, x, mixture, rounds, with_f64=True, times=1):
    double, wide = np.float64, x.astype(np.float64)
    if x.dtype == np.float64:
        makers = {
            OURS: lambda: (peers.ours(mixture), x),
            "NumPy-BLAS": lambda: (peers.numpy_blas(mixture, double), x),
            "scikit-image": lambda: (peers.scikit_image(mixture, double), x),
            "VLFeat": lambda: (peers.vlfeat_encode(mixture, double), x),
        }
    else:
        makers = {
            OURS: lambda: (peers.ours(mixture), x),
            "NumPy-BLAS": lambda: (peers.numpy_blas(mixture), x),
            "scikit-image": lambda: (peers.scikit_image(mixture), x),
            "scikit-image f64": lambda: (peers.scikit_image(mixture, double), wide),
            "VLFeat": lambda: (peers.vlfeat_encode(mixture), x),
        }
        if with_f64:
            makers[f"{OURS} f64"] = lambda: (peers.ours(mixture), wide)
            makers["NumPy-BLAS f64"] = lambda: (peers.numpy_blas(mixture, double), wide)
    k, d = mixture[1].shape
    runs = {name: lambda make=make: repeated(*make(), times=times) for name, make in makers.items()}

    def judge():
        return vector_error(oracle.fisher_vector(x, mixture), k)

    return Job(title, rounds, 4.0 * len(x) * k * d, ENCODING, runs, judge, x.dtype.name)


def w1():
    x, mixture = descriptors.load("sift64")[-10_000:].copy(), descriptors.load_mixture("mixture64")
    return one_set("W1: one set 10,000 x 64, K = 256", x, mixture, rounds=9)


def w2(n_sets=1000, size=1000, few=100):
    """The time per set. Ours takes all sets in one call; the others take one set per call and get the first 100."""
    mixture = descriptors.load_mixture("mixture64")
    k, d = mixture[1].shape

    def sets(n):
        return list(np.array(descriptors.load("sift64")[: n * size]).reshape(n, size, -1))

    runs = {
        OURS: lambda: all_at_once(peers.ours_sets(mixture), sets(n_sets)),
        "NumPy-BLAS": lambda: one_by_one(peers.numpy_blas(mixture), sets(few)),
        "scikit-image": lambda: one_by_one(peers.scikit_image(mixture), sets(few)),
        "VLFeat": lambda: one_by_one(peers.vlfeat_encode(mixture), sets(few)),
    }

    def judge():
        return sets_error([oracle.fisher_vector(one, mixture) for one in sets(few)], k)

    return Job("W2: one of 1,000 sets of 1,000 x 64, K = 256", 3, 4.0 * size * k * d, ENCODING, runs, judge)


def w3():
    x, mixture = descriptors.generated()[900:], descriptors.load_mixture("mixture20")
    return one_set("W3: a call with 100 x 20, K = 64, float64", x, mixture, rounds=9, times=100)


def w4():
    x, mixture = descriptors.load("sift128")[-10_000:].copy(), descriptors.load_mixture("mixture128")
    return one_set("W4: one set 10,000 x 128, K = 1024", x, mixture, rounds=5, with_f64=False)


def w9(dtype=np.float16):
    def x():
        return descriptors.load("patches").astype(dtype)

    def encoder():
        return peers.fishervec.load(descriptors.FOLDER / "deep.safetensors")

    makers = {OURS: peers.ours_deep, "NumPy-BLAS": peers.numpy_deep, "scikit-image": peers.scikit_deep}
    runs = {name: lambda make=make: repeated(make(encoder()), x()) for name, make in makers.items()}
    n, k, d, width = descriptors.N_PATCHES, 16, 128, 768

    def judge():
        fitted = encoder()
        projected = (x().astype(np.float64) - fitted.pca_.mean_) @ fitted.pca_.components_.T
        return vector_error(oracle.fisher_vector(projected, peers.deep_mixture(fitted)), k)

    flops = 2.0 * n * width * d + 4.0 * n * k * d
    title = f"W9: one set 20,000 x 768 of {np.dtype(dtype).name}, PCA to 128, K = 16"
    return Job(title, 5, flops, ENCODING, runs, judge)


def w10(dtype=np.float32, recordings=descriptors.recordings, name="mixture26", few=300):
    """The time per set. Ours takes all sets in one call, NumPy one per call, or all in blocks of some thousand rows."""
    mixture = descriptors.load_mixture(name)
    k, d = mixture[1].shape

    def sets():
        return [x.astype(dtype) for x in recordings()]

    runs = {
        OURS: lambda: all_at_once(peers.ours_sets(mixture), sets(), few),
        "NumPy-BLAS": lambda: one_by_one(peers.numpy_blas(mixture, dtype), sets()),
        "NumPy-BLAS all": lambda: all_at_once(peers.numpy_together(mixture, dtype), sets(), few),
        "scikit-image": lambda: one_by_one(peers.scikit_image(mixture, dtype), sets()[:few]),
        "VLFeat": lambda: one_by_one(peers.vlfeat_encode(mixture, dtype), sets()[:few]),
    }

    def judge():
        return sets_error([oracle.fisher_vector(one, mixture) for one in sets()[:few]], k)

    lengths = [len(x) for x in recordings()]
    rows = f"{min(lengths)} to {max(lengths)}" if min(lengths) < max(lengths) else f"{lengths[0]}"
    title = f"W10: one of {len(lengths):,} sets of {rows} x {d} (MFCC and slopes), K = 64, {np.dtype(dtype).name}"
    return Job(title, 5, 4.0 * np.mean(lengths) * k * d, ENCODING, runs, judge, np.dtype(dtype).name)


def w10_long(dtype=np.float32):
    return w10(dtype, descriptors.long_recordings, "mixture39")


# ---- EM and k-means ---------------------------------------------------------------------------------


def em(title, n_rows, rounds):
    start = descriptors.load_mixture("start64")
    k, d = start[1].shape

    def x():
        return descriptors.load("sift64")[:n_rows].copy()

    iterations = {
        OURS: peers.ours_em,
        "NumPy-BLAS": peers.numpy_em,
        "scikit-learn": peers.sklearn_em,
        "VLFeat": peers.vlfeat_em,
    }

    def maker(iteration):
        def make():
            rows = x()
            return lambda: iteration(rows, start)

        return make

    def judge():
        right = oracle.em_iteration(x(), start)
        return lambda _, answer: oracle.relative(answer, right)

    runs = {name: maker(iteration) for name, iteration in iterations.items()}
    return Job(title, rounds, 4.0 * n_rows * k * d, PARAMETERS, runs, judge)


def w5():
    return em("W5: an EM iteration, 200,000 x 64, K = 256", 200_000, rounds=3)


def w6():
    return em("W6: an EM iteration, 1,000,000 x 64, K = 256", 1_000_000, rounds=2)


def kmeans(n_rows=200_000, k=256):
    path = descriptors.FOLDER / "sift64.npy"
    seeds, iterations = path.with_name("seeds.npy"), peers.LLOYD[1] - peers.LLOYD[0]

    def x():
        return descriptors.load("sift64")[:n_rows].copy()

    def ours():
        return lambda: peers.ours_kmeans(path, n_rows, k, int(os.environ["FISHERVEC_NUM_THREADS"]))

    def sklearn():
        rows, start = x(), np.load(seeds)
        return lambda: peers.sklearn_kmeans(rows, start)

    def judge():
        # Ours begins with seeds of its own, from which the other has to begin too.
        peers.rust_kmeans(path, n_rows, k, 2, [0], seeds)
        rows = x()
        _, right = oracle.nearest(rows, oracle.lloyd(rows, np.load(seeds), peers.LLOYD[1]))
        return lambda _, answer: abs(oracle.nearest(rows, answer)[1] / right - 1)

    flops = 2.0 * n_rows * k * 64 * iterations
    title = "k-means: ten Lloyd iterations, 200,000 x 64, K = 256"
    return Job(title, 3, flops, ENERGY, {OURS: ours, "scikit-learn": sklearn}, judge)


# ---- dense SIFT -------------------------------------------------------------------------------------


def dsift(window):
    image = peers.cameraman()
    step, bin_size = 4, 4
    rows, columns = ((size - 3 * bin_size - 1) // step + 1 for size in image.shape)
    makers = {
        OURS: lambda: peers.ours_dsift(step, bin_size, window),
        "VLFeat": lambda: peers.vlfeat_dsift(step, bin_size, window),
    }
    if window == "flat":
        makers["OpenCV"] = lambda: peers.opencv_dsift(step, bin_size)
    runs = {name: lambda make=make: repeated(make(), image) for name, make in makers.items()}

    def judge():
        right = oracle.dense_sift(image, step, bin_size, window)

        def error(peer, answer):
            if peer != "OpenCV":
                return oracle.relative(answer, right)
            # OpenCV has other bins and another window: only shape and norm (512 for most) can be compared.
            norms = np.linalg.norm(answer, axis=1)
            right_ones = answer.shape == right.shape and np.mean((norms > 490) & (norms < 530)) > 0.9
            return float("nan") if right_ones else float("inf")

        return error

    flops = 2.0 * 8 * 4 * (2 * bin_size - 1) * (rows * image.shape[1] + 4 * rows * columns)
    title = f"dense SIFT: 512 x 512, step 4, bin 4, {window} window, {rows * columns:,} descriptors"
    return Job(title, 9, flops, ENCODING, runs, judge)


JOBS = {
    "W1": w1, "W2": w2, "W3": w3, "W4": w4, "W5": w5, "W6": w6, "kmeans": kmeans,
    "W9": w9, "W9-f32": lambda: w9(np.float32), "W10": w10, "W10-f64": lambda: w10(np.float64),
    "W10-long": w10_long, "W10-long-f64": lambda: w10_long(np.float64),
    "dsift": lambda: dsift("flat"), "dsift-gaussian": lambda: dsift("gaussian"), **everyday.JOBS,
}  # fmt: skip
