"""All that a user may pass as sets of descriptors (docs/sets.md), converted to the form of the compiled module."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np

from ._batch import Batch
from ._fishervec import Statistics
from ._types import Array

#: Number types that are computed with as they are; all others become float64.
KEPT = frozenset(np.dtype(name) for name in ("f4", "f8", "f2", "u1"))

PLAIN = (
    "sets must be several sets, got one array of shape {shape}. "
    "For one set write [x]; for sets of one size an array of shape (n_sets, n, d); "
    "for sets of any sizes a list of arrays of shape (n_i, d), or the tuple (values, offsets)"
)


def as_sets(sets: Any, weights: Any = None, dim: int | None = None) -> Batch | list[Statistics]:
    """`sets` as a batch, or as they are if they are statistics, which encoders take in place of sets."""
    if not (isinstance(sets, list | tuple) and sets and isinstance(sets[0], Statistics)):
        return as_batch(sets, weights, dim)
    for i, one in enumerate(sets):
        if not isinstance(one, Statistics):
            raise TypeError(f"set {i} must be statistics like set 0, got {type(one).__name__}")
    if weights is not None:
        raise ValueError("weights must be None for statistics, which were computed with weights or without")
    return list(sets)


def as_batch(sets: Any, weights: Any = None, dim: int | None = None) -> Batch:
    """`sets` and `weights`, in any of the forms in docs/sets.md; empty sets without columns have `dim` columns."""
    values, offsets = _flat(sets)
    if values is None:
        batch = Batch(_list(sets, dim))
    elif offsets is None:
        # A 3-D array holds sets of one size.
        n_sets, n, d = values.shape
        batch = Batch(values.reshape(n_sets * n, d), np.arange(n_sets + 1, dtype=np.int64) * n)
    elif values.shape == (0, 0) and dim is not None:
        batch = Batch(values.reshape(0, dim), offsets)
    else:
        batch = Batch(values, offsets)
    return batch if weights is None else replace(batch, weights=_weights(weights, batch))


def descriptors(x: Any) -> Batch:
    """One set of descriptors, shape (n, d), or one descriptor, shape (d,)."""
    array = _number(_array(x, "xx"))
    if array.ndim == 1:
        array = array[np.newaxis]
    if array.ndim != 2:
        raise ValueError(f"xx must be an array of shape (n, d) or (d,), got shape {array.shape}")
    return Batch(array)


def is_plain(sets: Any) -> bool:
    """Whether `sets` is one array of descriptors, shape (n, d)."""
    return not isinstance(sets, list | tuple) and getattr(sets, "ndim", None) == 2


def _flat(sets: Any) -> tuple[Array | None, Array | None]:
    """(values, offsets) of sets in one array, (values, None) of a 3-D array, (None, None) of all else."""
    if isinstance(sets, tuple) and len(sets) == 2 and (offsets := _offsets(sets[1])) is not None:
        values = _number(_array(sets[0], "values"))
        if values.ndim != 2:
            raise ValueError(f"values must be an array of shape (n, d), got shape {values.shape}")
        return values, offsets
    if isinstance(sets, list | tuple):
        return None, None
    if isinstance(sets, str | bytes | Mapping):
        raise TypeError(
            f"sets must be a list of arrays of shape (n_i, d) or another form of sets, got {type(sets).__name__}"
        )
    if is_plain(sets):
        raise ValueError(PLAIN.format(shape=tuple(sets.shape)))
    if _is_polars(sets) or _is_arrow(sets):
        return _from_arrow(sets)
    if not isinstance(sets, Iterable) and not hasattr(sets, "__array__"):
        raise TypeError(
            f"sets must be a list of arrays of shape (n_i, d) or another form of sets, got {type(sets).__name__}"
        )
    if getattr(sets, "ndim", None) in (None, 1) or _is_object(sets):
        return None, None
    values = _number(_array(sets, "sets"))
    if values.ndim != 3:
        raise ValueError(PLAIN.format(shape=values.shape))
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


def _list(sets: Any, dim: int | None) -> list[Array]:
    """One array (n_i, d) per set, all of the same number type."""
    arrays = [_array(x, f"set {i}") for i, x in enumerate(sets)]
    if dim is None:
        dim = next((x.shape[1] for x in arrays if x.ndim == 2), None)
    for i, x in enumerate(arrays):
        if x.ndim == 2:
            continue
        if x.ndim != 1 or x.size > 0 or dim is None:
            hint = "; if this is one set, write [x], a list of one array" if x.ndim < 2 and len(arrays) > 1 else ""
            raise ValueError(f"set {i} must be an array of shape (n, d), got shape {x.shape}{hint}")
        # An empty list has no columns of its own.
        like = next((y.dtype for y in arrays if y.ndim == 2), x.dtype)
        arrays[i] = np.empty((0, dim), like)
    first = arrays[0].dtype if arrays else None
    if any(x.dtype != first for x in arrays):
        # Empty sets do not count, unless all sets are empty.
        kinds = [x.dtype for x in arrays if x.size] or [x.dtype for x in arrays]
        common = np.result_type(*(kind if kind in KEPT else np.float64 for kind in set(kinds)))
        arrays = [x.astype(common, copy=False) for x in arrays]
    return [_number(x) for x in arrays]


def _array(x: Any, where: str) -> Array:
    """`x` as an array, without a copy where its owner allows that."""
    if type(x) is np.ndarray and x.dtype != object:
        return x
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise ValueError(f"{where} must have no masked values; give a weight of 0 to each descriptor to be left out")
    if isinstance(x, Statistics):
        raise TypeError(f"{where} must be an array of descriptors, got statistics")
    try:
        only_dlpack = hasattr(x, "__dlpack__") and not hasattr(x, "__array__")
        array = np.from_dlpack(x) if only_dlpack else np.asarray(x)
        if array.dtype == object and array.ndim == 1 and len(array):
            array = np.stack([np.asarray(row) for row in array])
        if array.dtype.kind in "OSUMm":
            array = array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise type(error)(f"{where} must be an array of numbers: {error}") from error
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
    if _is_polars(weights) or _is_arrow(weights):
        weights = weights.to_pylist() if hasattr(weights, "to_pylist") else list(weights)
    array = weights if isinstance(weights, np.ndarray) and weights.dtype != object else None
    if array is not None and batch.offsets is not None and array.shape in ((total,), (total, 1), _square(sizes)):
        return np.ascontiguousarray(array, dtype=np.float64).reshape(-1)
    each = [np.asarray(w, dtype=np.float64) for w in weights]
    if len(each) != len(batch):
        raise ValueError(f"weights must be those of {len(batch)} sets, got {len(each)}")
    for i, (w, n) in enumerate(zip(each, sizes, strict=True)):
        if w.shape != (n,):
            raise ValueError(f"set {i}: weights must have shape ({n},), got shape {w.shape}")
    return np.concatenate(each) if each else np.empty(0)


def _square(sizes: Array) -> tuple[int, int] | None:
    """The shape of the weights of sets of one size as one array; None for other sets."""
    same = len(sizes) > 0 and bool(np.all(sizes == sizes[0]))
    return (len(sizes), int(sizes[0])) if same else None


# ---- Arrow -----------------------------------------------------------------------------------------------


def _is_polars(x: Any) -> bool:
    return type(x).__module__.partition(".")[0] == "polars"


def _is_arrow(x: Any) -> bool:
    """Whether `x` is a column that Arrow can read: an array of its own, or a pandas column of an Arrow type."""
    module = type(x).__module__.partition(".")[0]
    if module == "pyarrow":
        return True
    return module == "pandas" and type(getattr(x, "dtype", None)).__name__ == "ArrowDtype"


def _from_arrow(column: Any) -> tuple[Array, Array]:
    """Flat values and offsets of a column, each entry of which is a list of rows, which are lists of numbers."""
    import pyarrow as pa

    if hasattr(column, "column_names") or hasattr(column, "columns"):
        raise TypeError(f"sets must be one column of lists, got {type(column).__name__}")
    if not isinstance(column, pa.Array):
        chunks = pa.chunked_array(column) if not isinstance(column, pa.ChunkedArray) else column
        column = chunks.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    offsets, rows = _unlist(column, lambda i: f"set {i}")

    def row_of(i: int) -> str:
        of_set = int(np.searchsorted(offsets, i, side="right")) - 1
        return f"set {of_set}: row {i - int(offsets[of_set])}"

    starts, leaf = _unlist(rows, row_of)
    widths = np.unique(np.diff(starts))
    if len(widths) > 1:
        row = int(np.argmax(np.diff(starts) != starts[1] - starts[0]))
        raise ValueError(
            f"{row_of(row)} must have {starts[1] - starts[0]} numbers like the first row, "
            f"got {starts[row + 1] - starts[row]}"
        )
    if leaf.null_count:
        raise ValueError("sets must hold numbers, got null")
    values = leaf.to_numpy(zero_copy_only=False)
    # If there are no rows, only a type of fixed size tells how many columns there are.
    width = int(widths[0]) if len(widths) else int(getattr(rows.type, "list_size", 0))
    return _number(values.reshape(len(starts) - 1, width)), offsets


def _unlist(column: Any, where: Callable[[int], str]) -> tuple[Array, Any]:
    """Offsets and entries of an Arrow array of lists; `where` names an entry, for an error."""
    import pyarrow as pa

    if column.null_count:
        at = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise ValueError(f"{where(at)} must be a list, got null")
    if pa.types.is_fixed_size_list(column.type):
        size = column.type.list_size
        return np.arange(len(column) + 1, dtype=np.int64) * size, column.flatten()
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        raise TypeError(f"sets must be a column of lists of rows of numbers, got {column.type}")
    offsets = column.offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0] if len(offsets) else np.zeros(1, np.int64), column.flatten()
