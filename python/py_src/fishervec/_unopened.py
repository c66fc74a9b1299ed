"""What holds sets, or descriptors, but must be opened or converted first: errors say how."""

import os
from typing import Any

#: What to write for a file or a folder.
OF_PATH = "for a file or a folder fishervec.open_sets(path)"
#: What to write for a table, or a part of one, by the names of types.
OF_TABLE = 'fishervec.open_sets({x}, groups="slide_id"), where the column slide_id says whose each row is'


def cure_of(x: Any) -> str | None:
    """What to write in place of something that is not sets, and not one set; None if that is not known."""
    module, name = type(x).__module__.partition(".")[0], type(x).__name__
    if isinstance(x, str | os.PathLike):
        return OF_PATH
    if module == "pyarrow":
        if name == "RecordBatchReader":
            return f"[x.read_all()] for one set, or for several {OF_TABLE.format(x='x.read_all()')}"
        is_file = name in ("ParquetFile", "ParquetDataset") or name.endswith("Dataset")
        return OF_TABLE.format(x="path") if is_file else None
    if module == "polars" and name == "LazyFrame":
        return "x.collect()"
    if name == "AnnData":
        return '[x.X] for one set, or fishervec.open_sets(x, groups="sample") for a set per value of a column of obs'
    if module == "pandas" and name.endswith("GroupBy"):
        return "[rows for _, rows in x], with columns of descriptors alone"
    if module in ("zarr", "h5py") and not hasattr(x, "shape"):
        return "fishervec.open_sets(path), or the array of descriptors in it"
    if module == "scipy" and hasattr(x, "toarray"):
        return "x.toarray()"
    return None


def check(x: Any, what: str, expected: str) -> None:
    """Raise an error if `x`, which is called `what` and must be `expected`, has to be opened first."""
    cure = cure_of(x)
    if cure is not None:
        raise TypeError(f"{what} must be {expected}, got {type(x).__name__}: {cure}")
