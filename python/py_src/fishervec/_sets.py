"""All that a user may pass as sets of descriptors (docs/sets.md), converted to the form of the compiled module."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np

from . import _arrow, _frames, _missing, _positions, _unopened
from ._batch import Batch
from ._fishervec import Statistics
from ._missing import STRICT, Gaps
from ._types import Array

#: Number types that are computed with as they are; all others become float64.
KEPT = frozenset(np.dtype(name) for name in ("f4", "f8", "f2", "u1"))

SETS = "a list of arrays of shape (n_i, d) or another form of sets"
PLAIN = {
    "set": "sets must be several sets, got one array of shape {shape}. "
    "For one set write [x]; for sets of one size an array of shape (n_sets, n, d); "
    "for sets of any sizes a list of arrays of shape (n_i, d), or the tuple (values, offsets)",
    "positions of set": "positions must be one array of shape (n_i, L) per set, got one array of shape {shape}; "
    "for the same positions in all sets write [positions] * n_sets",
}


def opened(X: Any) -> Any:
    """`X` as it can be read more than once: an iterator as a list, a frame of one column of sets as this column."""
    X = _frames.column_of(X)
    is_known = isinstance(X, list | tuple | str | bytes | Mapping) or hasattr(X, "__array__") or _arrow.is_column(X)
    if is_known or not isinstance(X, Iterable):
        return X
    _unopened.check(X, "sets", SETS)
    return list(X)


def as_sets(X: Any, weights: Any = None, positions: Any = None, **given: Any) -> Batch | list[Statistics]:
    """`X` as a batch, or as it is if it is statistics, which encoders take in place of sets."""
    if not (isinstance(X, list | tuple) and X and isinstance(X[0], Statistics)):
        return as_batch(X, weights, positions, **given)
    for i, one in enumerate(X):
        if not isinstance(one, Statistics):
            raise TypeError(f"set {i} must be statistics like set 0, got {type(one).__name__}")
    for name, other in (("weights", weights), ("positions", positions)):
        if other is not None:
            raise ValueError(f"{name} must be None for statistics, which were computed with {name} or without")
    return list(X)


def as_batch(
    X: Any,
    weights: Any = None,
    positions: Any = None,
    *,
    dim: int | None = None,
    n_positions: int | None = None,
    gaps: Gaps = STRICT,
) -> Batch:
    """Sets, weights and positions, in any of the forms in docs/sets.md.

    Empty sets without columns have `dim`, and empty positions `n_positions`.
    """
    X = opened(X)
    batch = _converted(X, dim, gaps)
    if not batch.is_whole:
        # The compiled module says what is wrong with the offsets.
        return batch
    lengths = _missing.lengths_without_padding(batch, gaps)
    if positions is not None:
        positions = opened(positions)
        _frames.check_indices(X, positions, "positions")
        batch = _positions.appended(batch, _positions_of(positions, batch, n_positions, gaps))
    if weights is not None:
        weights = opened(weights)
        _frames.check_indices(X, weights, "weights")
        batch = replace(batch, weights=_weights(weights, batch))
    return _missing.cut(batch, lengths)


def _converted(X: Any, dim: int | None, gaps: Gaps, what: str = "set") -> Batch:
    """Sets without weights; errors call one of them `what`."""
    values, offsets = _flat(X, gaps, what)
    if values is None:
        return Batch(_list(X, dim, gaps, what))
    if offsets is None:
        # A 3-D array holds sets of one size.
        n_sets, n, d = values.shape
        return Batch(values.reshape(n_sets * n, d), np.arange(n_sets + 1, dtype=np.int64) * n)
    if values.shape == (0, 0) and dim is not None:
        values = values.reshape(0, dim)
    return Batch(values, offsets)


def _positions_of(positions: Any, batch: Batch, n_positions: int | None, gaps: Gaps) -> Batch:
    """Positions as a batch; for values with offsets they may be one array, as weights may."""
    n = int(batch.sizes.sum())
    if batch.offsets is not None and is_plain(positions) and len(positions) == n and len(batch) > 1:
        positions = (positions, batch.offsets)
    located = _converted(positions, n_positions, gaps._replace(chosen=False), "positions of set")
    if not located.is_whole:
        raise ValueError("positions must have the offsets of the sets")
    return located


def descriptors(x: Any) -> Batch:
    """One set of descriptors, shape (n, d), or one descriptor, shape (d,)."""
    array = _number(_array(x, "xx"))
    if array.ndim == 1:
        array = array[np.newaxis]
    if array.ndim != 2:
        raise ValueError(f"xx must be an array of shape (n, d) or (d,), got shape {array.shape}")
    return Batch(array)


def is_plain(X: Any) -> bool:
    """Whether `X` is one array of descriptors, shape (n, d)."""
    if isinstance(X, list | tuple):
        return False
    return getattr(X, "ndim", None) == 2 or _frames.is_frame(X) or _frames.lists_of(X) is not None


def of_no_sets(X: Any) -> Any:
    """Descriptors that need not be in sets, masked values and nulls as NaN: an array, or a frame of numbers."""
    if not hasattr(X, "toarray"):
        # scikit-learn says what is wrong with a sparse matrix.
        _unopened.check(X, "X", "an array of shape (n, d)")
    return _missing.unmasked(_frames.rows_of(X, "X"))


def is_flat(X: Any) -> bool:
    """Whether `X` is the tuple (values, offsets)."""
    return isinstance(X, tuple) and len(X) == 2 and _offsets(X[1]) is not None


def _flat(X: Any, gaps: Gaps, what: str) -> tuple[Array | None, Array | None]:
    """(values, offsets) of sets in one array, (values, None) of a 3-D array, (None, None) of all else."""
    if isinstance(X, tuple) and len(X) == 2 and (offsets := _offsets(X[1])) is not None:
        values = _number(_array(X[0], "values"))
        if values.ndim != 2:
            raise ValueError(f"values must be an array of shape (n, d), got shape {values.shape}")
        return values, offsets
    if isinstance(X, list | tuple):
        return None, None
    is_text = isinstance(X, str | bytes | Mapping)
    if is_text or not (isinstance(X, Iterable) or hasattr(X, "__array__") or _arrow.is_column(X)):
        cure = _unopened.cure_of(X)
        raise TypeError(f"{what}s must be {SETS}, got {type(X).__name__}{'' if cure is None else f': {cure}'}")
    if _frames.lists_of(X) is not None:
        raise ValueError(_frames.OF_LISTS.format(what=what, n=len(X)))
    if is_plain(X):
        raise ValueError(PLAIN[what].format(shape=tuple(X.shape)) + _frames.cure_of_frame(X))
    if _arrow.is_column(X):
        values, offsets = _arrow.flat(X, gaps, what)
        return _number(values), offsets
    if getattr(X, "ndim", None) in (None, 1) or (_is_object(X) and X.ndim):
        return None, None
    values = _number(_array(X, f"{what}s"))
    if values.ndim != 3:
        raise ValueError(PLAIN[what].format(shape=values.shape))
    return values, None


def _is_object(x: Any) -> bool:
    dtype = getattr(x, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def _offsets(x: Any) -> Array | None:
    """`x` as offsets if it is a 1-D array, or a sequence, of integers."""
    if isinstance(x, list | tuple | range):
        if not len(x) or not all(isinstance(offset, Integral) and not isinstance(offset, bool) for offset in x):
            return None
    elif not hasattr(x, "__array__"):
        return None
    offsets = np.asarray(x)
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu":
        return None
    return np.ascontiguousarray(offsets, dtype=np.int64)


def _list(X: Any, dim: int | None, gaps: Gaps, what: str) -> list[Array]:
    """One array (n_i, d) per set, all of the same number type."""
    if len(X) > 1 and all(type(x).__name__ == "RecordBatch" and _frames.lists_of(x) is not None for x in X):
        raise ValueError(
            f"{what}s must be several sets, got batches of lists, which may be parts of a table: "
            "[pyarrow.Table.from_batches(batches)] if all are one set, a table each if they are several"
        )
    arrays = [_one(x, f"{what} {i}", gaps) for i, x in enumerate(X)]
    if dim is None:
        dim = next((x.shape[1] for x in arrays if x.ndim == 2 and x.shape != (0, 0)), None)
    for i, x in enumerate(arrays):
        if x.ndim == 2 and (x.shape != (0, 0) or dim is None):
            continue
        if x.ndim > 2 or x.size > 0 or dim is None:
            raise ValueError(_not_a_set(x, f"{what} {i}", len(arrays)))
        # An empty list has no columns of its own, and neither has an empty array whose file tells none.
        like = next((y.dtype for y in arrays if y.ndim == 2), x.dtype)
        arrays[i] = np.empty((0, dim), like)
    first = arrays[0].dtype if arrays else None
    if any(x.dtype != first for x in arrays):
        # Empty sets do not count, unless all sets are empty.
        kinds = [x.dtype for x in arrays if x.size] or [x.dtype for x in arrays]
        common = np.result_type(*(kind if kind in KEPT else np.float64 for kind in set(kinds)))
        arrays = [x.astype(common, copy=False) for x in arrays]
    return [_number(x) for x in arrays]


def _one(x: Any, where: str, gaps: Gaps) -> Array:
    """One set as an array; an empty one if it is missing and may be."""
    if type(x) is np.ndarray and x.dtype != object and x.ndim:
        return x
    return _missing.no_set(where, x, gaps) if _missing.is_missing(x) else _array(x, where)


def _not_a_set(x: Array, where: str, n_sets: int) -> str:
    """What is wrong with an array that is not one set."""
    text = f"{where} must be an array of shape (n, d), got shape {x.shape}"
    if x.size == 0 and x.ndim == 1:
        return f"{text}: no set says how many columns there are; pass np.empty((0, d))"
    if where.startswith("positions"):
        return f"{text}; for one column write p[:, np.newaxis]"
    if x.ndim > 1:
        return text
    if n_sets == 1:
        return f"{text}: x[:, np.newaxis] for one column, x.reshape(-1, d) for the numbers of d columns in one row"
    return (
        f"{text}; if this is one set, write [x], a list of one array; "
        "if these are sets of one column, [x[:, np.newaxis] for x in X]"
    )


def _array(x: Any, where: str) -> Array:
    """`x` as an array, without a copy where its owner allows that."""
    if type(x) is np.ndarray and x.dtype != object:
        return x
    if isinstance(x, Statistics):
        raise TypeError(f"{where} must be an array of descriptors, got statistics")
    _unopened.check(x, where, "an array of numbers")
    x = _frames.rows_of(x, where)
    _frames.check_no_sets(x, f"{where} must be an array of")
    try:
        array = _plain_array(x)
        if array.dtype == object and array.ndim == 1 and len(array):
            array = np.stack([np.asarray(_missing.unmasked(row)) for row in array])
        if array.dtype.kind in "OSUMm":
            array = array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise type(error)(f"{where} must be an array of numbers: {error}") from error
    return array


def _plain_array(x: Any) -> Array:
    """`x` as NumPy converts it, with NaN for masked values and for pandas' NA."""
    if hasattr(x, "__dlpack__") and not hasattr(x, "__array__"):
        return np.from_dlpack(x)
    if isinstance(x, list | tuple) and any(isinstance(row, np.ma.MaskedArray) for row in x):
        x = np.ma.stack(x)
    array = np.asarray(_missing.unmasked(x))
    if array.dtype == object and hasattr(x, "to_numpy") and _frames.index_of(x) is not None:
        array = x.to_numpy(dtype=np.float64, na_value=np.nan)
    return array


