"""The programs that are compared, one function per peer and job.

An encoder is made from a mixture once; it takes a set and returns what the peer calls its Fisher vector, which
`sanchez` converts to one convention outside the measured time. EM and k-means return seconds and answer, since not all
peers can run a single iteration: the seconds are then the difference between a longer and a shorter fit.
"""

import json
import os
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import skimage
from skimage.feature import fisher_vector as skimage_fisher_vector
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

import fishervec

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "scripts"))

import vlfeat  # noqa: E402

BLOCK = 512


@contextmanager
def threads(n):
    """Run all peers on n threads: BLAS and OpenMP, VLFeat, and ours."""
    os.environ["FISHERVEC_NUM_THREADS"] = str(n)
    vlfeat.LIBRARY.vl_set_num_threads(n)
    with threadpool_limits(n):
        yield


def timed(function, *arguments):
    started = time.perf_counter()
    answer = function(*arguments)
    return time.perf_counter() - started, answer


# ---- Fisher vectors ---------------------------------------------------------------------------------


def ours(mixture, **normalisation):
    """The function for one set."""
    gmm = ours_mixture(mixture)
    return lambda x: fishervec.fisher_vector(x, gmm, **normalisation)


def ours_sets(mixture):
    """The estimator, for all sets at once."""
    encoder = fishervec.FisherVector(mixture=ours_mixture(mixture), power=1.0, norm=None)
    encoder.fit([mixture[1]])
    return encoder.transform


def numpy_blas(mixture, dtype=np.float32):
    """X A + X^2 B in blocks of 512 rows, soft-max, Q'X and Q'X^2, without an allocation in the loop."""
    passes, weights, means, covariances = NumpyPass(mixture, dtype), *mixture
    root = np.sqrt(weights)[:, None]
    scale_m, scale_v = 1 / (root * np.sqrt(covariances)), 1 / (np.sqrt(2) * root * covariances)

    def encode(x):
        s0, s1, s2 = passes(x)
        s = s0[:, None]
        d_w = (s0 - len(x) * weights) / root[:, 0]
        d_m = (s1 - s * means) * scale_m
        d_v = (s2 - 2 * means * s1 + s * (means**2 - covariances)) * scale_v
        return np.concatenate([d_w, d_m.ravel(), d_v.ravel()]) / len(x)

    return encode


def numpy_together(mixture, dtype=np.float32, rows=2048):
    """The same for many sets at once: blocks of whole sets, one finish for all. The sets may have 2,048 rows each."""
    passes, weights, means, covariances = NumpyPass(mixture, dtype, rows), *mixture
    root = np.sqrt(weights)[:, None]
    scale_m, scale_v = 1 / (root * np.sqrt(covariances)), 1 / (np.sqrt(2) * root * covariances)
    k, d = means.shape

    def encode(sets):
        n = np.array([len(x) for x in sets], dtype)[:, None]
        s0, s = np.empty((len(sets), k), dtype), np.empty((len(sets), k, 2 * d), dtype)
        first = 0
        while first < len(sets):
            ends = np.cumsum([len(x) for x in sets[first : first + rows]])
            last = first + max(1, np.searchsorted(ends, rows, side="right"))
            y, q = passes.posteriors(np.concatenate(sets[first:last]))
            begin = 0
            for i, end in enumerate(ends[: last - first], first):
                np.matmul(q[begin:end].T, y[begin:end], out=s[i])
                np.sum(q[begin:end], axis=0, out=s0[i])
                begin = end
            first = last
        s1, s2, mass = s[:, :, :d], s[:, :, d:], s0[:, :, None]
        out = np.empty((len(sets), k + 2 * k * d), dtype)
        out[:, :k] = (s0 - n * weights) / root[:, 0]
        blocks = out[:, k:].reshape(len(sets), 2, k, d)
        blocks[:, 0] = (s1 - mass * means) * scale_m
        blocks[:, 1] = (s2 - 2 * means * s1 + mass * (means**2 - covariances)) * scale_v
        out /= n
        return out

    return encode


