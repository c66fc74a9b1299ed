"""Every estimator of the package, by name: the one list that imports, files, types and tests walk.

Classes are named by their module and imported when they are asked for, so that this module imports nothing.
"""

from importlib import import_module
from typing import Any, Literal, NamedTuple, TypeAlias

#: An encoder takes sets, an image encoder images; the features are the descriptors of images.
Kind: TypeAlias = Literal["encoder", "image encoder", "features", "projection", "mixture"]


class Entry(NamedTuple):
    """Where an estimator is defined, and what it is."""

    module: str
    kind: Kind


ESTIMATORS = {
    "BagOfWords": Entry("_codebook", "encoder"),
    "DenseSift": Entry("_dense_sift", "features"),
    "DescriptorPCA": Entry("_pca", "projection"),
    "FisherVector": Entry("_fisher", "encoder"),
    "GaussianMixture": Entry("_mixture", "mixture"),
    "H2T": Entry("_codebook", "encoder"),
    "ImageEncoder": Entry("_images", "image encoder"),
    "Pooling": Entry("_pooling", "encoder"),
    "Vlad": Entry("_codebook", "encoder"),
}
#: All other public names, with their modules.
OTHERS = {
    "Climb": "_climb",
    "Listing": "_open",
    "Statistics": "_fishervec",
    "__version__": "_fishervec",
    "fisher_vector": "_function",
    "load": "_files",
    "open_sets": "_open",
    "smooth_contributions": "_smoothing",
    "write_vectors": "_vectors",
}

#: Public modules: the estimators over a cluster, the part of the workers of other engines, the functions of
#: other libraries, and plots. `from fishervec import *` leaves them out, or they would take the names of dask
#: and scikit-image.
MODULES = ("arrow", "dask", "gist", "plot", "skimage")


def public(name: str) -> Any:
    """The public object, or module, of that name."""
    if name in MODULES:
        return import_module(f"{__package__}.{name}")
    module = ESTIMATORS[name].module if name in ESTIMATORS else OTHERS[name]
    return getattr(import_module(f"{__package__}.{module}"), name)


def estimators(*kinds: Kind) -> dict[str, type[Any]]:
    """The classes of these kinds, or all classes, by name."""
    return {name: public(name) for name, entry in ESTIMATORS.items() if not kinds or entry.kind in kinds}
