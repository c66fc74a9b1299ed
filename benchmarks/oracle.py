"""The right answers, from float64 NumPy with all posteriors kept, in blocks that never hold all rows at once.

A mixture is (weights (K,), means (K, D), covariances (K, D)).
"""

import numpy as np
from scipy.ndimage import correlate1d

BLOCK = 4096


def statistics(x, mixture):
    """S0 = sum q (K,), S1 = sum q y and S2 = sum q y^2 (K, D), y = x - centre; centre; sum of the log-likelihood."""
    weights, means, covariances = mixture
    centre = weights @ means
    m = means - centre
    linear, square = (m / covariances).T, (-0.5 / covariances).T
    constant = np.log(weights) - 0.5 * (np.log(2 * np.pi * covariances) + m * m / covariances).sum(axis=1)
    s0, s1, s2, log_likelihood = np.zeros(len(weights)), np.zeros(means.shape), np.zeros(means.shape), 0.0
    for begin in range(0, len(x), BLOCK):
        y = x[begin : begin + BLOCK].astype(np.float64) - centre
        q = y @ linear + (y * y) @ square + constant
        largest = q.max(axis=1, keepdims=True)
        np.exp(q - largest, out=q)
        total = q.sum(axis=1, keepdims=True)
        q /= total
        log_likelihood += (np.log(total) + largest).sum()
        s0 += q.sum(axis=0)
        s1 += q.T @ y
        s2 += q.T @ (y * y)
    return s0, s1, s2, centre, log_likelihood


def fisher_vector(x, mixture):
    """Sanchez et al. 2013, Eqs. 16 to 18, divided by n: weights (K), means (K D), variances (K D)."""
    weights, means, covariances = mixture
    s0, s1, s2, centre, _ = statistics(x, mixture)
    m, s = means - centre, s0[:, None]
    root = np.sqrt(weights)[:, None]
    d_w = (s0 - len(x) * weights) / np.sqrt(weights)
    d_m = (s1 - s * m) / (root * np.sqrt(covariances))
    d_v = (s2 - 2 * m * s1 + s * (m * m - covariances)) / (np.sqrt(2) * root * covariances)
    return np.concatenate([d_w, d_m.ravel(), d_v.ravel()]) / len(x)


def em_iteration(x, mixture):
    """The mixture after one E-step and one M-step."""
    s0, s1, s2, centre, _ = statistics(x, mixture)
    mean = s1 / s0[:, None]
    return s0 / len(x), mean + centre, s2 / s0[:, None] - mean**2


def nearest(x, centres):
    """The index of the centre nearest to each row, and the sum of squared distances."""
    middle = centres.mean(axis=0)
    c = centres - middle
    labels, energy = np.empty(len(x), int), 0.0
    for begin in range(0, len(x), BLOCK):
        y = x[begin : begin + BLOCK].astype(np.float64) - middle
        d = (c * c).sum(axis=1) - 2 * y @ c.T
        labels[begin : begin + BLOCK] = d.argmin(axis=1)
        energy += d.min(axis=1).sum() + (y * y).sum()
    return labels, energy


def lloyd(x, centres, n_iter):
    """The centres after `n_iter` Lloyd iterations."""
    x, centres = x.astype(np.float64), centres.astype(np.float64)
    for _ in range(n_iter):
        labels, _ = nearest(x, centres)
        order = np.argsort(labels, kind="stable")
        filled, begins = np.unique(labels[order], return_index=True)
        sums = np.add.reduceat(x[order], begins, axis=0)
        centres[filled] = sums / np.diff(np.append(begins, len(x)))[:, None]
    return centres


def dense_sift(image, step, bin_size, window, window_size=2.0):
    """SIFT on a grid, by its definition, but with VLFeat's polynomial for the angle and its smallest gradient."""
    image = image.astype(np.float64)
    dy, dx = np.gradient(image)
    height = np.abs(dy) + np.finfo(np.float32).eps
    ratio = np.where(dx < 0, dx + height, dx - height) / np.where(dx < 0, height - dx, dx + height)
    angle = np.where(dx < 0, 3, 1) * np.pi / 4 + (0.1821 * ratio**2 - 0.9675) * ratio
    turn = (np.where(dy < 0, -angle, angle) * 4 / np.pi) % 8
    length = np.hypot(dx, dy)
    length[length < 1e-4] = 0
    apart = np.abs(turn[:, :, None] - np.arange(8))
    energy = np.clip(1 - np.minimum(apart, 8 - apart), 0, None) * length[:, :, None]
    offsets = np.arange(1 - bin_size, bin_size)
    rows, columns = (np.arange(0, size - 3 * bin_size, step) for size in image.shape)
    bins = np.empty((len(rows), len(columns), 4, 4, 8))
    kernels = []
    for i in range(4):
        gauss = np.exp(-0.5 * ((offsets + bin_size * (i - 1.5)) / (bin_size * window_size)) ** 2)
        kernels.append((1 - np.abs(offsets) / bin_size) * (gauss if window == "gaussian" else gauss.mean()))
    for i in range(4):
        band = correlate1d(energy, kernels[i], axis=0, mode="nearest")[rows + i * bin_size]
        for j in range(4):
            bins[:, :, i, j] = correlate1d(band, kernels[j], axis=1, mode="nearest")[:, columns + j * bin_size]
    flat = bins.reshape(-1, 128)
    for most in (0.2, np.inf):
        norm = np.linalg.norm(flat, axis=1, keepdims=True)
        norm[norm < 1e-4] = 0
        flat = np.minimum(flat / (norm + np.finfo(np.float32).eps), most)
    return flat


def relative(got, right):
    """The relative L2 error; for several sets or parameters the largest."""
    if isinstance(got, (list, tuple)):
        return max(relative(*pair) for pair in zip(got, right, strict=True))
    error = np.linalg.norm(np.asarray(got, np.float64) - right) / np.linalg.norm(right)
    return float(error) if np.isfinite(error) else float("inf")
