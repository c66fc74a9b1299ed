"""Jobs from end to end, as a user has them (T1 to T4), and small ones in which the work around the kernel counts."""

import descriptors
import numpy as np
import oracle
import peers
from job import ENCODING, OURS, Job, all_at_once, one_by_one, repeated, sets_error, vector_error

#: How far vectors of images may be from those of VLFeat, as 1 - cosine: each pipeline smooths and scales on its own.
ALIKE = 0.1
#: How much larger than of random rows the squared distances to k-means++ may be, and how much variance a PCA may lose.
SPREAD, VARIANCE = 1.1, 1e-4


# ---- small jobs -------------------------------------------------------------------------------------


def normalised(vector):
    """Signed roots, divided by their norm."""
    rooted = np.sign(vector) * np.sqrt(np.abs(vector))
    return rooted / np.linalg.norm(rooted)


def small(title, x, mixture, times):
    """One small set with power and L2 norm."""

    def then_normalised(make):
        encode = make(mixture)
        return repeated(lambda: normalised(encode(x)), times=times)

    runs = {
        OURS: lambda: repeated(peers.ours(mixture, power=0.5, norm="l2"), x, times=times),
        "NumPy-BLAS": lambda: then_normalised(peers.numpy_blas),
        "scikit-image": lambda: then_normalised(peers.scikit_image),
    }
    k, d = mixture[1].shape

    def judge():
        return vector_error(normalised(oracle.fisher_vector(x, mixture)), k)

    return Job(title, 9, 4.0 * len(x) * k * d, ENCODING, runs, judge)


def one_row():
    x, mixture = np.array(descriptors.load("sift64")[-1:]), descriptors.load_mixture("mixture64")
    return small("row: one set 1 x 64, K = 256, power and L2", x, mixture, times=100)


def frames():
    x = next(x for x in descriptors.recordings() if len(x) == 40).astype(np.float32)
    return small("frames: one set 40 x 26, K = 32, power and L2", x, descriptors.load_mixture("few26"), times=200)


def pca(n_components=128):
    def x():
        return descriptors.load("patches").astype(np.float32)

    makers = {OURS: peers.ours_pca, "NumPy-BLAS": peers.numpy_pca, "scikit-learn": peers.sklearn_pca}
    runs = {name: lambda make=make: repeated(make(n_components), x()) for name, make in makers.items()}

    def judge():
        centred = x() - x().mean(axis=0, dtype=np.float64)
        right = np.linalg.eigvalsh(np.cov(centred, rowvar=False))[-n_components:].sum()
        return lambda _, answer: abs((centred @ answer.T).var(axis=0, ddof=1).sum() / right - 1)

    flops = 2.0 * descriptors.N_PATCHES * 768**2
    return Job("pca: PCA of 20,000 x 768 to 128 columns", 2, flops, VARIANCE, runs, judge)


def seeding(k=1024):
    def x():
        return np.array(descriptors.load("sift128"))

    def maker(function):
        def make():
            rows = x()
            return lambda: function(rows, k)

        return make

    def judge():
        rows = x()
        at_random = oracle.nearest(rows, rows[:k].astype(np.float64))[1]

        def error(peer, answer):
            ratio = oracle.nearest(rows, answer)[1] / at_random
            return ratio if np.isfinite(ratio) else float("inf")

        return error

    title = "k-means++: the start of a mixture, 200,000 x 128, K = 1,024 (error: squared distances, of random rows')"
    runs = {OURS: maker(peers.ours_seeding), "scikit-learn": maker(peers.sklearn_seeding)}
    return Job(title, 1, 0.0, SPREAD, runs, judge, warm_up=False)


def photograph(width, height, rounds):
    image = peers.large_photograph(width, height)
    runs = {OURS: lambda: repeated(peers.ours_photos(), [image])}
    runs["VLFeat"] = lambda: repeated(peers.vlfeat_photos(), [image])
    return Job(f"photo: one photograph of {width:,} x {height:,}", rounds, 0.0, ALIKE, runs, lambda: alike([image]))


