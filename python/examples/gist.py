"""The task of the gist, by the gist's formulas and by this package's function of that name: the same numbers."""

import time

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture

from fishervec.gist import fisher_vector


def gist(xx, gmm):
    """[A | B | -C] of Krapac, Verbeek and Jurie 2011, as in "Fisher vectors with sklearn", rewritten."""
    q = gmm.predict_proba(xx)
    s0, s1, s2 = (q.T @ x / len(xx) for x in (np.ones((len(xx), 1)), xx, xx**2))
    a = s0[:, 0] - gmm.weights_
    b = s1 - s0 * gmm.means_
    c = s2 - 2 * gmm.means_ * s1 + (gmm.means_**2 - gmm.covariances_) * s0
    return np.concatenate([a, b.ravel(), -c.ravel()])


images = load_digits().images
sets = sliding_window_view(images, (4, 4), axis=(1, 2)).reshape(-1, 25, 16)
# Some pixels never vary. With variances of 1e-6, scikit-learn's floor, the gist's formulas lose 6 digits.
gmm = GaussianMixture(32, covariance_type="diag", reg_covar=1e-2, random_state=0).fit(np.concatenate(sets[:400]))

started = time.perf_counter()
theirs = np.array([gist(xx, gmm) for xx in sets])
middle = time.perf_counter()
ours = np.array([fisher_vector(xx, gmm) for xx in sets])
ended = time.perf_counter()

error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
assert error < 1e-12, error
print(
    f"{len(sets):,} sets, K=32: the gist {middle - started:.2f} s, fisher_vector {ended - middle:.2f} s; same to 1e-12"
)
