"""Fisher vectors: sets of local descriptors to one vector each, for scikit-learn.

`FisherVector` is the encoder, an estimator over sets; `fisher_vector` a function of one set and one mixture;
`Vlad` and `BagOfWords` are its relatives, `Pooling` the baseline; `GaussianMixture` is the mixture; `DescriptorPCA` is
what is done to descriptors before; `DenseSift` the descriptors of images, `ImageEncoder` all from images to vectors;
`load` reads what `save` wrote.
"""

from ._codebook import BagOfWords, Vlad
from ._files import load
from ._fisher import FisherVector
from ._fishervec import Statistics, __version__
from ._function import fisher_vector
from ._images import DenseSift, ImageEncoder
from ._mixture import GaussianMixture
from ._pca import DescriptorPCA
from ._pooling import Pooling

__all__ = [
    "BagOfWords",
    "DenseSift",
    "DescriptorPCA",
    "FisherVector",
    "GaussianMixture",
    "ImageEncoder",
    "Pooling",
    "Statistics",
    "Vlad",
    "__version__",
    "fisher_vector",
    "load",
]