def alike(images):
    """How unlike the vectors are, to those of VLFeat: 1 - cosine, without the block for the weights."""
    right = peers.vlfeat_photos()(images)

    def error(_, answer):
        got = [normal(one[len(one) - right.shape[1] :]) for one in answer]
        return max(1 - float(normal(one) @ two) for one, two in zip(right, got, strict=True))

    return error


def normal(vector):
    vector = np.asarray(vector, np.float64)
    return vector / np.linalg.norm(vector)


# ---- from end to end --------------------------------------------------------------------------------


def model_error(sets):
    """The error of vectors under the peer's own model: (projection or None, mixture, first vectors)."""

    def judge():
        def error(peer, answer):
            projection, mixture, vectors = answer
            first = [np.asarray(x, np.float64) for x in sets()[: len(vectors)]]
            if projection is not None:
                mean, components = projection
                first = [(x - mean) @ components.T for x in first]
            right = [normalised(oracle.fisher_vector(x, mixture)) for x in first]
            return sets_error(right, len(mixture[0]))(peer, vectors)

        return error

    return judge


def t1():
    path = descriptors.FOLDER / "digits.npz"
    runs = {
        OURS: lambda: lambda: peers.ours_digits(path),
        "scikit-image": lambda: lambda: peers.scikit_digits(path),
    }
    title = "T1: spoken digits, from the file to 3,000 vectors, K = 64"
    return Job(title, 3, 0.0, ENCODING, runs, model_error(lambda: peers.read_digits(path)), "float64")


def t2():
    def sets():
        return list(descriptors.load("patches").astype(np.float32).reshape(200, 100, -1))

    def maker(function):
        def make():
            found = sets()
            return lambda: function(found)

        return make

    runs = {OURS: maker(peers.ours_collection), "scikit-image": maker(peers.scikit_collection)}
    title = "T2: fit and encode 200 sets of 100 x 768: PCA to 128, K = 64, ten iterations"
    return Job(title, 2, 0.0, ENCODING, runs, model_error(sets))


def t3():
    runs = {
        OURS: lambda: repeated(peers.ours_photos(), descriptors.photos()),
        "VLFeat": lambda: repeated(peers.vlfeat_photos(), descriptors.photos()),
    }
    title = f"T3: a folder of {len(descriptors.IMAGES)} photographs to vectors, dense SIFT at four sizes, K = 64"
    return Job(title, 2, 0.0, ALIKE, runs, lambda: alike(descriptors.photos()))


def t4(n_sets=100_000, size=10, few=500):
    """The time per set. The sets are views of one array, a list of which ours gets in one call."""
    mixture = descriptors.load_mixture("mixture16")
    k, d = mixture[1].shape

    def sets(n):
        x = np.ascontiguousarray(descriptors.load("sift64")[: n * size, :d])
        return [x[i : i + size] for i in range(0, len(x), size)]

    runs = {
        OURS: lambda: all_at_once(peers.ours_sets(mixture), sets(n_sets)),
        "NumPy-BLAS": lambda: one_by_one(peers.numpy_blas(mixture), sets(few)),
        "NumPy-BLAS all": lambda: all_at_once(peers.numpy_together(mixture), sets(n_sets)),
        "scikit-image": lambda: one_by_one(peers.scikit_image(mixture), sets(few)),
    }

    def judge():
        return sets_error([oracle.fisher_vector(one, mixture) for one in sets(100)], k)

    return Job("T4: one of 100,000 sets of 10 x 16, K = 8", 2, 4.0 * size * k * d, ENCODING, runs, judge)


JOBS = {
    "row": one_row, "frames": frames, "pca": pca, "kmeans++": seeding,
    "photo": lambda: photograph(1024, 768, 5), "photo12": lambda: photograph(4000, 3000, 3),
    "T1": t1, "T2": t2, "T3": t3, "T4": t4,
}  # fmt: skip
