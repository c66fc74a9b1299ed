"""Errors of the compiled module, with the cure that the sets suggest: padding, another order of axes, positions."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ._batch import Batch
from ._missing import Gaps

NOT_A_NUMBER = re.compile(r"^set (\d+): row (\d+), column (\d+) is NaN")
OTHER_WIDTH = re.compile(r"^set \d+.*dimension of descriptors: expected (\d+)")
NO_POSITIONS = re.compile(r"^(spatial|pyramid): expected .*position column.*, got 0$")


@contextmanager
def explained(batch: Batch, gaps: Gaps) -> Iterator[None]:
    """Add the cure to an error of the compiled module, if the sets suggest one."""
    try:
        yield
    except ValueError as error:
        text = str(error)
        cure = _cure_of_nan(text, batch, gaps) or _cure_of_width(text, batch) or _cure_of_layout(text)
        where = _in_positions(text, batch)
        if cure is None and where is None:
            raise
        raise ValueError((where or text) + (cure or "")) from error


def _cure_of_nan(text: str, batch: Batch, gaps: Gaps) -> str | None:
    found = NOT_A_NUMBER.match(text)
    if not found:
        return None
    i, row, column = map(int, found.groups())
    x = next((x for k, x in enumerate(batch.arrays()) if k == i), np.empty((0, 0)))
    if row >= len(x):
        return None
    x = x[:, : x.shape[1] - batch.n_positions]
    nothing = np.isnan(x)
    if gaps.padding is None and gaps.chosen and nothing[row:].all():
        return f'; if the NaN rows {row} to {len(x) - 1} pad the set, write padding="nan"'
    if 0 < column < x.shape[1] and nothing[:, column:].all() and not nothing[:, :column].any():
        return (
            f"; columns {column} to {x.shape[1] - 1} are NaN in every row: if the sets are of shape (d, n), "
            'as in aeon, pass X.transpose(0, 2, 1) with padding="nan"'
        )
    return "; leave the row out, or give it a weight of 0 (masked values and nulls count as NaN)"


def _cure_of_width(text: str, batch: Batch) -> str | None:
    found = OTHER_WIDTH.match(text)
    if not found:
        return None
    if batch.n_positions:
        return f"; both count the {batch.n_positions} columns of the positions"
    n_rows = {int(n) for n in batch.sizes}
    # Sets of shape (d, n) have d rows each, and in a list they may have different numbers of columns.
    if n_rows == {int(found[1])} or (len(n_rows) == 1 and len(batch) > 1 and isinstance(batch.values, list)):
        turned = "[x.T for x in X]" if isinstance(batch.values, list) else "X.transpose(0, 2, 1)"
        return f"; each set has {n_rows.pop()} rows: if sets are of shape (d, n), as in aeon, pass {turned}"
    return None


def _cure_of_layout(text: str) -> str | None:
    if NO_POSITIONS.match(text):
        return (
            "; give positions=, one array of shape (n_i, L) per set, or position_columns=L if the last L columns "
            "of the sets are positions"
        )
    return None


def _in_positions(text: str, batch: Batch) -> str | None:
    """An error that counts columns as those of the positions, if it is about one of these."""
    found = re.match(r"^(set \d+: row \d+, column )(\d+)(?= is)", text)
    dim = batch.dim or 0
    if not found or not batch.n_positions or int(found[2]) < dim - batch.n_positions:
        return None
    return f"{found[1]}{int(found[2]) - dim + batch.n_positions} of the positions{text[found.end() :]}"
