"""The two functions of skimage.feature on top of this package, for scikit-image's own tests."""

import numpy as np

import fishervec


class FisherVectorException(Exception):
    pass


class DescriptorException(FisherVectorException):
    pass


def learn_gmm(descriptors, *, n_modes=32, gm_args=None):
    if not isinstance(descriptors, list | np.ndarray) or len(descriptors) == 0:
        raise DescriptorException("descriptors must be a list or an array")
    descriptors = [descriptors] if isinstance(descriptors, np.ndarray) and descriptors.ndim == 2 else descriptors
    for x in descriptors:
        if not isinstance(x, np.ndarray) or x.ndim != 2 or x.shape[1] != descriptors[0].shape[1]:
            raise DescriptorException("descriptors must be arrays of shape (n, d) with the same d")
    gm_args = dict(gm_args or {})
    gm_args.pop("n_components", None)
    gmm = fishervec.GaussianMixture(n_modes, **gm_args)
    try:
        return gmm.fit(np.vstack(descriptors))
    except (TypeError, ValueError) as error:
        raise FisherVectorException(str(error)) from error


def fisher_vector(descriptors, gmm, *, improved=False, alpha=0.5):
    if not isinstance(descriptors, np.ndarray):
        raise DescriptorException("descriptors must be an array")
    try:
        power, norm = (alpha, "l2") if improved else (None, None)
        return fishervec.fisher_vector(descriptors, gmm, "scikit-image", power, norm)
    except TypeError as error:
        raise FisherVectorException(str(error)) from error
    except ValueError as error:
        raise DescriptorException(str(error)) from error
