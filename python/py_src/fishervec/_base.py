"""What encoders over sets share."""

import itertools
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from ._fishervec import Pipeline
from ._mixture import reporter
from ._sets import Batch, Floats, Sets, as_batch
from ._threads import n_threads

#: Sets of an iterator that are encoded at a time.
TOGETHER = 256
#: Below this many sets for an empirical information a warning.
FEW_SETS = 100


class OwnInput(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of what is no 2-D array, and is checked by us."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags


class SetTransformer(OwnInput):
    """A transformer of sets of descriptors, which is a pipeline of the library once it is fitted."""

    # The first argument of fit and transform is called sets; it is the data, not metadata to be routed.
    __metadata_request__fit: ClassVar = {"sets": UNUSED}
    __metadata_request__transform: ClassVar = {"sets": UNUSED}

    rows: str | None
    whiten: bool
    sample: int | None
    random_state: check.RandomState
    n_jobs: int | None

    n_features_in_: int
    _pipeline: Pipeline

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_pipeline")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file, whole or not at all.

        `fishervec.load` reads it, and so does the command line. A generator as `random_state` is not written.

        Parameters
        ----------
        path : path-like
            The file, by custom a name in .safetensors; one that is there is replaced.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        OSError
            If the file cannot be written.
        TypeError
            If the estimator, or one among its parameters, is of a class that is not the package's.
        """
        from ._files import save_pipeline

        check_is_fitted(self)
        save_pipeline(self, path)

    def _plan(self, default_sample: int, steps: Pipeline | None, pca: int | None) -> dict[str, Any]:
        """What the pipeline is made of, as the compiled module takes it; the encoder is pooling.

        `steps` are those of a fitted projection, `pca` the components of one to be fitted.
        """
        whiten = check.boolean("whiten", self.whiten)
        if whiten and pca is None:
            raise ValueError("whiten: expected pca, the components of a projection to be whitened, got None")
        sample = default_sample if self.sample is None else check.integer("sample", self.sample)
        return {
            "carry": check.integer("carry", getattr(self, "carry", 0), 0),
            "rows": check.optional(check.text, "rows", self.rows) or "none",
            "steps": steps,
            "pca": pca,
            "whiten": whiten,
            "encoder": "pooling",
            "mixture": None,
            "centres": None,
            "mass": False,
            "residual": False,
            "convention": "sanchez",
            "gradients": None,
            "information": None,
            "power": 1.0,
            "norm": "none",
            "threshold": None,
            "spatial": None,
            "pyramid": None,
            "sample": sample,
            "seed": check.seed_of(self.random_state),
        }

    def _fit_plan(self, batch: Batch, plan: dict[str, Any], verbose: int = 0) -> Pipeline:
        if not len(batch):
            raise ValueError("sets: expected at least one set to fit to, got 0")
        if batch.dim == 0:
            raise ValueError("sets: expected descriptors of at least one column, got 0")
        pipeline = Pipeline.fit(batch, plan, n_threads(self.n_jobs), reporter(verbose))
        if is_empirical(pipeline):
            n = check.integer("information_sets", getattr(self, "information_sets", None))
            pipeline, n_sets = pipeline.with_information(batch, n, plan["seed"], n_threads(self.n_jobs))
            warn_of_few_sets(n_sets)
        return pipeline

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.n_features_in_ = pipeline.dim


class SetEncoder(SetTransformer):
    """The base of encoders: sets of descriptors in, one vector each out.

    The forms that sets may have are listed in the notes of each class, where a user looks. A subclass has the
    parameters of `SetTransformer`, fits its pipeline in `_fit`, and names the entries of its vectors in `_names`.
    """

    def fit(self, sets: Sets, y: Any = None, *, weights: Sets | None = None) -> Self:
        """Fit to the descriptors of all sets.

        Parameters
        ----------
        sets : sets of descriptors
            Training sets, in one of the forms in the class's notes.
        y : None
            Ignored.
        weights : weights of the descriptors, default=None
            In the same shape: an array of shape (n_i,) a set, or one array for values with offsets. A weight of 0
            leaves a descriptor out.

        Returns
        -------
        self : estimator
            The fitted encoder.

        Raises
        ------
        TypeError
            If `sets` are no sets, or a parameter is of another type.
        ValueError
            For numbers that are not finite, sets of different numbers of columns, too few descriptors, or a parameter
            out of range; where it is a set's fault, the set and the row are named.
        """
        self._fit(as_batch(sets, weights))
        return self

    def transform(self, sets: Sets, *, weights: Sets | None = None) -> Floats:
        """Encode each set.

        Parameters
        ----------
        sets : sets of descriptors
            In one of the forms in the class's notes. An iterator is read 256 sets at a time.
        weights : weights of the descriptors, default=None
            As in `fit`.

        Returns
        -------
        vectors : ndarray of shape (n_sets, n_features_out)
            A row a set, in the float type of the descriptors; zeros for an empty set.

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
        if isinstance(sets, Iterator) and weights is None:
            parts = [self._encode_part(part, i * TOGETHER) for i, part in enumerate(_parts(sets))]
            return np.concatenate(parts) if parts else self._encode(Batch([]))
        return self._encode(as_batch(sets, weights, self.n_features_in_))

    def fit_transform(self, sets: Sets, y: Any = None, *, weights: Sets | None = None) -> Floats:
        """Fit to all sets and encode them; sets and weights are looked at once.

        Parameters
        ----------
        sets : sets of descriptors
            As in `fit`.
        y : None
            Ignored.
        weights : weights of the descriptors, default=None
            As in `fit`.

        Returns
        -------
        vectors : ndarray of shape (n_sets, n_features_out)
            As of `transform`.

        Raises
        ------
        TypeError
            If `sets` are no sets, or a parameter is of another type.
        ValueError
            For numbers that are not finite, sets of different numbers of columns, too few descriptors, or a parameter
            out of range; where it is a set's fault, the set and the row are named.
        """
        batch = as_batch(sets, weights)
        self._fit(batch)
        return self._encode(batch)

    def transform_windows(
        self, sets: Sets, length: int, step: int | None = None, *, weights: Sets | None = None
    ) -> list[Floats]:
        """Encode sliding windows of each set, in the order of its descriptors: the frames of a recording, say.

        A window's statistics are those up to its end less those up to its start, so the cost does not depend on how
        long the windows are.

        Parameters
        ----------
        sets : sets of descriptors
            In one of the forms in the class's notes.
        length : int
            Descriptors in a window; a set that is shorter is one window.
        step : int or None, default=None
            From the start of one window to that of the next; None is `length`.
        weights : weights of the descriptors, default=None
            As in `fit`.

        Returns
        -------
        vectors : list of ndarray of shape (n_windows, n_features_out_)
            One a set, a row a window.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If `sets` are no sets.
        ValueError
            As `transform`; for a length or a step below 1, for pooling, which has no statistics, and for a pyramid.
        """
        check_is_fitted(self)
        size = check.integer("length", length)
        stride = size if step is None else check.integer("step", step)
        batch = as_batch(sets, weights, self.n_features_in_)
        return self._pipeline.encode_windows(batch, size, stride, n_threads(self.n_jobs))

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray[np.object_]:
        """Return the names of the entries of a vector.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names of the descriptors' columns, used where there is no projection; None is 0, 1, 2 and so on.

        Returns
        -------
        names : ndarray of str objects of shape (n_features_out,)
            Such as "mean_3_x": of a Fisher vector the mean of component 3, column x; with "cell_2_" before it, of the
            third cell of a pyramid.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If `input_features` are not as many as the descriptors have columns.
        """
        check_is_fitted(self)
        columns = [str(name) for name in range(self._dim())]
        if input_features is not None:
            if len(input_features) != self.n_features_in_:
                raise ValueError(f"input_features: expected {self.n_features_in_} names, got {len(input_features)}")
            if self._pipeline.pca is None:
                columns = [str(name) for name in input_features]
        names, cells = self._names(columns), self._pipeline.cells
        if cells > 1:
            names = [f"cell_{cell}_{name}" for cell in range(cells) for name in names]
        return np.array(names, dtype=object)

    @property
    def n_features_out_(self) -> int:
        """P, the length of a vector."""
        check_is_fitted(self)
        return len(self._pipeline)

    @property
    def _n_features_out(self) -> int:
        return self.n_features_out_

    def _dim(self) -> int:
        """Columns the encoder itself sees."""
        return self._pipeline.encoder_dim

    def _encode(self, batch: Batch) -> Floats:
        return self._pipeline.encode_sets(batch, n_threads(self.n_jobs))

    def _encode_part(self, part: tuple[Any, ...], first: int) -> Floats:
        """The vectors of a part of an iterator, whose first set is number `first` of all."""
        try:
            return self._encode(as_batch(list(part), None, self.n_features_in_))
        except (TypeError, ValueError) as error:
            text = re.sub(r"^set (\d+)", lambda found: f"set {int(found[1]) + first}", str(error))
            raise type(error)(text) from error

    #: What the library calls the encoder.
    _kind: ClassVar[str]

    def _fit(self, batch: Batch) -> None:
        raise NotImplementedError

    def _default_sample(self) -> int:
        """Descriptors to learn from where `sample` is None."""
        raise NotImplementedError

    def _names(self, columns: list[str]) -> list[str]:
        raise NotImplementedError


def is_empirical(pipeline: Pipeline) -> bool:
    """Whether its information is learned from training sets."""
    return str(pipeline.settings["information"]).startswith("empirical")


def warn_of_few_sets(n_sets: int) -> None:
    """Say that an empirical information from few sets is a poor estimate."""
    if n_sets < FEW_SETS:
        check.warn(f"an empirical information from {n_sets} sets: few ({FEW_SETS} or more are wanted)")


def _parts(sets: Iterator[Any]) -> Iterator[tuple[Any, ...]]:
    while part := tuple(itertools.islice(sets, TOGETHER)):
        yield part
