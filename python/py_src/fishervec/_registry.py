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
    "LazySets": "_lazy",
    "Statistics": "_fishervec",
    "__version__": "_fishervec",
    "fisher_vector": "_function",
    "load": "_files",
    "open_sets": "_open",
    "write_vectors": "_vectors",
}

#: The formats that are read in Python, by ending: module, function, and whether several files are one.
READERS = {
    (".parquet", ".pq"): ("_tables", "open_parquet", True),
    (".arrow", ".feather", ".ipc"): ("_tables", "open_arrow", True),
    (".csv", ".tsv", ".csv.gz", ".tsv.gz"): ("_tables", "open_csv", True),
    (".zarr",): ("_zarr", "open_zarr", False),
    (".h5ad",): ("_anndata", "open_anndata", False),
    (".ark", ".scp"): ("_ark", "open_ark", False),
}

#: Public modules, whose functions are those of other libraries. `from fishervec import *` leaves them out, or
#: one would take the name of scikit-image.
MODULES = ("gist", "skimage")


def public(name: str) -> Any:
    """The public object, or module, of that name."""
    if name in MODULES:
        return import_module(f"{__package__}.{name}")
    module = ESTIMATORS[name].module if name in ESTIMATORS else OTHERS[name]
    return getattr(import_module(f"{__package__}.{module}"), name)


def estimators(*kinds: Kind) -> dict[str, type[Any]]:
    """The classes of these kinds, or all classes, by name."""
    return {name: public(name) for name, entry in ESTIMATORS.items() if not kinds or entry.kind in kinds}


class Opener(NamedTuple):
    """How files, or objects, of a kind are opened."""

    module: str
    function: str
    #: Whether several files are one table.
    together: bool

    def __call__(self, source: Any, **asked: Any) -> Any:
        return getattr(import_module(f"{__package__}.{self.module}"), self.function)(source, **asked)


def opener_of(path: str) -> Opener | None:
    """How a file of this name is opened in Python; None if it is not."""
    return next((Opener(*opener) for endings, opener in READERS.items() if path.lower().endswith(endings)), None)
