"""VLAD and the bag of words: encoders of a codebook."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _checks as check
from ._base import SetEncoder
from ._fisher import PER_COMPONENT, FisherVector
from ._fishervec import Pipeline
from ._mixture import GaussianMixture
from ._pca import DescriptorPCA, projection
from ._place import location_of, place_names, place_plan
from ._sets import Batch


class CodebookEncoder(SetEncoder):
    """What encoders of a codebook share."""

    n_clusters: int
    codebook: Any
    assignment: str
    pca: int | DescriptorPCA | None
    power: float
    norm: str | None
    threshold: float | None
    max_iter: int
    tol: float
    verbose: int

    cluster_centers_: NDArray[np.float64]

    def _fit(self, batch: Batch) -> None:
        plan = self._plan(self._default_sample(), *projection(self.pca))
        plan |= {
            "encoder": self._kind,
            "power": check.real("power", self.power),
            "norm": check.optional(check.text, "norm", self.norm) or "none",
            "threshold": check.optional(check.real, "threshold", self.threshold),
        }
        assignment = check.text("assignment", self.assignment)
        if assignment == "soft":
            template = FisherVector(
                check.integer("n_clusters", self.n_clusters), mixture=self.codebook, threshold=self.threshold
            )
            fisher = template._fisher_plan()
            plan["mixture"] = fisher["mixture"]
            if isinstance(plan["mixture"], dict) and getattr(self.codebook, "random_state", None) is None:
                plan["mixture"]["seed"] = plan["seed"]
        elif assignment == "hard":
            plan["centres"] = self._centres()
        else:
            raise ValueError(f"assignment: expected 'hard' or 'soft', got {assignment!r}")
        self._set_pipeline(self._fit_plan(batch, plan | self._choices(), self.verbose))

    def _centres(self) -> Any:
        """The centres that are given, or the settings of a k-means."""
        if self.codebook is None:
            return {
                "n_clusters": check.integer("n_clusters", self.n_clusters),
                "max_iter": check.integer("max_iter", self.max_iter),
                "tol": check.real("tol", self.tol),
            }
        centres = getattr(self.codebook, "cluster_centers_", self.codebook)
        centres = np.asarray(centres, dtype=np.float64)
        if centres.ndim != 2:
            raise ValueError(f"codebook: expected centres of shape (K, D), got {centres.shape}")
        return centres

    def _choices(self) -> dict[str, Any]:
        """What else the plan has of this encoder."""
        return {}

    def _default_sample(self) -> int:
        return PER_COMPONENT * check.integer("n_clusters", self.n_clusters)

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        super()._set_pipeline(pipeline)
        assert pipeline.centres is not None
        self.cluster_centers_ = pipeline.centres


class Vlad(CodebookEncoder):
    """Encodes a set by the sums of its descriptors' residuals from the centres of a codebook: VLAD.

    Component k is the sum of q (x - c_k) over the descriptors, with q 1 for the nearest centre or the posterior under a
    mixture.

    Parameters
    ----------
    n_clusters : int, default=64
        Centres K of the codebook; not used where `codebook` is given.
    codebook : array of shape (K, D), KMeans, GaussianMixture or None, default=None
        A given codebook, of descriptors after `rows` and `pca`: its centres, or a fitted k-means of scikit-learn's; for
        a soft assignment a mixture, as `FisherVector` takes it. None is one to be fitted.
    assignment : {"hard", "soft"}, default="hard"
        How a descriptor counts: 1 for the nearest centre of k-means, or its posteriors under a mixture.
    mass : bool, default=False
        Whether to divide each component by the number of its descriptors.
    residual : bool, default=False
        Whether to give each residual the norm 1 first, of a hard assignment.
    pca : int, DescriptorPCA or None, default=None
        Project the descriptors to that many columns first, or by that fitted projection.
    rows : {"l2", "rootsift"} or None, default=None
        What is done to each descriptor before all else: x / |x|, or sign(x) sqrt(|x| / sum |x|).
    whiten : bool, default=False
        Whether to divide each projection by its standard deviation.
    carry : int, default=0
        How many of the last columns go round `rows` and `pca` and stand after them again: where a descriptor is, say.
    pyramid : str or None, default=None
        Grids over the carried columns: a vector a cell, one after the other, each normalised by itself. "1x1,2x2" is
        the whole and its quarters, "1,2,4" the whole, halves and quarters of a time.
    power : float, default=0.5
        Exponent of the signed power of each entry; 1 changes nothing.
    norm : {"l2", "intra+l2"} or None, default="intra+l2"
        The norm to divide by, after the power: of the whole, or of each component's entries and then of the whole.
    threshold : float or None, default=None
        Of a soft assignment: posteriors below this fraction of their descriptor's largest are dropped.
    max_iter : int, default=100
        Most iterations of k-means.
    tol : float, default=1e-4
        Stop once an iteration lowers the inertia by less than this fraction.
    sample : int or None, default=None
        Descriptors to learn from, drawn evenly from all; None is 1,000 a centre.
    random_state : int, RandomState instance, Generator or None, default=None
        The seed of the sample and of the codebook's start.
    n_jobs : int or None, default=None
        As in `FisherVector`.
    verbose : int, default=0
        Whether to print a line an iteration of a mixture's fit.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (K, D)
        The centres.
    n_features_in_ : int
        Columns of the descriptors.
    n_features_out_ : int
        P, the length of a vector: K D, times the cells of a pyramid.

    See Also
    --------
    FisherVector : Its relative with a mixture's weights and variances.

    Notes
    -----
    Sets are given as one of

    * a list, or any other iterable, of arrays of shape (n_i, d): anything that NumPy makes an array of, or that
      exports one by DLPack (torch, jax), and an object array of such;
    * an array of shape (n_sets, n, d), sets of one size;
    * the tuple (values, offsets): an array of shape (n, d) and the n_sets + 1 integers at which the sets begin and the
      last one ends, from 0 to n;
    * a column of lists of lists: an Arrow array, or a Series of pandas or polars.

    A set may be empty: its vector is zero. float32, float64, float16 and uint8 are computed with as they are, all else
    as float64; C order costs no copy. An array of shape (n, d) is an error: one set is ``[x]``.

    The order is that of VLFeat: mass, power, norm of each component, norm of all. H. Jegou, M. Douze, C. Schmid,
    P. Perez, "Aggregating local descriptors into a compact image representation", CVPR 2010; R. Arandjelovic,
    A. Zisserman, "All about VLAD", CVPR 2013; J. Delhumeau, P. Gosselin, H. Jegou, P. Perez, "Revisiting the VLAD
    image representation", ACM MM 2013. Cost O(n K D); memory independent of n.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import Vlad
    >>> sets = [[[0.0, 1.0], [4.0, 4.0]], [[0.0, 0.5]]]
    >>> vectors = Vlad(codebook=np.array([[0.0, 0.0], [4.0, 4.0]]), power=1.0, norm=None).fit_transform(sets)
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
        carry: int = 0,
        pyramid: str | None = None,
        power: float = 0.5,
        norm: str | None = "intra+l2",
        threshold: float | None = None,
        max_iter: int = 100,
        tol: float = 1e-4,
        sample: int | None = None,
        random_state: check.RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.codebook = codebook
        self.assignment = assignment
        self.mass = mass
        self.residual = residual
        self.pca = pca
        self.rows = rows
        self.whiten = whiten
        self.carry = carry
        self.pyramid = pyramid
        self.power = power
        self.norm = norm
        self.threshold = threshold
        self.max_iter = max_iter
        self.tol = tol
        self.sample = sample
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _choices(self) -> dict[str, Any]:
        choices = {"mass": check.boolean("mass", self.mass), "residual": check.boolean("residual", self.residual)}
        return choices | place_plan(None, self.pyramid)

    def _names(self, columns: list[str]) -> list[str]:
        k, d = self.cluster_centers_.shape
        return [f"residual_{i}_{column}" for i in range(k) for column in columns[:d]]


