"""VLAD, the bag of words and H2T: encoders by a codebook."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from . import _checks as check
from . import _given, _settings
from ._deprecation import Deprecated
from ._docs import documented
from ._encoder import SetEncoder
from ._fishervec import Pipeline
from ._mixture import GaussianMixture
from ._pca import DescriptorPCA, projection
from ._types import RandomState

__all__ = ["H2T", "BagOfWords", "Vlad"]


class CodebookEncoder(SetEncoder):
    """What encoders by a codebook share."""

    n_clusters: int
    codebook: Any
    pca: int | DescriptorPCA | None
    pyramid: str | None
    power: float | None
    norm: str | None
    max_iter: int
    tol: float
    verbose: int

    cluster_centers_: NDArray[np.float64]

    def _plan(self) -> _settings.Plan:
        n_clusters = check.integer("n_clusters", self.n_clusters)
        plan = _settings.preprocessing(self, projection(self.pca), _settings.PER_COMPONENT * n_clusters)
        mixture = _given.mixture(self.codebook, n_clusters, "codebook") if self._is_soft() else None
        return _settings.codebook(self, self._kind, mixture, plan, **self._choices()).laid_out(self.pyramid)

    def _is_soft(self) -> bool:
        """Whether descriptors are assigned by the posteriors of a mixture, not to the nearest centre."""
        return False

    def _choices(self) -> _settings.Settings:
        """The settings of the encoder beside its codebook, power and norm."""
        return {}

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        super()._set_pipeline(pipeline)
        assert pipeline.centres is not None
        self.cluster_centers_ = pipeline.centres


class AssignedEncoder(CodebookEncoder):
    """What encoders share whose codebook has a hard or a soft assignment."""

    assignment: str
    threshold: float | None

    def _is_soft(self) -> bool:
        assignment = check.text("assignment", self.assignment)
        if assignment not in ("hard", "soft"):
            raise ValueError(f"assignment must be 'hard' or 'soft', got {assignment!r}")
        return assignment == "soft"

    def _choices(self) -> _settings.Settings:
        return _settings.threshold(self)


@documented
class Vlad(AssignedEncoder):
    """Encodes a set by the sums of its descriptors' residuals from the centres of a codebook: VLAD.

    Component k is the sum of q (x - c_k) over the descriptors, where q is 1 for the nearest centre, or the posterior
    under a mixture.

    Parameters
    ----------
    {n_clusters}
    {codebook}
    {assignment}
    mass : bool, default=False
        Whether to divide each component by the number of its descriptors.
    residual : bool, default=False
        Whether to scale each residual to norm 1 first; for a hard assignment.
    {pca}
    {rows}
    {whiten}
    {position_columns}
    {pyramid}
    {power}
    {norm}
    {soft_threshold}
    {max_iter}
    {tol}
    {sample}
    {polish}
    {random_state}
    {missing}
    {padding}
    {n_jobs}
    {verbose}
    {carry}

    Attributes
    ----------
    {cluster_centers_}
    {n_features_in_}
    {feature_names_in_}
    n_features_out_ : int
        P, the length of a vector: K D, times the cells of a pyramid.

    See Also
    --------
    FisherVector : The related encoder with a mixture's weights and variances.

    Notes
    -----
    {sets}

    {encoder_statistics}

    The order is that of VLFeat: mass, power, norm of each component, norm of all. H. Jegou, M. Douze, C. Schmid,
    P. Perez, "Aggregating local descriptors into a compact image representation", CVPR 2010; R. Arandjelovic,
    A. Zisserman, "All about VLAD", CVPR 2013; J. Delhumeau, P. Gosselin, H. Jegou, P. Perez, "Revisiting the VLAD
    image representation", ACM MM 2013. Cost O(n K D); memory independent of n.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import Vlad
    >>> sets = [[[0.0, 1.0], [4.0, 4.0]], [[0.0, 0.5]]]
    >>> vectors = Vlad(codebook=np.array([[0.0, 0.0], [4.0, 4.0]]), power=None, norm=None).fit_transform(sets)
    >>> vectors.round(6)[:, 1].tolist()
    [1.0, 0.5]
    """

    _kind = "vlad"

    def __init__(
        self,
        n_clusters: int = 64,
        *,
        codebook: Any = None,
        assignment: str = "hard",
        mass: bool = False,
        residual: bool = False,
        pca: int | DescriptorPCA | None = None,
        rows: str | None = None,
        whiten: bool = False,
        position_columns: int = 0,
        pyramid: str | None = None,
        power: float | None = 0.5,
        norm: str | None = "intra+l2",
        threshold: float | None = None,
        max_iter: int = 100,
        tol: float = 1e-4,
        sample: int | None = None,
        polish: int = 0,
        random_state: RandomState = None,
        missing: str = "error",
        padding: str | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        carry: int | Deprecated = "deprecated",
    ) -> None:
        self.n_clusters = n_clusters
        self.codebook = codebook
        self.assignment = assignment
        self.mass = mass
        self.residual = residual
        self.pca = pca
        self.rows = rows
        self.whiten = whiten
        self.position_columns = position_columns
        self.pyramid = pyramid
        self.power = power
        self.norm = norm
        self.threshold = threshold
        self.max_iter = max_iter
        self.tol = tol
        self.sample = sample
        self.polish = polish
        self.random_state = random_state
        self.missing = missing
        self.padding = padding
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.carry = carry

    def _choices(self) -> _settings.Settings:
        return super()._choices() | _settings.vlad(self)

    def _names(self, columns: list[str]) -> list[str]:
        k, d = self.cluster_centers_.shape
        return [f"residual_{i}_{column}" for i in range(k) for column in columns[:d]]

    def _check_statistics(self) -> None:
        if self.residual:
            raise ValueError("residual must be False for statistics: they do not know the norm of each residual")


@documented
class BagOfWords(AssignedEncoder):
    """Encodes a set by the shares of its descriptors that belong to each centre of a codebook: the bag of words.

    Parameters
    ----------
    {n_clusters}
    {codebook}
    {assignment}
    {pca}
    {rows}
    {whiten}
    {position_columns}
    {spatial}
    {pyramid}
    information : {"none", "closed-form", "empirical", "empirical-centred"} or None, default=None
        The unit of the entries: shares as they are; divided by the root of the component's weight, with the closed
        form for the position columns; each divided by the root of its mean square on the training sets; or each
        standardised on them. None means "none", or "closed-form" with `spatial`.
    {power}
    {norm}
    {soft_threshold}
    {max_iter}
    {tol}
    {sample}
    {polish}
    {information_sets}
    {random_state}
    {missing}
    {padding}
    {n_jobs}
    {verbose}
    {carry}

    Attributes
    ----------
    {cluster_centers_}
    {location_}
    {n_features_in_}
    {feature_names_in_}
    n_features_out_ : int
        P, the length of a vector: K; with `spatial`, of C Gaussians over L columns, 2 K C L more, and K C if C is
        above 1; times the cells of a pyramid.

    See Also
    --------
    FisherVector : The encoder that also describes where the descriptors are around the centres.

    Notes
    -----
    {sets}

    {encoder_statistics}

    A power of 0.5 with the norm "l2" is the map of the Hellinger kernel. G. Csurka, C. Dance, L. Fan, J. Willamowski,
    C. Bray, "Visual categorization with bags of keypoints", ECCV workshop 2004; `spatial` is that of J. Krapac,
    J. Verbeek, F. Jurie, "Modeling Spatial Layout with Fisher Vectors for Image Categorization", ICCV 2011. With a
    hard assignment a descriptor also counts for its likeliest Gaussian only. Cost O(n K D), times the Gaussians of
    `spatial`; memory independent of n.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import BagOfWords
    >>> sets = [[[0.0, 1.0], [4.0, 4.0]], [[0.0, 0.5]]]
    >>> BagOfWords(codebook=np.array([[0.0, 0.0], [4.0, 4.0]]), power=None, norm=None).fit_transform(sets).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """

    location_: GaussianMixture | None
    _kind = "bow"

    def __init__(
        self,
        n_clusters: int = 64,
        *,
        codebook: Any = None,
        assignment: str = "hard",
        pca: int | DescriptorPCA | None = None,
        rows: str | None = None,
        whiten: bool = False,
        position_columns: int = 0,
        spatial: Any = None,
        pyramid: str | None = None,
        information: str | None = None,
        power: float | None = 0.5,
        norm: str | None = "l2",
        threshold: float | None = None,
        max_iter: int = 100,
        tol: float = 1e-4,
        sample: int | None = None,
        polish: int = 0,
        information_sets: int = 2000,
        random_state: RandomState = None,
        missing: str = "error",
        padding: str | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        carry: int | Deprecated = "deprecated",
    ) -> None:
        self.n_clusters = n_clusters
        self.codebook = codebook
        self.assignment = assignment
        self.pca = pca
        self.rows = rows
        self.whiten = whiten
        self.position_columns = position_columns
        self.spatial = spatial
        self.pyramid = pyramid
        self.information = information
        self.power = power
        self.norm = norm
        self.threshold = threshold
        self.max_iter = max_iter
        self.tol = tol
        self.sample = sample
        self.polish = polish
        self.information_sets = information_sets
        self.random_state = random_state
        self.missing = missing
        self.padding = padding
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.carry = carry

    def _choices(self) -> _settings.Settings:
        return super()._choices() | _settings.bag_of_words(self)

    def _plan(self) -> _settings.Plan:
        return super()._plan().laid_out(self.pyramid, _given.location(self.spatial))

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        super()._set_pipeline(pipeline)
        self.location_ = _given.location_of(pipeline)

    def _names(self, columns: list[str]) -> list[str]:
        k = len(self.cluster_centers_)
        return [f"share_{i}" for i in range(k)] + _given.location_names(self.location_, k, columns)


@documented
class H2T(CodebookEncoder):
    """Encodes a set by the mean of its descriptors at each prototype: the handcrafted histological transformer.

    Component k is the mean of the descriptors whose nearest prototype it is, and zero where there are none.

    Parameters
    ----------
    {n_clusters}
    codebook : array of shape (K, D), KMeans or None, default=None
        The prototypes, of descriptors after `rows` and `pca`, or a fitted k-means of scikit-learn; None fits them.
    {pca}
    {rows}
    {whiten}
    {position_columns}
    {pyramid}
    power : float or None, default=None
        Exponent of the signed power of each entry; None means 1, which changes nothing.
    norm : {"l2", "intra+l2"} or None, default=None
        The norm to divide by, after the power; None means none.
    {max_iter}
    {tol}
    {sample}
    {polish}
    {random_state}
    {missing}
    {padding}
    {n_jobs}
    {verbose}

    Attributes
    ----------
    {cluster_centers_}
    {n_features_in_}
    {feature_names_in_}
    n_features_out_ : int
        P, the length of a vector: K D, times the cells of a pyramid.

    See Also
    --------
    Vlad : The mean's distance from the prototype, summed.
    BagOfWords : With ``assignment="hard", power=None, norm="l2"``, the counts that go with these means.

    Notes
    -----
    {sets}

    {encoder_statistics}

    Q. D. Vu, K. Rajpoot, S. E. A. Raza, N. Rajpoot, "Handcrafted Histological Transformer (H2T): Unsupervised
    representation of whole slide images", Medical Image Analysis 85, 2023. With ``rows="l2"`` and prototypes of norm 1
    it is the H2T that A. H. Song et al., "Morphological Prototyping for Unsupervised Slide Representation Learning in
    Computational Pathology", CVPR 2024 (PANTHER), compare with. Cost O(n K D); memory independent of n.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import H2T
    >>> sets = [[[0.0, 1.0], [4.0, 4.0], [4.0, 2.0]], [[0.0, 0.5]]]
    >>> H2T(codebook=np.array([[0.0, 0.0], [4.0, 4.0]])).fit_transform(sets).round(6).tolist()
    [[0.0, 1.0, 4.0, 3.0], [0.0, 0.5, 0.0, 0.0]]
    """

    _kind = "h2t"
    # It is younger than the former names of parameters.
    _deprecated: ClassVar[dict[str, str | None]] = {}

    def __init__(
        self,
        n_clusters: int = 64,
        *,
        codebook: Any = None,
        pca: int | DescriptorPCA | None = None,
        rows: str | None = None,
        whiten: bool = False,
        position_columns: int = 0,
        pyramid: str | None = None,
        power: float | None = None,
        norm: str | None = None,
        max_iter: int = 100,
        tol: float = 1e-4,
        sample: int | None = None,
        polish: int = 0,
        random_state: RandomState = None,
        missing: str = "error",
        padding: str | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.codebook = codebook
        self.pca = pca
        self.rows = rows
        self.whiten = whiten
        self.position_columns = position_columns
        self.pyramid = pyramid
        self.power = power
        self.norm = norm
        self.max_iter = max_iter
        self.tol = tol
        self.sample = sample
        self.polish = polish
        self.random_state = random_state
        self.missing = missing
        self.padding = padding
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _names(self, columns: list[str]) -> list[str]:
        k, d = self.cluster_centers_.shape
        return [f"mean_{i}_{column}" for i in range(k) for column in columns[:d]]
