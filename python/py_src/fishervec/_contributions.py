"""Coefficients of scores, as arrays or as fitted linear models, and the shares of descriptors in them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline as Steps
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from ._fishervec import Gathered

#: What `coef` may be.
FORMS = "coefficients of shape (n_features_out_,) or (n_classes, n_features_out_), or a fitted linear model"


@dataclass(frozen=True)
class Coefficients:
    """The coefficients of one score or more."""

    #: Shape (m, P).
    values: NDArray[np.float64]
    #: Whether it is one score, whose shares have no axis of scores.
    is_one: bool

    @classmethod
    def of(cls, coef: Any, encoder: Any) -> Self:
        """Those in any of the forms that `contributions` of an encoder takes."""
        if isinstance(coef, Steps):
            return cls._of_steps(coef, encoder)
        if hasattr(coef, "best_estimator_"):
            return cls.of(coef.best_estimator_, encoder)
        if hasattr(coef, "fit") and not hasattr(coef, "coef_"):
            check_is_fitted(coef)
            raise TypeError(f"coef must be {FORMS} (with coef_), got {type(coef).__name__}")
        # A linear model has one row of coefficients for two classes, and its decision_function one score.
        is_model = hasattr(coef, "coef_")
        values = _array(coef.coef_ if is_model else coef, encoder.n_features_out_)
        n_classes = len(getattr(coef, "classes_", ())) if is_model else 0
        if n_classes > 2 and len(values) != n_classes:
            raise ValueError(
                f"coef must be a model with coefficients for each of its {n_classes} classes, got "
                f"{type(coef).__name__} with {len(values)}, for pairs of classes: pass a LinearSVC, or coef.coef_ for "
                "the scores of pairs"
            )
        return cls(np.atleast_2d(values), values.ndim == 1 or (is_model and len(values) == 1))

    @classmethod
    def _of_steps(cls, steps: Steps, encoder: Any) -> Self:
        """Those of a pipeline of an encoder, scalers and a linear model."""
        (_, first), *scalers, (_, model) = steps.steps if len(steps.steps) > 1 else [*steps.steps, *steps.steps]
        if first is not encoder:
            raise ValueError(
                "coef must be a pipeline whose first step is this encoder: call "
                f"pipeline[0].contributions(X, pipeline), got {type(first).__name__} of its own as first step"
            )
        found = cls.of(model, encoder)
        scale = np.ones(found.values.shape[1])
        for name, scaler in scalers:
            if scaler is None or scaler == "passthrough":
                continue
            if not isinstance(scaler, StandardScaler | MaxAbsScaler):
                raise ValueError(
                    "coef must be a pipeline in which nothing but a StandardScaler or a MaxAbsScaler stands between "
                    f"encoder and linear model, got {name}, {type(scaler).__name__}: fit the model to the vectors"
                )
            scale = scale if scaler.scale_ is None else scale * scaler.scale_
        return cls(found.values / scale, found.is_one)


#: The group of a set, and how much the set counts in it; None for a set of no group.
Place = tuple[Gathered, float] | None
#: From coefficients, `by` and the places of the next sets to their shares, arrays of shape (n_i, m, parts).
Compute = Callable[[NDArray[np.float64], str | None, list[Place] | None], list[NDArray[np.float64]]]


class Shares:
    """The shares of the descriptors of sets, which come one part after the other."""

    def __init__(self, coef: Any, encoder: Any, by: str | None) -> None:
        self._coefficients = Coefficients.of(coef, encoder)
        self._by = None if by is None else check.text("by", by)
        #: The places of the sets that are still to come; None if each set is scored alone.
        self._places: Iterator[Place] | None = None

    def place(self, of_each_set: list[tuple[int, float] | None], groups: Mapping[int, Gathered]) -> None:
        """Score the groups of sets, each of which counts that much in one."""
        self._places = (None if place is None else (groups[place[0]], place[1]) for place in of_each_set)

    def of(self, n: int, compute: Compute) -> list[NDArray[np.float64]]:
        """Those of the next `n` sets, without the axes that are not asked for."""
        places = None if self._places is None else list(islice(self._places, n))
        shares = compute(self._coefficients.values, self._by, places)
        if self._by is None:
            shares = [x[:, :, 0] for x in shares]
        return [x[:, 0] for x in shares] if self._coefficients.is_one else shares


def _array(coef: Any, length: int) -> NDArray[np.float64]:
    """An array of one axis or two, of vectors of that length."""
    if hasattr(coef, "toarray"):
        coef = coef.toarray()
    try:
        given = np.asarray(coef)
        if given.dtype.kind not in "biufO":
            raise TypeError(f"of {given.dtype}")
        values = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"coef must be {FORMS}, got {type(coef).__name__}: {error}") from error
    if values.ndim not in (1, 2) or values.shape[-1] != length:
        raise ValueError(f"coef must be {FORMS}: n_features_out_ is {length}, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("coef must be finite numbers, got some that are not")
    return np.ascontiguousarray(values)
