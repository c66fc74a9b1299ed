"""Fisher vectors: each set of local descriptors becomes one vector, for scikit-learn.

`FisherVector` is the encoder, an estimator over sets; `fisher_vector` is a function of one set and one mixture.
`Vlad`, `BagOfWords` and `H2T` are related encoders, and `Pooling` is the baseline. `GaussianMixture` is the mixture,
`DescriptorPCA` preprocesses descriptors, `DenseSift` computes the descriptors of images, `ImageEncoder` encodes
images, `load` reads what `save` wrote, `write_vectors` writes vectors to files, and `smooth_contributions` smooths the
shares of descriptors in scores. `Climb` improves a fitted encoder
by passes over descriptors that lie anywhere. The module `dask` has the estimators over a cluster, `arrow` the part of
the workers of other engines, Spark and Ray. The modules `gist` and `skimage` have the functions of the gist "Fisher
vectors with sklearn" and of scikit-image, and `plot` draws on axes of matplotlib.
"""

from typing import TYPE_CHECKING, Any

from ._registry import ESTIMATORS, MODULES, OTHERS, public

if TYPE_CHECKING:
    from . import arrow as arrow
    from . import dask as dask
    from . import gist as gist
    from . import plot as plot
    from . import skimage as skimage
    from ._climb import Climb as Climb
    from ._codebook import *  # noqa: F403
    from ._dense_sift import DenseSift as DenseSift
    from ._files import load as load
    from ._fisher import FisherVector as FisherVector
    from ._fishervec import Statistics as Statistics
    from ._fishervec import __version__ as __version__
    from ._function import fisher_vector as fisher_vector
    from ._images import ImageEncoder as ImageEncoder
    from ._mixture import GaussianMixture as GaussianMixture
    from ._open import Listing as Listing
    from ._open import open_sets as open_sets
    from ._pca import DescriptorPCA as DescriptorPCA
    from ._pooling import Pooling as Pooling
    from ._smoothing import smooth_contributions as smooth_contributions
    from ._vectors import write_vectors as write_vectors

# The one list of public names is the registry's.
__all__ = sorted([*ESTIMATORS, *OTHERS])

# A type checker that saw this function would take any name for one of the package's.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first asked for: scikit-learn takes a second, and the command needs none."""
        if name not in __all__ and name not in MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = public(name)
        return globals()[name]


def __dir__() -> list[str]:
    return sorted(globals().keys() | set(__all__) | set(MODULES))
