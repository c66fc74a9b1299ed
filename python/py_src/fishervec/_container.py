"""Which arrays of a container are sets: the rule of docs/files.md, for the containers that Python reads."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ._reading import natural
from ._sets import KEPT
from ._table_columns import ASIDE, NAMES, POSITIONS, few
from ._types import Array

#: What cuts the array X of a batch into sets.
BOUNDS = ("lengths", "offsets")


class Info(NamedTuple):
    """An array of a container, as its header describes it."""

    name: str
    shape: tuple[int, ...]
    dtype: Any

    @property
    def sides(self) -> tuple[int, int] | None:
        """Rows and columns, if it holds descriptors: shape (n, d) or (1, n, d) of floats or bytes."""
        is_kept = isinstance(self.dtype, np.dtype) and self.dtype.newbyteorder("=") in KEPT
        return self._sides if is_kept else None

    @property
    def _sides(self) -> tuple[int, int] | None:
        shape = self.shape[1:] if len(self.shape) == 3 and self.shape[0] == 1 else self.shape
        return (shape[0], shape[1]) if len(shape) == 2 else None

    def has_positions(self, n: int) -> bool:
        """Whether it may hold the positions of `n` descriptors: shape (n, L) or (1, n, L) of numbers."""
        is_number = isinstance(self.dtype, np.dtype) and self.dtype.kind in "iuf"
        return is_number and self._sides is not None and self._sides[0] == n and self._sides[1] > 0

    @property
    def is_aside(self) -> bool:
        """Whether its name says that it lies beside descriptors."""
        return self.name.lower() in ASIDE

    def may_be_meant_as_set(self, dim: int) -> bool:
        """Whether somebody may have saved it as a set of `dim` columns, though it cannot be read as one."""
        is_single = self.shape == (dim,) and isinstance(self.dtype, np.dtype) and self.dtype.kind == "f"
        looks = len(self.shape) > 1 or 0 in self.shape or is_single
        return self.sides is None and not self.is_aside and looks


class Found(NamedTuple):
    """A set of a container: rows of one of its arrays."""

    name: str
    array: str
    start: int
    stop: int
    dim: int
    dtype: np.dtype[Any]


class Contents(NamedTuple):
    """The sets of a container, and what lies beside them."""

    sets: list[Found]
    labels: list[Any] | None
    #: The array of the positions, if there is one.
    positions: str | None
    #: Arrays that could hold descriptors too.
    passed_over: list[str]


def contents(
    arrays: Sequence[Info],
    wanted: str | None,
    read: Callable[[str], Array],
    where: str,
    positions: str | bool | None = None,
) -> Contents:
    """The sets of a container, whose arrays `read` reads; an error lists all arrays, and the cure.

    The array `wanted` is one set. Otherwise X with lengths or offsets is a batch; else the first array with a usual
    name is one set; else all arrays that hold descriptors are one set each. `positions` is the name of the array
    beside them that holds their positions, False for none, None for a usual name.
    """
    arrays = sorted(arrays, key=lambda array: natural(array.name))
    others = [array for array in arrays if array.name != positions or array.name == wanted]
    found = _Rule(others, read, where).contents(wanted)
    return found if positions is None else found._replace(positions=_asked_for(positions, found, arrays, where))


def _asked_for(positions: str | bool, found: Contents, arrays: Sequence[Info], where: str) -> str | None:
    """The array of positions that is asked for, which must have a row for each row of the descriptors."""
    if positions is False:
        return None
    listed = few([_text(array) for array in arrays])
    array = next((array for array in arrays if array.name == positions), None)
    if array is None:
        raise ValueError(f"{where}: there is no array {positions}; arrays: {listed}; choose positions= among them")
    rows = {one.array: _rows(next(array for array in arrays if array.name == one.array)) for one in found.sets}
    if len(rows) > 1:
        raise ValueError(
            f"{where}: {positions} cannot be the positions of {few(list(rows))}: choose one with array=NAME"
        )
    (name, n) = next(iter(rows.items()))
    if not array.has_positions(n or 0):
        raise ValueError(
            f"{where}: {positions} does not hold the positions of {name}: expected numbers of shape ({n}, L), a row "
            f"for each descriptor; arrays: {listed}"
        )
    return array.name


class _Rule:
    def __init__(self, arrays: list[Info], read: Callable[[str], Array], where: str) -> None:
        self.arrays, self.read, self.where = arrays, read, where

    def contents(self, wanted: str | None) -> Contents:
        if wanted is not None:
            array = self._called(wanted)
            if array is None:
                raise self._unclear(f"there is no array {wanted}")
            return self._of([self._set(array)])
        x, bounds = self._called("X"), [array for name in BOUNDS for array in self._like(name)[:1]]
        if x is not None and bounds:
            return self._batch(x, bounds)
        named = [array for name in NAMES for array in self._like(name)[:1]]
        taken = next((array for array in named if array.sides), None)
        if taken is None and named:
            raise self._unclear(_no_set(named[0].name))
        found = self._of(self._one_each() if taken is None else [self._turned(taken)], taken)
        if bounds:
            name = found.sets[0].array
            raise self._unclear(
                f"{name} beside {bounds[0].name} can be one set, or a batch of sets (then the name of {name} must be X)"
            )
        return found

    def _of(self, sets: list[Found], taken: Info | None = None) -> Contents:
        positions = self._beside(sets[0].array, sets[0].stop) if len(sets) == 1 else None
        return Contents(sets, None, positions, [] if taken is None else self._others(taken))

    def _beside(self, descriptors: str, n: int) -> str | None:
        """The array of the positions of `n` descriptors, by its name."""
        found = (array for name in POSITIONS for array in self._like(name))
        return next((a.name for a in found if a.has_positions(n) and a.name != descriptors), None)

    def _others(self, taken: Info) -> list[str]:
        usual = [name.lower() for name in NAMES]
        others = [array for array in self.arrays if array != taken]
        return [a.name for a in others if a.name.lower() in usual or (a.sides and not a.is_aside)]

    def _called(self, name: str) -> Info | None:
        return next((array for array in self.arrays if array.name == name), None)

    def _like(self, name: str) -> list[Info]:
        return [array for array in self.arrays if array.name.lower() == name.lower()]

    def _set(self, array: Info) -> Found:
        if array.sides is None:
            raise self._unclear(_no_set(array.name))
        return Found(array.name, array.name, 0, *array.sides, np.dtype(array.dtype))

    def _turned(self, array: Info) -> Found:
        """The set of an array, which must have a row, not a column, for each row of what lies beside it."""
        found = self._set(array)
        beside = [a for a in self.arrays if a.is_aside and a.name.lower() != "labels" and found.dim == _rows(a)]
        if beside and found.dim > 1 and found.dim != found.stop:
            name, other = array.name, beside[0].name
            raise self._unclear(f"{name} has one column, not one row, per row of {other}: save {name}.T")
        return found

    def _one_each(self) -> list[Found]:
        sets = [self._set(array) for array in self.arrays if array.sides and not array.is_aside]
        if not sets:
            raise self._unclear("no array holds descriptors")
        other = next((found for found in sets if found.dim != sets[0].dim), None)
        if other is not None:
            raise self._unclear(
                f"{sets[0].array} and {other.array} could both be the descriptors; they differ in width"
            )
        doubtful = next((array for array in self.arrays if array.may_be_meant_as_set(sets[0].dim)), None)
        if doubtful is not None:
            raise self._unclear(f"{doubtful.name} could be a set, but {_no_set('it')}")
        return sets

    def _batch(self, x: Info, bounds: list[Info]) -> Contents:
        whole = self._set(x)
        offsets = [self._offsets(array, whole.stop) for array in bounds]
        if not all(np.array_equal(offsets[0], others) for others in offsets):
            raise ValueError(f"{self.where}: the arrays lengths and offsets contradict each other")
        pairs = zip(offsets[0][:-1].tolist(), offsets[0][1:].tolist(), strict=True)
        sets = [whole._replace(name=str(i), start=a, stop=b) for i, (a, b) in enumerate(pairs)]
        labels = None if self._called("y") is None else self.read("y").tolist()
        if labels is not None and len(labels) != len(sets):
            raise ValueError(f"{self.where}: array y must have {len(sets)} labels, one per set, got {len(labels)}")
        return Contents(sets, labels, self._beside("X", whole.stop), self._others(x))

    def _offsets(self, array: Info, n: int) -> Array:
        given = self.read(array.name)
        if given.ndim != 1 or given.dtype.kind not in "iu":
            raise ValueError(f"{self.where}: array {array.name} must be integers of shape (n,), got {_text(array)}")
        given = given.astype(np.int64)
        offsets = given if array.name.lower() == "offsets" else np.concatenate([[0], np.cumsum(given)])
        whole = len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == n and (np.diff(offsets) >= 0).all()
        if not whole:
            raise ValueError(f"{self.where}: {array.name} must divide the {n} rows of X, got {given[:9].tolist()}...")
        return offsets

    def _unclear(self, reason: str) -> ValueError:
        listed = few([_text(array) for array in self.arrays]) or "none"
        cure = "expected an array of shape (n, d) or (1, n, d) of floats or bytes for each set"
        if any(array.sides for array in self.arrays):
            cure = "choose the descriptors with array=NAME"
        return ValueError(f"{self.where}: {reason}; arrays: {listed}; {cure}")


def _rows(array: Info) -> int | None:
    shape = array.shape[1:] if len(array.shape) == 3 and array.shape[0] == 1 else array.shape
    return shape[0] if shape else None


def _no_set(name: str) -> str:
    return f"{name} does not hold descriptors, shape (n, d) or (1, n, d) of floats or bytes"


def _text(array: Info) -> str:
    return f"{array.name} {array.shape} {array.dtype}"
