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