class NumpyPass:
    """S0, S1 and S2 of a set: products in `dtype`, sums over blocks in float64. The data must be centred."""

    def __init__(self, mixture, dtype, block=BLOCK):
        weights, means, covariances = mixture
        self.k, self.d = means.shape
        self.ab = np.vstack([(means / covariances).T, (-0.5 / covariances).T]).astype(dtype)
        constant = np.log(weights) - 0.5 * (np.log(2 * np.pi * covariances) + means**2 / covariances).sum(axis=1)
        self.constant = constant.astype(dtype)
        self.y, self.q = np.empty((block, 2 * self.d), dtype), np.empty((block, self.k), dtype)
        self.part = np.empty((self.k, 2 * self.d), dtype)

    def __call__(self, x):
        s0, s = np.zeros(self.k), np.zeros((self.k, 2 * self.d))
        for begin in range(0, len(x), BLOCK):
            y, q = self.posteriors(x[begin : begin + BLOCK])
            s0 += q.sum(axis=0)
            s += np.matmul(q.T, y, out=self.part)
        return s0, s[:, : self.d], s[:, self.d :]

    def posteriors(self, rows):
        """[x, x^2] and the posteriors of a block, in the buffers."""
        y, q = self.y[: len(rows)], self.q[: len(rows)]
        y[:, : self.d] = rows
        np.multiply(rows, rows, out=y[:, self.d :])
        np.matmul(y, self.ab, out=q)
        q += self.constant
        q -= q.max(axis=1, keepdims=True)
        # Subnormal posteriors would make the products below several times slower on some processors.
        np.maximum(q, -60, out=q)
        np.exp(q, out=q)
        q *= 1 / q.sum(axis=1, keepdims=True)
        return y, q


def scikit_image(mixture, dtype=np.float32):
    gmm = sklearn_mixture(mixture, dtype)
    return lambda x: skimage_fisher_vector(x, gmm)


def vlfeat_encode(mixture, dtype=np.float32):
    arrays = [array.astype(dtype) for array in mixture]
    return lambda x: vlfeat.fisher_encode(x, *arrays)


