"""Retrieval: each query has one right answer in the database, which is searched by the cosine of whitened vectors.

The first half of the inputs is the database, the second half are the queries, in the same order.
"""

import time

import numpy as np
from protocol import Score, Setting, Split
from scipy.linalg import eigh

DIMENSIONS = (512, 1024)
#: Directions whose variance is below this share of the largest are float32 noise.
FLAT = 1e-5


def score(split: Split, setting: Setting) -> Score:
    """The score at the number of dimensions that is best for the training queries."""
    encoded = split.encode(setting)
    start = time.perf_counter()
    n = len(encoded.vectors) // 2
    training = split.train[split.train >= n]
    found = {}
    whitened = whiten(encoded.vectors)
    for dimensions in DIMENSIONS:
        vectors = whitened[:, :dimensions]
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        found[dimensions] = first_and_precision(vectors, training), first_and_precision(vectors, split.test)
    best = max(found, key=lambda dimensions: found[dimensions][0])
    (validation, _), (first, precision) = found[best]
    seconds = time.perf_counter() - start
    width = encoded.vectors.shape[1]
    return Score(validation, first, best, width, encoded.fit_seconds, encoded.encode_seconds, seconds, precision)


def whiten(vectors: np.ndarray) -> np.ndarray:
    """Project to the PCA of the database, by its Gram matrix, and divide each direction by its standard deviation."""
    n = len(vectors) // 2
    centred = vectors - vectors[:n].mean(axis=0)
    products = centred @ centred[:n].T
    return products @ directions(products[:n])


def directions(gram: np.ndarray) -> np.ndarray:
    """The largest principal directions of the database as sums of its vectors, shape (n, at most 1024)."""
    n = len(gram)
    variances, found = eigh(gram, subset_by_index=(n - max(DIMENSIONS), n - 1))
    kept = variances > FLAT * variances[-1]
    return (found[:, kept] / variances[kept])[:, ::-1]


def first_and_precision(vectors: np.ndarray, queries: np.ndarray) -> tuple[float, float]:
    """R@1 and mAP; with one right answer, mAP is the mean of one over its rank."""
    n = len(vectors) // 2
    cosines = vectors[queries] @ vectors[:n].T
    right = cosines[np.arange(len(queries)), queries - n]
    ranks = 1 + np.sum(cosines > right[:, None], axis=1)
    return float(np.mean(ranks == 1)), float(np.mean(1 / ranks))