def _number(x: Array) -> Array:
    """`x` itself if the compiled module takes its number type and its layout, or else a copy that it takes."""
    if x.dtype in KEPT and x.flags.aligned and x.dtype.isnative and x.size:
        return x
    if x.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: descriptors must be real, got {x.dtype}")
    if x.dtype.name == "bfloat16":
        return x.astype(np.float32)
    native = x.dtype.newbyteorder("=")
    kept = native if native in KEPT else np.dtype(np.float64)
    # NumPy calls every empty array aligned, whatever its pointer is.
    return np.require(x, kept, ["A"]) if x.size else np.empty(x.shape, kept)


def _weights(weights: Any, batch: Batch) -> Array:
    """One array of the weights of all descriptors, which are given as the sets are."""
    sizes = batch.sizes
    total = int(sizes.sum())
    if isinstance(weights, tuple) and len(weights) == 2 and (offsets := _offsets(weights[1])) is not None:
        if not np.array_equal(np.diff(offsets), sizes):
            raise ValueError("weights must have the offsets of the sets")
        weights = weights[0]
    if _arrow.is_column(weights):
        weights = weights.to_pylist() if hasattr(weights, "to_pylist") else list(weights)
    array = None
    if hasattr(weights, "__array__") and not _is_object(weights):
        array = np.asarray(_missing.unmasked(weights))
    if array is not None and batch.offsets is not None and array.shape in ((total,), (total, 1), _square(sizes)):
        return np.ascontiguousarray(array, dtype=np.float64).reshape(-1)
    each = [weights_of_set(w, i) for i, w in enumerate(weights)]
    if len(each) != len(batch):
        raise ValueError(f"weights must be those of {len(batch)} sets, got {len(each)}")
    for i, (w, n) in enumerate(zip(each, sizes, strict=True)):
        if w.shape != (n,):
            raise ValueError(f"set {i}: weights must have shape ({n},), got shape {w.shape}")
    return np.concatenate(each) if each else np.empty(0)


def weights_of_set(weights: Any, i: int) -> Array:
    """The weights of one set; none for a set that is missing."""
    if _missing.is_missing(weights):
        return np.empty(0)
    try:
        return np.asarray(_missing.unmasked(weights), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(f"set {i}: weights must be an array of numbers: {error}") from error


def _square(sizes: Array) -> tuple[int, int] | None:
    """The shape of the weights of sets of one size as one array; None for other sets."""
    same = len(sizes) > 0 and bool(np.all(sizes == sizes[0]))
    return (len(sizes), int(sizes[0])) if same else None