class BagOfWords(CodebookEncoder):
    """Encodes a set by the shares of its descriptors that belong to each centre of a codebook: the bag of words.

    Parameters
    ----------
    n_clusters : int, default=64
        Centres K of the codebook; not used where `codebook` is given.
    codebook : array of shape (K, D), KMeans, GaussianMixture or None, default=None
        A given codebook, of descriptors after `rows` and `pca`: its centres, or a fitted k-means of scikit-learn's; for
        a soft assignment a mixture, as `FisherVector` takes it. None is one to be fitted.
    assignment : {"hard", "soft"}, default="hard"
        How a descriptor counts: 1 for the nearest centre of k-means, or its posteriors under a mixture.
    pca : int, DescriptorPCA or None, default=None
        Project the descriptors to that many columns first, or by that fitted projection.
    rows : {"l2", "rootsift"} or None, default=None
        What is done to each descriptor before all else: x / |x|, or sign(x) sqrt(|x| / sum |x|).
    whiten : bool, default=False
        Whether to divide each projection by its standard deviation.
    carry : int, default=0
        How many of the last columns go round `rows` and `pca` and stand after them again: where a descriptor is, say.
    spatial : int, GaussianMixture, FrozenEstimator of one, or None, default=None
        What the carried columns, which say where a descriptor is, are then for: a model of that many Gaussians of them,
        or a fitted one, whose gradients for each component are blocks of their own: the spatial Fisher vector.
    pyramid : str or None, default=None
        Grids over the carried columns: a vector a cell, one after the other, each normalised by itself. "1x1,2x2" is
        the whole and its quarters, "1,2,4" the whole, halves and quarters of a time.
    information : {"none", "closed-form", "empirical", "empirical-centred"} or None, default=None
        The unit of the entries: shares as they are; over the root of the component's weight, and the closed form for
        the place; or each over the root of its mean square on the training sets, or standardised on them. None is
        "none", or "closed-form" with `spatial`.
    power : float, default=0.5
        Exponent of the signed power of each entry; 1 changes nothing, 0.5 with "l2" is the Hellinger kernel's map.
    norm : {"l2", "intra+l2"} or None, default="l2"
        The norm to divide by, after the power.
    threshold : float or None, default=None
        Of a soft assignment: posteriors below this fraction of their descriptor's largest are dropped.
    max_iter : int, default=100
        Most iterations of k-means.
    tol : float, default=1e-4
        Stop once an iteration lowers the inertia by less than this fraction.
    sample : int or None, default=None
        Descriptors to learn from, drawn evenly from all; None is 1,000 a centre.
    information_sets : int, default=2000
        Sets an empirical information is learned from, drawn evenly from all.
    random_state : int, RandomState instance, Generator or None, default=None
        The seed of the sample and of the codebook's start.
    n_jobs : int or None, default=None
        As in `FisherVector`.
    verbose : int, default=0
        Whether to print a line an iteration of a mixture's fit.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (K, D)
        The centres.
    location_ : GaussianMixture or None
        The model of where descriptors are, with `spatial`.
    n_features_in_ : int
        Columns of the descriptors.
    n_features_out_ : int
        P, the length of a vector: K; with `spatial`, of C Gaussians over L columns, 2 K C L more, and K C where C is
        above 1; times the cells of a pyramid.

    See Also
    --------
    FisherVector : The encoder that also knows where the descriptors are around the centres.

    Notes
    -----
    Sets are given as one of

    * a list, or any other iterable, of arrays of shape (n_i, d): anything that NumPy makes an array of, or that
      exports one by DLPack (torch, jax), and an object array of such;
    * an array of shape (n_sets, n, d), sets of one size;
    * the tuple (values, offsets): an array of shape (n, d) and the n_sets + 1 integers at which the sets begin and the
      last one ends, from 0 to n;
    * a column of lists of lists: an Arrow array, or a Series of pandas or polars.

    A set may be empty: its vector is zero. float32, float64, float16 and uint8 are computed with as they are, all else
    as float64; C order costs no copy. An array of shape (n, d) is an error: one set is ``[x]``.

    G. Csurka, C. Dance, L. Fan, J. Willamowski, C. Bray, "Visual categorization with bags of keypoints", ECCV workshop
    2004; `spatial` is that of J. Krapac, J. Verbeek, F. Jurie, "Modeling Spatial Layout with Fisher Vectors for Image
    Categorization", ICCV 2011. With a hard assignment a descriptor counts for its likeliest Gaussian alone, too.
    Cost O(n K D), and as many times as much as `spatial` has Gaussians; memory independent of n.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import BagOfWords
    >>> sets = [[[0.0, 1.0], [4.0, 4.0]], [[0.0, 0.5]]]
    >>> BagOfWords(codebook=np.array([[0.0, 0.0], [4.0, 4.0]]), power=1.0, norm=None).fit_transform(sets).tolist()
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
        carry: int = 0,
        spatial: Any = None,
        pyramid: str | None = None,
        information: str | None = None,
        power: float = 0.5,
        norm: str | None = "l2",
        threshold: float | None = None,
        max_iter: int = 100,
        tol: float = 1e-4,
        sample: int | None = None,
        information_sets: int = 2000,
        random_state: check.RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.codebook = codebook
        self.assignment = assignment
        self.pca = pca
        self.rows = rows
        self.whiten = whiten
        self.carry = carry
        self.spatial = spatial
        self.pyramid = pyramid
        self.information = information
        self.power = power
        self.norm = norm
        self.threshold = threshold
        self.max_iter = max_iter
        self.tol = tol
        self.sample = sample
        self.information_sets = information_sets
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _choices(self) -> dict[str, Any]:
        information = check.optional(check.text, "information", self.information)
        return place_plan(self.spatial, self.pyramid) | {"information": information}

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        super()._set_pipeline(pipeline)
        self.location_ = location_of(pipeline)

    def _names(self, columns: list[str]) -> list[str]:
        k = len(self.cluster_centers_)
        return [f"share_{i}" for i in range(k)] + place_names(self.location_, k, columns)
