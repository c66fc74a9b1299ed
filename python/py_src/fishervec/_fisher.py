"""The Fisher vector as a scikit-learn estimator over sets."""

from typing import Any

import numpy as np

from . import _checks as check
from . import _fishervec, _given, _settings
from ._columns import Fitted
from ._deprecation import Deprecated
from ._docs import documented
from ._encoder import SetEncoder
from ._mixture import GaussianMixture
from ._pca import DescriptorPCA, of_pipeline, projection
from ._types import RandomState


@documented
class FisherVector(SetEncoder):
    """Encodes a set as a Fisher vector, by default in the convention "sanchez": the gradient of a log-likelihood.

    It learns what typical descriptors look like: a mixture of Gaussians. The vector of a new set says how each
    component would have to gain weight, move and stretch to explain this set better, in comparable units.

    Parameters
    ----------
    n_components : int, default=64
        Number K of components of the mixture; not used if `mixture` is given.
    mixture : GaussianMixture, sklearn.mixture.GaussianMixture, FrozenEstimator of one, or None, default=None
        A fitted mixture is used as it is. One that is not fitted is a template: a mixture with its parameters is
        fitted. None is a template with ``reg_covar=0`` and ``variance_floor=1e-3``, as in the command. `clone` (so
        GridSearchCV and cross_val_score too) discards the fit: each fold fits its own. Wrap the mixture in
        :class:`sklearn.frozen.FrozenEstimator` to keep it.
    {pca}
    {rows}
    {whiten}
    {position_columns}
    {spatial}
    {pyramid}
    convention : {"sanchez", "gist", "vlfeat", "scikit-image"}, default="sanchez"
        Whose Fisher vector it is: signs, units, and the defaults of the next two parameters.
    gradients : str or None, default=None
        Blocks in their order, letters separated by commas: w weights (K), m means (K D), v variances (K D). None
        means those of the convention: "w,m,v", or "m,v" for vlfeat.
    information : {"none", "closed-form", "empirical", "empirical-centred"} or None, default=None
        The Fisher information that gives the gradients comparable units: none, the closed form of Sanchez et al.
        2013, each coordinate divided by the root of its mean square on the training sets, or each standardised on
        them. None means that of the convention: "closed-form", or "none" for gist.
    {power}
    {norm}
    threshold : float or None, default=None
        Posteriors below this fraction of their descriptor's largest are dropped, which makes the encoding fast; 0
        keeps all, 1 only the largest. None means 1e-7 for float32 and 1e-14 for float64.
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
    mixture_ : GaussianMixture
        The mixture, of the descriptors after `rows` and `pca`.
    {location_}
    pca_ : DescriptorPCA or None
        The preprocessing of descriptors, if it has a projection.
    {n_features_in_}
    {feature_names_in_}
    n_features_out_ : int
        P, the length of a vector: K + 2 K D with all blocks; with `spatial`, of C Gaussians over L columns, 2 K C L
        more, and K C if C is above 1; times the cells of a pyramid.

    See Also
    --------
    fisher_vector : One set, one mixture, one function.
    Pooling : The baseline.

    Notes
    -----
    {sets}

    {encoder_statistics}

    Cost O(n K D), times the Gaussians of `spatial`; memory independent of n. The equations are those of J. Sanchez,
    F. Perronnin, T. Mensink, J. Verbeek, "Image Classification with the Fisher Vector: Theory and Practice", IJCV
    105(3), 2013, Eqs. 16 to 18, divided by n; `spatial` is that of J. Krapac, J. Verbeek, F. Jurie, "Modeling Spatial
    Layout with Fisher Vectors for Image Categorization", ICCV 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import FisherVector
    >>> rng = np.random.default_rng(0)
    >>> sets = [rng.normal(size=(n, 3)) for n in (200, 300, 400)]
    >>> FisherVector(n_components=4, random_state=0).fit_transform(sets).shape
    (3, 28)
    """

    mixture_: GaussianMixture
    location_: GaussianMixture | None
    pca_: DescriptorPCA | None
    _kind = "fisher"

    def __init__(
        self,
        n_components: int = 64,
        *,
        mixture: Any = None,
        pca: int | DescriptorPCA | None = None,
        rows: str | None = None,
        whiten: bool = False,
        position_columns: int = 0,
        spatial: Any = None,
        pyramid: str | None = None,
        convention: str = "sanchez",
        gradients: str | None = None,
        information: str | None = None,
        power: float | None = 0.5,
        norm: str | None = "l2",
        threshold: float | None = None,
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
        self.n_components = n_components
        self.mixture = mixture
        self.pca = pca
        self.rows = rows
        self.whiten = whiten
        self.position_columns = position_columns
        self.spatial = spatial
        self.pyramid = pyramid
        self.convention = convention
        self.gradients = gradients
        self.information = information
        self.power = power
        self.norm = norm
        self.threshold = threshold
        self.sample = sample
        self.polish = polish
        self.information_sets = information_sets
        self.random_state = random_state
        self.missing = missing
        self.padding = padding
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.carry = carry

    def _plan(self) -> _settings.Plan:
        mixture = _given.mixture(self.mixture, self.n_components)
        n_components = 1
        if isinstance(mixture, GaussianMixture):
            n_components = check.integer("n_components", mixture.n_components)
        plan = _settings.preprocessing(self, projection(self.pca), _settings.PER_COMPONENT * n_components)
        return _settings.fisher(self, mixture, plan).laid_out(self.pyramid, _given.location(self.spatial))

    def _set_pipeline(self, pipeline: _fishervec.Pipeline) -> None:
        super()._set_pipeline(pipeline)
        assert pipeline.mixture is not None
        self.mixture_ = _given.template(self.mixture, self.n_components)
        self.mixture_.set_params(n_components=len(pipeline.mixture.weights), n_jobs=self.n_jobs)
        self.mixture_._set_mixture(pipeline.mixture, pipeline.report)
        self.pca_ = of_pipeline(pipeline, n_jobs=self.n_jobs)
        self.location_ = _given.location_of(pipeline)

    def _remember(self, fitted: Fitted) -> None:
        super()._remember(fitted)
        names = fitted.all_names()
        if names is None or not hasattr(self, "mixture_"):
            return
        # The parts know the names, too, so that they are checked where the parts are used.
        if self.pca_ is None:
            self.mixture_._remember(Fitted(np.array(names[: self.mixture_.n_features_in_], dtype=object)))
        elif not fitted.n_positions:
            self.pca_._remember(fitted)

    def _names(self, columns: list[str]) -> list[str]:
        words = {"w": "weight", "m": "mean", "v": "variance"}
        k, d = self.mixture_.means_.shape
        ends = {"w": [""], "m": [f"_{column}" for column in columns[:d]]}
        names = [
            f"{words[block]}_{i}{end}"
            for block in _settings.of_encoder(self._pipeline)["gradients"].split(",")
            for i in range(k)
            for end in ends.get(block, ends["m"])
        ]
        return names + _given.location_names(self.location_, k, columns)
