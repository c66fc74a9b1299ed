"""What is right: float64 NumPy, every posterior kept, in blocks so that no matrix of all rows and components exists.

A mixture is (weights (K,), means (K, D), covariances (K, D)).
"""

import numpy as np

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
    """Label of the nearest centre of each row, and the sum of squared distances."""
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


def relative(got, right):
    """Relative L2 error; of several sets or parameters the largest."""
    if isinstance(got, (list, tuple)):
        return max(relative(*pair) for pair in zip(got, right, strict=True))
    error = np.linalg.norm(np.asarray(got, np.float64) - right) / np.linalg.norm(right)
    return float(error) if np.isfinite(error) else float("inf")
