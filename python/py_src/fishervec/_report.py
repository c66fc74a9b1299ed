"""What a report is in Python: its numbers, its page, and the labels it is given."""

import html
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target

from . import _frames
from ._batch import Batch
from ._fishervec import Survey
from ._parts import is_stream, n_known
from ._threads import n_threads
from ._types import Array, Sets

#: What y must be.
LABELS = "y must be one label of a class per set"


class Report:
    """A report about an encoder and sets: its numbers, and a page that draws them.

    What `report` of a fitted encoder returns. A notebook shows the page.

    Attributes
    ----------
    numbers : dict
        What ``fishervec report --json`` prints.
    """

    def __init__(self, numbers: str, page: str) -> None:
        self.numbers: dict[str, Any] = json.loads(numbers)
        self._page = page

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, one HTML file that needs no network.

        Parameters
        ----------
        path : str or path-like
            The file, such as "report.html".

        Raises
        ------
        OSError
            If it cannot be written.
        """
        Path(path).write_text(self._page, encoding="utf-8")

    def __repr__(self) -> str:
        report = self.numbers["report"]
        sets = f"{report['sets']:,} set{'' if report['sets'] == 1 else 's'}"
        found = report["classification"]
        told = "" if found is None else f", {100 * found['accuracy']:.1f} % told apart"
        return f"<Report of {sets}{told}; numbers, save(path)>"

    def _repr_html_(self) -> str:
        # The page has styles of its own, which must not reach the notebook's, nor the other way.
        page = html.escape(self._page)
        return f'<iframe title="Report" srcdoc="{page}" style="width:100%;height:760px;border:0"></iframe>'


def reported(
    encoder: Any, title: str, X: Sets, y: Any, weights: Sets | None = None, positions: Sets | None = None
) -> Report:
    """The report, with this title, about a fitted encoder of sets."""
    names, of_sets = _numbered(y, X)
    if (n_sets := n_known(X)) is not None:
        _check_length(of_sets, n_sets)
    survey, threads = Survey(encoder._pipeline, names, of_sets or []), n_threads(encoder.n_jobs)

    def look(batch: Batch) -> int:
        if not isinstance(batch, Batch):
            raise ValueError("sets must be descriptors to report on, got statistics")
        if not is_stream(X):
            _check_length(of_sets, len(batch))
        with encoder._explained(batch):
            survey.add(batch, threads)
        return len(batch)

    _check_length(of_sets, sum(encoder._of_parts(look, X, weights, positions)))
    command = f"encoder.report(sets{'' if y is None else ', y'})"
    return Report(*survey.finish(title, command, threads))


def _numbered(y: Any, X: Any) -> tuple[list[str], list[int | None] | None]:
    """The names of the labels in sorted order, and the place of each set's among them; None for a missing one, or for
    no labels at all.
    """
    if y is None:
        return [], None
    if isinstance(y, Iterator):
        y = list(y)
    _frames.check_index(X, y, "y", "the sets")
    try:
        values = column_or_1d(np.asarray(y, dtype=object))
    except ValueError as error:
        raise ValueError(f"{LABELS}, got an array of shape {np.shape(y)}") from error
    is_there = np.array([not _is_missing(label) for label in values], dtype=bool)
    given = values[is_there]
    if len(given) == 0:
        return [], [None] * len(values)
    names, places = _sorted(given)
    of_sets: list[int | None] = [None] * len(values)
    for place, at in zip(places.tolist(), np.flatnonzero(is_there).tolist(), strict=True):
        of_sets[at] = place
    return names, of_sets


def _check_length(of_sets: list[int | None] | None, n_sets: int) -> None:
    """Raise an error unless there is one label per set, or none at all."""
    if of_sets is not None and len(of_sets) != n_sets:
        raise ValueError(f"{LABELS}, got {len(of_sets)} for {n_sets} sets")


def _sorted(given: Array) -> tuple[list[str], Array]:
    """The distinct labels as text, in the order of the labels, and the place of each among them."""
    kinds = {"str" if isinstance(label, str) else type(label).__name__ for label in given}
    if "str" in kinds and len(kinds) > 1:
        raise TypeError(f"{LABELS}, all of one kind, got {' and '.join(sorted(kinds))}")
    try:
        known, places = np.unique(np.array(given.tolist()), return_inverse=True)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{LABELS}, names or numbers, got {' and '.join(sorted(kinds))}") from error
    if known.dtype.kind == "f":
        if type_of_target(known) == "continuous":
            raise ValueError(f"{LABELS}, got {known[0]} and other numbers that are not whole: bin them, or pass no y")
        known = known.astype(np.int64)
    return [str(name) for name in known.tolist()], places


def _is_missing(label: Any) -> bool:
    """None, NaN and what pandas has in their place: what is not equal to itself, or does not say."""
    if label is None:
        return True
    try:
        return bool(label != label)
    except (TypeError, ValueError):
        return True
