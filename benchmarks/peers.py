"""Other ways to the same Fisher vector (closed form, blocks weights, means, standard deviations; no power, no norm).

Each function takes the mixture and returns `encode(rows) -> vector`; ours joins them as one more function.
`fisher_float64` is the oracle every answer is held against before its time is reported.
"""

import json
from pathlib import Path

import numpy as np


def load(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (K,), means (K, D) and variances (K, D) of a model file, which is a safetensors file."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            arrays[name.split(".")[-1]] = np.frombuffer(data[8 + size + start : 8 + size + end], "<f8").reshape(entry["shape"])
    return arrays["weights"], arrays["means"], arrays["covariances"]


def finish(n: int, s0: np.ndarray, s1: np.ndarray, s2: np.ndarray, w: np.ndarray, mu: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Raw moments to the closed-form Fisher vector (Sanchez et al. 2013)."""
    root = np.sqrt(w)[:, None]
    a = (s0 / n - w) / np.sqrt(w)
    b = (s1 - s0[:, None] * mu) / (n * root * np.sqrt(v))
    c = (s2 - 2 * mu * s1 + (mu * mu - v) * s0[:, None]) / (n * np.sqrt(2) * root * v)
    return np.concatenate([a, b.ravel(), c.ravel()])


def posteriors(scores: np.ndarray) -> np.ndarray:
    """Soft-max over the columns, in place."""
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def passes(w, mu, v, dtype, block):
    """X@A + X^2@B, soft-max, Q.T@X, Q.T@X^2 in blocks of rows, sums in float64."""
    a, b = (mu / v).T.astype(dtype), (-0.5 / v).T.astype(dtype)
    c = (np.log(w) - 0.5 * (np.log(2 * np.pi * v) + mu * mu / v).sum(axis=1)).astype(dtype)

    def encode(rows):
        s0, s1, s2 = np.zeros(w.shape), np.zeros(mu.shape), np.zeros(mu.shape)
        for start in range(0, len(rows), block):
            x = rows[start : start + block].astype(dtype, copy=False)
            squares = x * x
            q = posteriors(x @ a + squares @ b + c)
            s0 += q.sum(axis=0)
            s1 += q.T @ x
            s2 += q.T @ squares
        return finish(len(rows), s0, s1, s2, w, mu, v)

    return encode


def numpy_blas(w, mu, v):
    """Blocked NumPy in float32: the opponent that is easy to forget."""
    return passes(w, mu, v, np.float32, 512)


def fisher_float64(rows, w, mu, v):
    """The oracle."""
    return passes(w, mu, v, np.float64, 512)(rows)


def scikit_image(w, mu, v):
    """scikit-image's fisher_vector, on a mixture of scikit-learn's that holds these parameters; its variance block has the other sign."""
    from skimage.feature import fisher_vector
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(len(w), covariance_type="diag")
    mixture.weights_, mixture.means_, mixture.covariances_ = w, mu, v
    mixture.precisions_cholesky_ = 1 / np.sqrt(v)

    def encode(rows):
        vector = fisher_vector(rows, mixture)
        vector[len(w) + mu.size :] *= -1
        return vector

    return encode
