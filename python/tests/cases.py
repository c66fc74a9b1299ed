"""Small valid instances of every estimator in the registry, and data for them."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture as Sklearn

from fishervec import (
    H2T,
    BagOfWords,
    DenseSift,
    DescriptorPCA,
    FisherVector,
    GaussianMixture,
    ImageEncoder,
    Pooling,
    Vlad,
)
from fishervec._registry import ESTIMATORS


def make_sets():
    """Twelve sets of 0 to 90 descriptors of 5 columns, of two kinds."""
    rng = np.random.default_rng(0)
    sizes = [40, 1, 90, 60, 0, 35, 80, 50, 70, 45, 0, 85]
    return [rng.normal(2.0 * (i % 2), 1.0 + np.arange(5) / 5, (n, 5)) for i, n in enumerate(sizes)]


SETS = make_sets()
ROWS = np.concatenate(SETS)
IMAGES = list(np.random.default_rng(0).integers(0, 256, (4, 50, 60), dtype=np.uint8))
DATA = {"encoder": SETS, "projection": SETS, "mixture": ROWS, "features": IMAGES, "image encoder": IMAGES}

CASES = {
    "BagOfWords": {
        "hard": BagOfWords(3, random_state=0),
        "soft": BagOfWords(3, assignment="soft", threshold=0.01, random_state=0),
        "of a k-means": BagOfWords(codebook=FrozenEstimator(KMeans(3, n_init=1, random_state=0).fit(ROWS))),
        "spatial": BagOfWords(3, position_columns=1, spatial=2, pyramid="1,2", random_state=0),
        "empirical": BagOfWords(3, information="empirical-centred", power=None, norm=None, random_state=0),
    },
    "DenseSift": {"default": DenseSift(), "one size": DenseSift(bins=(4,), step=8, color="rgb", max_side=40)},
    "DescriptorPCA": {
        "default": DescriptorPCA(),
        "whitened": DescriptorPCA(3, rows="rootsift", whiten=True, sample=200, random_state=0),
    },
    "FisherVector": {
        "default": FisherVector(3, random_state=0),
        "pca": FisherVector(3, pca=2, whiten=True, rows="l2", random_state=0),
        "gist": FisherVector(3, convention="gist", power=None, norm=None, random_state=0),
        "vlfeat": FisherVector(3, convention="vlfeat", norm="intra+l2", random_state=0),
        "scikit-image": FisherVector(3, convention="scikit-image", gradients="v,w", random_state=0),
        "empirical": FisherVector(3, information="empirical", random_state=0),
        "centred": FisherVector(3, information="empirical-centred", power=1.0, random_state=0),
        "template": FisherVector(mixture=GaussianMixture(2, random_state=1)),
        "scikit-learn's template": FisherVector(mixture=Sklearn(2, covariance_type="diag", random_state=1)),
        "located": FisherVector(3, position_columns=1, spatial=2, pyramid="1,2", random_state=0),
        "hard": FisherVector(3, threshold=1.0, random_state=0),
    },
    "GaussianMixture": {
        "default": GaussianMixture(random_state=0),
        "several": GaussianMixture(3, reg_covar=0.0, variance_floor=1e-3, n_init=2, random_state=0),
    },
    "H2T": {
        "plain": H2T(3, random_state=0),
        "of unit rows": H2T(3, rows="l2", pca=3, power=0.5, norm="l2", random_state=0),
        "of centres": H2T(codebook=ROWS[:4, :4] + 0.1, pyramid="1,2", position_columns=1),
    },
    "ImageEncoder": {
        "default": ImageEncoder(FisherVector(2, rows="rootsift", pca=8, random_state=0)),
        "patches": ImageEncoder(Pooling(), features="patches", step=3, color="rgb"),
        "located": ImageEncoder(Vlad(2, pca=4, pyramid="1x1,2x2", random_state=0), bins=(4,), step=8),
    },
    "Pooling": {
        "default": Pooling(),
        "pca": Pooling(pca=3, rows="rootsift", power=0.5, norm="l2", random_state=0),
        "position columns": Pooling(pca=2, position_columns=2, power=None, random_state=0),
    },
    "Vlad": {
        "hard": Vlad(3, random_state=0),
        "mass": Vlad(3, mass=True, norm="l2", rows="l2", pca=4, random_state=0),
        "residual": Vlad(3, residual=True, position_columns=2, pca=2, random_state=0),
        "soft": Vlad(3, assignment="soft", power=None, norm=None, random_state=0),
        "of centres": Vlad(codebook=ROWS[:4, :4] + 0.1, pyramid="1,2", position_columns=1),
        "of a mixture": Vlad(codebook=FrozenEstimator(GaussianMixture(3, random_state=0).fit(ROWS)), assignment="soft"),
    },
}


def kinds(*kinds):
    """The names of all estimators of these kinds, or of all kinds."""
    return [name for name, entry in ESTIMATORS.items() if not kinds or entry.kind in kinds]


def instances(names):
    """Each instance of these classes, with its name."""
    return {f"{name}, {case}": instance for name in names for case, instance in CASES[name].items()}


def with_parameter(parameter):
    """One instance of each class that has such a parameter."""
    firsts = {name: next(iter(CASES[name].values())) for name in CASES}
    return {name: instance for name, instance in firsts.items() if parameter in instance.get_params(deep=False)}


def data_of(estimator):
    """What the estimator is fitted to."""
    return DATA[ESTIMATORS[type(estimator).__name__].kind]


def output_of(estimator, data):
    """What a fitted estimator computes, as one array."""
    if isinstance(estimator, GaussianMixture):
        return estimator.score_samples(data)
    result = estimator.transform(data)
    return np.concatenate(result) if isinstance(result, list) else result
