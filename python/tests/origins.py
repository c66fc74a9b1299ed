"""What other libraries compute, written anew from their definitions, for the tests to compare with."""

import numpy as np


def gist(xx, gmm):
    """The formulas of the gist "Fisher vectors with sklearn" (Krapac, Verbeek and Jurie 2011)."""
    xx = np.atleast_2d(xx)
    q = gmm.predict_proba(xx)
    s0, s1, s2 = q.sum(axis=0)[:, np.newaxis] / len(xx), q.T @ xx / len(xx), q.T @ xx**2 / len(xx)
    a = s0[:, 0] - gmm.weights_
    b = s1 - s0 * gmm.means_
    c = s2 - 2 * gmm.means_ * s1 + (gmm.means_**2 - gmm.covariances_) * s0
    return np.concatenate([a, b.ravel(), -c.ravel()])


def yael(x, gmm):
    """The formulas of gmm_fisher in yael, of means and of variances: sums over descriptors, divided by a root."""
    q = gmm.predict_proba(x)
    from_mean = x[:, np.newaxis] - gmm.means_
    d_mean = (q[:, :, np.newaxis] * from_mean / gmm.covariances_).sum(axis=0)
    d_sigma = (q[:, :, np.newaxis] * (from_mean**2 - gmm.covariances_)).sum(axis=0) / gmm.covariances_**1.5
    n_w = len(x) * gmm.weights_[:, np.newaxis]
    return d_mean / np.sqrt(n_w / gmm.covariances_), d_sigma / np.sqrt(2 * n_w / gmm.covariances_)


def shares_of_words(x, vocabulary):
    """The histogram of OpenCV's BOWImgDescriptorExtractor: how many descriptors each word is nearest to, over n."""
    nearest = ((x[:, np.newaxis] - vocabulary) ** 2).sum(axis=2).argmin(axis=1)
    return np.bincount(nearest, minlength=len(vocabulary)) / len(x)


def bob(x, gmm):
    """The statistics of bob.learn.em's GMMStats: n, sum_px and sum_pxx."""
    q = gmm.predict_proba(x)
    return q.sum(axis=0), q.T @ x, q.T @ x**2


def panther(x, prototypes, tau, eps):
    """One step of MAP-EM as in PANTHER's DirNIWNet: weights, means and variances in one row."""
    k = len(prototypes)
    log_q = -0.5 * ((x[:, np.newaxis] - prototypes) ** 2).sum(axis=2) / eps
    q = np.exp(log_q - log_q.max(axis=1, keepdims=True))
    q /= q.sum(axis=1, keepdims=True)
    n = q.sum(axis=0)[:, np.newaxis] + tau
    mean = (q.T @ x + tau * prototypes) / n
    variance = (q.T @ x**2 + tau * (eps + prototypes**2)) / n - mean**2
    return np.concatenate([n.ravel() / (len(x) + tau * k), mean.ravel(), variance.ravel()])


def anyloc(x, centres, intra_norm=True):
    """The hard VLAD of AnyLoc: rows of length 1, the nearest centre by cosine, residuals from the centre as it is."""
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    labels = (x @ (centres / np.linalg.norm(centres, axis=1, keepdims=True)).T).argmax(axis=1)
    vector = np.zeros_like(centres)
    for k in np.unique(labels):
        vector[k] = (x[labels == k] - centres[k]).sum(axis=0)
        if intra_norm:
            vector[k] /= np.linalg.norm(vector[k])
    return vector.ravel() / np.linalg.norm(vector)
