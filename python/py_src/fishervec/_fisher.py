"""The Fisher vector as a scikit-learn estimator over sets."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture as SklearnMixture
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from ._base import SetEncoder, is_empirical, warn_of_few_sets
from ._fishervec import Pipeline, Statistics
from ._mixture import GaussianMixture, compiled, warn_of_fit
from ._pca import DescriptorPCA, of_pipeline, projection
from ._place import location_of, place_names, place_plan
from ._sets import Batch, Floats, Sets, as_batch, as_statistics
from ._threads import n_threads

#: Descriptors drawn a component: what the command line takes.
PER_COMPONENT = 1000
#: Below these many a component a warning.
FEW_ROWS = 50
#: The mixture of an encoder that is given none, where it is not as GaussianMixture's: the command line's.
OWN_MIXTURE: dict[str, Any] = {"reg_covar": 0.0, "variance_floor": 1e-3}


class FisherVector(SetEncoder):
    """Encodes a set of descriptors by the gradient of a mixture's log-likelihood: the Fisher vector.

    Learns what typical descriptors look like, a mixture of Gaussians. Of a new set it writes down how each component
    would have to gain weight, move and stretch to explain this set better; in comparable units, that is its vector.

    Parameters
    ----------
    n_components : int, default=64
        Components K of the mixture; not used where `mixture` is given.
    mixture : GaussianMixture, sklearn.mixture.GaussianMixture, FrozenEstimator of one, or None, default=None
        A fitted one is used as it is. One that is not fitted is a template: a mixture with its parameters is fitted.
        None is a template with ``reg_covar=0`` and ``variance_floor=1e-3``, as the command line's. `clone`, and with it
        GridSearchCV, makes of a fitted mixture one that is not; :class:`sklearn.frozen.FrozenEstimator` keeps it.
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
    convention : {"sanchez", "gist", "vlfeat", "scikit-image"}, default="sanchez"
        Whose Fisher vector: signs, units, and the defaults of the next two.
    gradients : str or None, default=None
        Blocks in their order, letters separated by commas: w weights (K), m means (K D), v variances (K D). None is the
        convention's: "w,m,v", or "m,v" for vlfeat.
    information : {"none", "closed-form", "empirical", "empirical-centred"} or None, default=None
        The Fisher information that gives the gradients comparable units: none, the closed form of Sanchez et al. 2013,
        each coordinate over the root of its mean square on the training sets, or each standardised on them. None is the
        convention's: "closed-form", or "none" for gist.
    power : float, default=0.5
        Exponent of the signed power of each entry; 1 changes nothing.
    norm : {"l2", "intra+l2"} or None, default="l2"
        The norm to divide by, after the power: of the whole, or of each component's entries and then of the whole.
    threshold : float or None, default=None
        Posteriors below this fraction of their descriptor's largest are dropped, which is what makes it fast; 0 keeps
        all, 1 the largest alone. None is 1e-7 for float32 and 1e-14 for float64.
    sample : int or None, default=None
        Descriptors to learn from, drawn evenly from all; None is 1,000 a component.
    information_sets : int, default=2000
        Sets an empirical information is learned from, drawn evenly from all.
    random_state : int, RandomState instance, Generator or None, default=None
        The seed of the samples and of the mixture's start; an integer is the seed itself.
    n_jobs : int or None, default=None
        Threads, which never change a result. None is all cores the process may use (1 in a worker of joblib or dask),
        or what the environment variable FISHERVEC_NUM_THREADS says; -1 is all cores.
    verbose : int, default=0
        Whether to print a line an iteration of the mixture's fit.

    Attributes
    ----------
    mixture_ : GaussianMixture
        The mixture, of the descriptors after `rows` and `pca`.
    location_ : GaussianMixture or None
        The model of where descriptors are, with `spatial`.
    pca_ : DescriptorPCA or None
        What is done to descriptors before, where that is a projection.
    n_features_in_ : int
        Columns of the descriptors.
    n_features_out_ : int
        P, the length of a vector: K + 2 K D with all blocks; with `spatial`, of C Gaussians over L columns, 2 K C L
        more, and K C where C is above 1; times the cells of a pyramid.

    See Also
    --------
    fisher_vector : One set, one mixture, one function.
    Pooling : The baseline.

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

    In place of sets, `transform` takes the list that `statistics` returned, and so does `fit` where the mixture is
    given fitted.

    Cost O(n K D); memory independent of n. The equations are those of J. Sanchez, F. Perronnin, T. Mensink, J. Verbeek,
    "Image Classification with the Fisher Vector: Theory and Practice", IJCV 105(3), 2013, Eqs. 16 to 18, divided by n;
    `spatial` is that of J. Krapac, J. Verbeek, F. Jurie, "Modeling Spatial Layout with Fisher Vectors for Image
    Categorization", ICCV 2011. It costs as many times as much as it has Gaussians.

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
        carry: int = 0,
        spatial: Any = None,
        pyramid: str | None = None,
        convention: str = "sanchez",
        gradients: str | None = None,
        information: str | None = None,
        power: float = 0.5,
        norm: str | None = "l2",
        threshold: float | None = None,
        sample: int | None = None,
        information_sets: int = 2000,
        random_state: check.RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.mixture = mixture
        self.pca = pca
        self.rows = rows
        self.whiten = whiten
        self.carry = carry
        self.spatial = spatial
        self.pyramid = pyramid
        self.convention = convention
        self.gradients = gradients
        self.information = information
        self.power = power
        self.norm = norm
        self.threshold = threshold
        self.sample = sample
        self.information_sets = information_sets
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, sets: Sets, y: Any = None, *, weights: Sets | None = None) -> Self:
        """Fit projection, mixture and information to the descriptors of all sets; what is given fitted stays.

        Parameters
        ----------
        sets : sets of descriptors, or list of Statistics
            Training sets, in one of the forms in the class's notes; statistics will do where the mixture is given
            fitted.
        y : None
            Ignored.
        weights : weights of the descriptors, default=None
            In the same shape: an array of shape (n_i,) a set, or one array for values with offsets. A weight of 0
            leaves a descriptor out.

        Returns
        -------
        self : FisherVector
            The fitted encoder.

        Raises
        ------
        TypeError
            If `sets` are no sets, or a parameter is of another type.
        ValueError
            For numbers that are not finite, sets of different numbers of columns, too few descriptors, or a parameter
            out of range; where it is a set's fault, the set and the row are named.

        Warns
        -----
        ConvergenceWarning
            If the mixture did not converge within its `max_iter`.
        UserWarning
            For fewer than 50 descriptors a component, or an empirical information from fewer than 100 sets.
        """
        statistics = as_statistics(sets, weights)
        if statistics is not None:
            self._fit_statistics(statistics)
        else:
            self._fit(as_batch(sets, weights))
        return self

    def transform(self, sets: Sets, *, weights: Sets | None = None) -> Floats:
        """Encode each set.

        Parameters
        ----------
        sets : sets of descriptors, or list of Statistics
            In one of the forms in the class's notes. An iterator is read 256 sets at a time.
        weights : weights of the descriptors, default=None
            As in `fit`.

        Returns
        -------
        vectors : ndarray of shape (n_sets, n_features_out_)
            A row a set, in the float type of the descriptors (float64 for statistics); zeros for an empty set.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If `sets` are no sets.
        ValueError
            For numbers that are not finite, or another number of columns than in `fit`; set and row are named.
            Also for statistics under another mixture.
        """
        statistics = as_statistics(sets, weights)
        if statistics is None:
            return super().transform(sets, weights=weights)
        check_is_fitted(self)
        return self._pipeline.encode_statistics(statistics, n_threads(self.n_jobs))

    def fit_transform(self, sets: Sets, y: Any = None, *, weights: Sets | None = None) -> Floats:
        """Fit to all sets and encode them; sets and weights are looked at once.

        Parameters
        ----------
        sets : sets of descriptors, or list of Statistics
            As in `fit`.
        y : None
            Ignored.
        weights : weights of the descriptors, default=None
            As in `fit`.

        Returns
        -------
        vectors : ndarray of shape (n_sets, n_features_out_)
            As of `transform`.

        Raises
        ------
        TypeError
            If `sets` are no sets, or a parameter is of another type.
        ValueError
            For numbers that are not finite, sets of different numbers of columns, too few descriptors, or a parameter
            out of range; where it is a set's fault, the set and the row are named.

        Warns
        -----
        ConvergenceWarning
            If the mixture did not converge within its `max_iter`.
        UserWarning
            For fewer than 50 descriptors a component, or an empirical information from fewer than 100 sets.
        """
        statistics = as_statistics(sets, weights)
        if statistics is None:
            return super().fit_transform(sets, weights=weights)
        self._fit_statistics(statistics)
        return self._pipeline.encode_statistics(statistics, n_threads(self.n_jobs))

    def statistics(self, sets: Sets, *, weights: Sets | None = None) -> list[Statistics]:
        """Take the sufficient statistics of each set: all that any encoding under this mixture needs of the data.

        An encoder of another convention, power, norm or information needs no descriptors then, only these.

        Parameters
        ----------
        sets : sets of descriptors
            As in `transform`.
        weights : weights of the descriptors, default=None
            As in `fit`.

        Returns
        -------
        statistics : list of Statistics
            One a set, for `transform`, here and of other encoders with the same mixture.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If `sets` are no sets.
        ValueError
            For numbers that are not finite, or another number of columns than in `fit`; set and row are named.
        """
        check_is_fitted(self)
        batch = as_batch(sets, weights, self.n_features_in_)
        return self._pipeline.statistics(batch, n_threads(self.n_jobs))

    def _fit(self, batch: Batch) -> None:
        plan = self._fisher_plan()
        pipeline = self._fit_plan(batch, plan, self.verbose)
        self._set_pipeline(pipeline)
        if pipeline.report is not None:
            warn_of_fit(self.mixture_)
            n_rows = min(int(batch.sizes.sum()), plan["sample"])
            if n_rows < FEW_ROWS * len(self.mixture_.weights_):
                each = n_rows / len(self.mixture_.weights_)
                check.warn(f"{each:.1f} descriptors a component: few ({FEW_ROWS} are the least to aim for)")

    def _fit_statistics(self, statistics: list[Statistics]) -> None:
        plan = self._fisher_plan()
        if isinstance(plan["mixture"], dict) or plan["pca"] is not None:
            raise ValueError("sets: expected descriptors to fit to, got statistics, which will do for a fitted mixture")
        if isinstance(plan["spatial"], int) or plan["pyramid"] is not None:
            raise ValueError(
                "sets: expected descriptors, which have a place, got statistics, which will do for a fitted one"
            )
        steps, carry = plan["steps"], plan["carry"]
        if steps is not None:
            dim = steps.dim - steps.settings["carry"] + carry
        else:
            # What is carried is a column of the mixture, too, unless it has a model of its own.
            dim = plan["mixture"].means.shape[1] + (carry if plan["spatial"] is not None else 0)
        pipeline = Pipeline.assemble(plan, dim)
        if is_empirical(pipeline):
            pipeline, n_sets = pipeline.with_information_of(statistics, n_threads(self.n_jobs))
            warn_of_few_sets(n_sets)
        self._set_pipeline(pipeline)

    def _fisher_plan(self) -> dict[str, Any]:
        mixture = self._mixture_plan()
        components = mixture["n_components"] if isinstance(mixture, dict) else 1
        plan = self._plan(PER_COMPONENT * components, *projection(self.pca))
        threshold = check.optional(check.real, "threshold", self.threshold)
        if isinstance(mixture, dict):
            mixture["threshold"] = threshold
            if mixture["seed"] is None:
                mixture["seed"] = plan["seed"]
        return (
            plan
            | {
                "encoder": self._kind,
                "mixture": mixture,
                "convention": check.text("convention", self.convention),
                "gradients": check.optional(check.text, "gradients", self.gradients),
                "information": check.optional(check.text, "information", self.information),
                "power": check.real("power", self.power),
                "norm": check.optional(check.text, "norm", self.norm) or "none",
                "threshold": threshold,
            }
            | place_plan(self.spatial, self.pyramid)
        )

    def _default_sample(self) -> int:
        mixture = self._mixture_plan()
        return PER_COMPONENT * (mixture["n_components"] if isinstance(mixture, dict) else 1)

    def _mixture_plan(self) -> Any:
        """The compiled mixture that is given, or the settings of the fit of one."""
        given = self._given_mixture()
        if given is not None and (hasattr(given, "weights_") or not isinstance(given, BaseEstimator)):
            return given._compiled() if isinstance(given, GaussianMixture) else compiled(given, "mixture")
        template = self._template()
        seed = None if template.random_state is None else check.seed_of(template.random_state)
        params = template._params(seed)
        start = (template.weights_init, template.means_init, template.precisions_init)
        if any(part is not None for part in start):
            if any(part is None for part in start):
                raise ValueError("mixture: a template's start wants weights_init, means_init and precisions_init")
            # All is given, so no row is looked at.
            nothing = Batch(np.empty((0, np.atleast_2d(np.asarray(template.means_init)).shape[1])))
            params["init"] = template._start(nothing, params, 1)
        return params

    def _given_mixture(self) -> Any:
        """The `mixture` parameter, out of a FrozenEstimator if it is in one."""
        if isinstance(self.mixture, FrozenEstimator):
            check_is_fitted(self.mixture.estimator)
            return self.mixture.estimator
        return self.mixture

    def _template(self) -> GaussianMixture:
        """A mixture, not fitted, with the parameters of the one that is fitted or given."""
        given = self._given_mixture()
        if given is None:
            return GaussianMixture(self.n_components, **OWN_MIXTURE)
        if isinstance(given, GaussianMixture | SklearnMixture):
            names = GaussianMixture().get_params().keys() & given.get_params().keys()
            return GaussianMixture(**{name: getattr(given, name) for name in names})
        if isinstance(given, BaseEstimator) and not hasattr(given, "weights_"):
            raise TypeError(f"mixture: expected a GaussianMixture, got {type(given).__name__}")
        return GaussianMixture()

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        super()._set_pipeline(pipeline)
        mixture = pipeline.mixture
        assert mixture is not None
        self.mixture_ = self._template().set_params(n_components=len(mixture.weights), n_jobs=self.n_jobs)
        self.mixture_._set_mixture(mixture, pipeline.report)
        self.mixture_.n_features_in_ = mixture.means.shape[1]
        self.pca_ = of_pipeline(pipeline, n_jobs=self.n_jobs)
        self.location_ = location_of(pipeline)

    def _names(self, columns: list[str]) -> list[str]:
        words = {"w": "weight", "m": "mean", "v": "variance"}
        names = []
        for block in self._pipeline.settings["gradients"].split(","):
            for k in range(len(self.mixture_.weights_)):
                rest = [""] if block == "w" else [f"_{column}" for column in columns[: self.mixture_.means_.shape[1]]]
                names += [f"{words[block]}_{k}{end}" for end in rest]
        return names + place_names(self.location_, len(self.mixture_.weights_), columns)