def sanchez(vector, peer, k):
    """A peer's vector with the signs of Sanchez et al.: the variances of scikit-image have the opposite sign."""
    vector = np.array(vector, np.float64)
    if peer.startswith("scikit-image"):
        vector[(len(vector) + k) // 2 :] *= -1
    return vector


def ours_mixture(mixture):
    return fishervec.GaussianMixture.from_sklearn(sklearn_mixture(mixture, np.float64))


def sklearn_mixture(mixture, dtype):
    gmm = GaussianMixture(len(mixture[0]), covariance_type="diag", reg_covar=0.0)
    gmm.weights_, gmm.means_, gmm.covariances_ = (array.astype(dtype) for array in mixture)
    gmm.precisions_ = 1 / gmm.covariances_
    gmm.precisions_cholesky_ = np.sqrt(gmm.precisions_)
    return gmm


# ---- projection, then Fisher vector -----------------------------------------------------------------


def ours_deep(encoder):
    return lambda x: encoder.transform([x])[0]


def numpy_deep(encoder):
    """Convert, centre, project, encode: block by block."""
    mean, components = (a.astype(np.float32) for a in (encoder.pca_.mean_, encoder.pca_.components_))
    encode = numpy_blas(deep_mixture(encoder))

    def project(x):
        y = np.empty((len(x), len(components)), np.float32)
        for begin in range(0, len(x), BLOCK):
            np.matmul(x[begin : begin + BLOCK].astype(np.float32) - mean, components.T, out=y[begin : begin + BLOCK])
        return y

    return lambda x: encode(project(x))


def scikit_deep(encoder):
    """scikit-learn's PCA, then scikit-image."""
    pca = PCA(len(encoder.pca_.components_))
    pca.mean_, pca.components_ = (a.astype(np.float32) for a in (encoder.pca_.mean_, encoder.pca_.components_))
    pca.n_features_in_ = pca.components_.shape[1]
    encode = scikit_image(deep_mixture(encoder))
    return lambda x: encode(pca.transform(x.astype(np.float32, copy=False)))


def deep_mixture(encoder):
    gmm = encoder.mixture_
    return np.array(gmm.weights_), np.array(gmm.means_), np.array(gmm.covariances_)


# ---- one EM iteration from a given start ------------------------------------------------------------


def ours_em(x, start, more=5):
    """(a fit of 1 + more iterations - a fit of 1) / more; the answer is that of the fit of 1."""
    weights, means, covariances = start

    def fit(max_iter):
        gmm = fishervec.GaussianMixture(
            len(weights), max_iter=max_iter, tol=0.0, reg_covar=0.0,
            weights_init=weights, means_init=means, precisions_init=1 / covariances,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            gmm.fit(x)
        return gmm.weights_, gmm.means_, gmm.covariances_

    short, answer = timed(fit, 1)
    return (timed(fit, 1 + more)[0] - short) / more, answer


def numpy_em(x, start):
    """One pass and the M-step."""

    def iteration():
        s0, s1, s2 = NumpyPass(start, np.float32)(x)
        means = s1 / s0[:, None]
        return s0 / len(x), means, s2 / s0[:, None] - means**2

    return timed(iteration)


def sklearn_em(x, start):
    """The E-step and the M-step that its fit calls, without what its fit does around them."""
    gmm = sklearn_mixture(start, x.dtype)

    def iteration():
        _, log_responsibilities = gmm._e_step(x)
        gmm._m_step(x, log_responsibilities)
        return gmm.weights_, gmm.means_, gmm.covariances_

    return timed(iteration)


def sklearn_fit(x, start):
    """The call of a user, with one iteration, for the memory that it needs."""
    weights, means, covariances = (array.astype(x.dtype) for array in start)
    given = {"weights_init": weights, "means_init": means, "precisions_init": 1 / covariances}
    gmm = GaussianMixture(len(weights), covariance_type="diag", max_iter=1, reg_covar=0.0, **given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return timed(gmm.fit, x)


def vlfeat_em(x, start):
    """A fit of one M-step - a fit of none; the first has two E-steps, the second has one."""
    none, _ = timed(vlfeat.em, x, *start, 0)
    one, answer = timed(vlfeat.em, x, *start, 1)
    return one - none, answer


# ---- ten Lloyd iterations from given centres: a fit of eleven - a fit of one ------------------------

LLOYD = 1, 11


def rust_kmeans(path, n_rows, n_clusters, n_threads, iterations, out):
    """What crates/fishervec/examples/kmeans.rs reports of one fit per entry of `iterations`.

    It writes the centres of the last fit to `out`.
    """
    command = ["cargo", "run", "--release", "--quiet", "--package", "fishervec", "--example", "kmeans", "--"]
    arguments = [path, out, n_rows, n_clusters, n_threads, *iterations]
    done = subprocess.run([*command, *map(str, arguments)], cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def ours_kmeans(path, n_rows, n_clusters, n_threads):
    """The Rust library, since the Python package has no k-means."""
    out = path.with_name("kmeans.npy")
    short, long = rust_kmeans(path, n_rows, n_clusters, n_threads, LLOYD, out)["seconds"]
    return long - short, np.load(out)


def sklearn_kmeans(x, seeds):
    def fit(max_iter):
        kmeans = KMeans(len(seeds), init=seeds, n_init=1, max_iter=max_iter, tol=0.0, algorithm="lloyd")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return kmeans.fit(x).cluster_centers_

    short, _ = timed(fit, LLOYD[0])
    long, centres = timed(fit, LLOYD[1])
    return long - short, centres


# ---- dense SIFT -------------------------------------------------------------------------------------


def cameraman():
    """The cameraman, 512 x 512, from 0 to 1. (No area of it is so flat that VLFeat would describe rounding errors.)"""
    image = cv2.imread(str(Path(skimage.__file__).parent / "data/camera.png"), cv2.IMREAD_GRAYSCALE)
    return (image / 255).astype(np.float32)


def ours_dsift(step, bin_size, window):
    sift = fishervec.DenseSift(bins=[bin_size], step=step, window=window, magnification=0.0)
    return lambda image: sift.transform([image])[0]


def vlfeat_dsift(step, bin_size, window):
    return lambda image: vlfeat.dsift(image, step, bin_size, window == "flat")[0]


def opencv_dsift(step, bin_size):
    """One keypoint per point of the grid, of an image of bytes, which OpenCV requires."""
    sift, half = cv2.SIFT_create(), 1.5 * bin_size

    def describe(image):
        height, width = image.shape
        rows, columns = (np.arange(half, size - half, step) for size in (height, width))
        # OpenCV's bins are 3 sigma wide, and a keypoint's size is 2 sigma.
        points = [cv2.KeyPoint(float(x), float(y), bin_size * 2 / 3, 0.0) for y in rows for x in columns]
        return sift.compute((image * 255).astype(np.uint8), points)[1]

    return describe


# ---- from end to end: fits and files ----------------------------------------------------------------


def ours_pca(n_components):
    return lambda x: fishervec.DescriptorPCA(n_components).fit([x]).components_


def numpy_pca(n_components):
    """The eigenvectors of the covariance."""

    def fit(x):
        centred = x - x.mean(axis=0)
        _, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        return directions[:, : -n_components - 1 : -1].T

    return fit


def sklearn_pca(n_components):
    return lambda x: PCA(n_components, random_state=0).fit(x).components_


def ours_seeding(x, k):
    """A fit of one iteration from k-means++ - one from given means; the answer is the means of the first."""

    def fit(**start):
        gmm = fishervec.GaussianMixture(k, max_iter=1, tol=0.0, random_state=0, **start)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return gmm.fit(x).means_

    seconds, means = timed(lambda: fit(init_params="k-means++"))
    start = {"weights_init": np.full(k, 1 / k), "means_init": means, "precisions_init": np.full(means.shape, 100.0)}
    return seconds - timed(lambda: fit(**start))[0], means


def sklearn_seeding(x, k):
    return timed(lambda: kmeans_plusplus(x, k, random_state=0)[0])


def read_digits(path):
    with np.load(path) as file:
        return np.split(file["X"], np.cumsum(file["lengths"])[:-1])


#: Number of vectors that are checked of a job from end to end.
CHECKED = 5


def ours_digits(path):
    encoder = fishervec.FisherVector(64, random_state=0)
    seconds, vectors = timed(lambda: encoder.fit_transform(read_digits(path)))
    return seconds, (None, deep_mixture(encoder), vectors[:CHECKED])


def scikit_digits(path):
    """As many descriptors per component as ours takes, and the default settings of scikit-learn's mixture."""

    def job():
        sets = read_digits(path)
        rows = np.concatenate(sets)
        rows = np.random.default_rng(0).permutation(rows)[:64_000]
        gmm = GaussianMixture(64, covariance_type="diag", random_state=0).fit(rows)
        return gmm, scikit_vectors(sets, gmm)

    seconds, (gmm, vectors) = timed(job)
    return seconds, (None, (gmm.weights_, gmm.means_, gmm.covariances_), vectors[:CHECKED])


def scikit_vectors(sets, gmm):
    """The vectors of scikit-image, with power and norm."""
    vectors = np.stack([skimage_fisher_vector(x, gmm) for x in sets])
    vectors = np.sign(vectors) * np.sqrt(np.abs(vectors))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


#: Iterations of the fit to a collection.
ITERATIONS = 10


def ours_collection(sets):
    mixture = fishervec.GaussianMixture(64, max_iter=ITERATIONS, tol=0.0, reg_covar=0.0, variance_floor=1e-3)
    encoder = fishervec.FisherVector(64, pca=128, mixture=mixture, sample=20_000, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        seconds, vectors = timed(encoder.fit_transform, sets)
    projection = np.array(encoder.pca_.mean_), np.array(encoder.pca_.components_)
    return seconds, (projection, deep_mixture(encoder), vectors[:CHECKED])


def scikit_collection(sets):
    pca = PCA(128, random_state=0)
    gmm = GaussianMixture(64, covariance_type="diag", max_iter=ITERATIONS, tol=0.0, random_state=0)

    def job():
        rows = pca.fit_transform(np.concatenate(sets))
        gmm.fit(rows)
        return scikit_vectors(np.split(rows, len(sets)), gmm)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        seconds, vectors = timed(job)
    projection = pca.mean_, pca.components_
    return seconds, (projection, (gmm.weights_, gmm.means_, gmm.covariances_), vectors[:CHECKED])


# ---- photographs: files or arrays to vectors --------------------------------------------------------

PHOTOS = ROOT / "data/bench/photos.safetensors"
#: Pixels of the longer side, to which a larger photograph is scaled down, and VLFeat's smoothing: bin / MAGNIFICATION.
MAX_SIDE, MAGNIFICATION, STEP = 640, 6.0, 4


def ours_photos():
    return fishervec.load(PHOTOS).transform


def vlfeat_photos():
    """Reading and scaling by OpenCV, dense SIFT at phow's sizes and the Fisher vector by VLFeat."""
    images = fishervec.load(PHOTOS)
    encoder, bins = images.encoder_, images.bins
    mean, components = (a.astype(np.float32) for a in (encoder.pca_.mean_, encoder.pca_.components_))
    mixture = [array.astype(np.float32) for array in deep_mixture(encoder)]

    def describe(image):
        parts = []
        for side in bins:
            smooth = cv2.GaussianBlur(image, (0, 0), side / MAGNIFICATION)
            parts.append(vlfeat.dsift(smooth, STEP, side)[0])
        return np.concatenate(parts)

    def encode(image):
        x = describe(grey(image))
        x /= np.maximum(x.sum(axis=1, keepdims=True), 1e-12)
        np.sqrt(x, out=x)
        return vlfeat.fisher_encode((x - mean) @ components.T, *mixture, flags=vlfeat.IMPROVED)

    return lambda found: np.stack([encode(image) for image in found])


def grey(image):
    """A file or an array as grey values from 0 to 1, its longer side at most MAX_SIDE pixels."""
    if isinstance(image, np.ndarray):
        found = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    else:
        found = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
    scale = MAX_SIDE / max(found.shape)
    if scale < 1:
        found = cv2.resize(found, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.float32(found) / 255


def large_photograph(width, height):
    """The cup of coffee of scikit-image, scaled to so many pixels, as RGB."""
    image = cv2.imread(str(Path(skimage.__file__).parent / "data/coffee.png"), cv2.IMREAD_COLOR)
    return cv2.cvtColor(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), cv2.COLOR_BGR2RGB)
