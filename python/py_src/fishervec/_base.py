"""What encoders over sets share."""

import itertools
import os
import warnings
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


class SetTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of sets of descriptors, which is a pipeline of the library once it is fitted."""

    # The first argument of fit and transform is called sets; it is the data, not metadata to be routed.
    __metadata_request__fit: ClassVar = {"sets": UNUSED}
    __metadata_request__transform: ClassVar = {"sets": UNUSED}

    rows: str | None
    pca: Any
    whiten: bool
    sample: int | None
    random_state: Any
    n_jobs: int | None
    verbose: int

    n_features_in_: int
    _pipeline: Pipeline

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_pipeline")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file, whole or not at all; `fishervec.load` reads it, and so does the
        command line.

        Parameters
        ----------
        path : path-like
            A name in .safetensors.
        """
        from ._files import save_pipeline

        check_is_fitted(self)
        save_pipeline(self, path)

    def _plan(self, default_sample: int) -> dict[str, Any]:
        """What the pipeline is made of, as the compiled module takes it; the encoder is pooling."""
        given, n_components = _projection(self.pca)
        sample = default_sample if self.sample is None else check.integer("sample", self.sample)
        return {
            "rows": check.optional(check.text, "rows", self.rows) or "none",
            "steps": given,
            "pca": n_components,
            "whiten": bool(self.whiten),
            "mixture": None,
            "convention": "sanchez",
            "gradients": None,
            "information": None,
            "power": 1.0,
            "norm": "none",
            "threshold": None,
            "sample": sample,
            "seed": check.seed_of(self.random_state),
        }

    def _fit_plan(self, batch: Batch, plan: dict[str, Any]) -> Pipeline:
        if not len(batch):
            raise ValueError("sets: expected at least one set to fit to, got 0")
        return Pipeline.fit(batch, plan, n_threads(self.n_jobs), reporter(self.verbose))

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.n_features_in_ = pipeline.dim


class SetEncoder(SetTransformer):
    """The base of encoders: sets of descriptors in, one vector each out.

    Sets are given as one of

    * a list, or any other iterable, of arrays of shape (n_i, d): anything that NumPy makes an array of, or that
      exports one by DLPack (torch, jax), and an object array of such;
    * an array of shape (n_sets, n, d), sets of one size;
    * the tuple (values, offsets): an array of shape (n, d) and the n_sets + 1 integers at which the sets begin and the
      last one ends, from 0 to n;
    * a column of lists of lists: an Arrow array, or a Series of pandas or polars.

    A set may be empty. float32, float64, float16 and uint8 are computed with as they are, all else as float64; C order
    costs no copy. Instead of sets, `transform` takes the list that `statistics` returned.
    """

    def fit(self, sets: Sets, y: Any = None, *, weights: Sets | None = None) -> Self:
        """Fit to the descriptors of all sets.

        Parameters
        ----------
        sets : sets of descriptors
            Training sets, in one of the forms above.
        y : None
            Ignored.
        weights : weights of the descriptors, default=None
            In the same shape: an array of shape (n_i,) a set, or one array for values with offsets. A weight of 0
            leaves a descriptor out.

        Returns
        -------
        self : estimator
            The fitted encoder.
        """
        self._fit(as_batch(sets, weights))
        return self

    def transform(self, sets: Sets, *, weights: Sets | None = None) -> Floats:
        """Encode each set.

        Parameters
        ----------
        sets : sets of descriptors
            In one of the forms above. An iterator is read 256 sets at a time.
        weights : weights of the descriptors, default=None
            As in `fit`.

        Returns
        -------
        vectors : ndarray of shape (n_sets, n_features_out)
            A row a set, in the float type of the descriptors; zeros for an empty set.
        """
        check_is_fitted(self)
        if isinstance(sets, Iterator) and weights is None:
            parts = [self._encode(as_batch(list(part), None, self.n_features_in_)) for part in _parts(sets)]
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
        """
        batch = as_batch(sets, weights)
        self._fit(batch)
        return self._encode(batch)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray[np.object_]:
        """Names of the entries of a vector.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names of the descriptors' columns, used where there is no projection; None is 0, 1, 2 and so on.

        Returns
        -------
        names : ndarray of str objects of shape (n_features_out,)
            Such as "mean_3_x": the mean of component 3, column x.
        """
        check_is_fitted(self)
        columns = [str(name) for name in range(self._dim())]
        if input_features is not None:
            if len(input_features) != self.n_features_in_:
                raise ValueError(f"input_features: expected {self.n_features_in_} names, got {len(input_features)}")
            if self._pipeline.pca is None:
                columns = [str(name) for name in input_features]
        return np.array(self._names(columns), dtype=object)

    @property
    def n_features_out_(self) -> int:
        """Length of a vector."""
        check_is_fitted(self)
        return len(self._pipeline)

    @property
    def _n_features_out(self) -> int:
        return self.n_features_out_

    def _dim(self) -> int:
        """Columns the encoder itself sees."""
        pca = self._pipeline.pca
        return self._pipeline.dim if pca is None else len(pca[1])

    def _encode(self, batch: Batch) -> Floats:
        return self._pipeline.encode_sets(batch, n_threads(self.n_jobs))

    def _fit(self, batch: Batch) -> None:
        raise NotImplementedError

    def _names(self, columns: list[str]) -> list[str]:
        raise NotImplementedError


def _projection(pca: Any) -> tuple[Pipeline | None, int | None]:
    """A `pca` parameter as a fitted projection, or as the number of components of one to be fitted."""
    from ._pca import DescriptorPCA

    if isinstance(pca, DescriptorPCA):
        if not pca.__sklearn_is_fitted__():
            raise ValueError("pca: expected a number of components or a fitted DescriptorPCA, got one not fitted")
        return pca._pipeline, None
    return None, check.optional(check.integer, "pca", pca)


def _parts(sets: Iterator[Any]) -> Iterator[tuple[Any, ...]]:
    while part := tuple(itertools.islice(sets, TOGETHER)):
        yield part


def warn(text: str) -> None:
    """A warning about a fit, where the user called it."""
    warnings.warn(text, UserWarning, stacklevel=4)
