"""How far a long call is: a bar of tqdm where it is installed, or else a line every few seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds between two lines.
PAUSE = 5.0


@contextmanager
def progress(what: str, total: int | None, verbose: int) -> Iterator[Callable[[int], object]]:
    """A function that is told how many sets were done since the last time; it says nothing unless `verbose`."""
    if not verbose:
        yield lambda n: None
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield _Lines(what, total).advance
        return
    with tqdm(total=total, desc=what, unit=" sets", file=sys.stderr) as bar:
        yield bar.update


class _Lines:
    """Lines on the standard error."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what, self._total = what, total
        self._done, self._said = 0, time.monotonic()

    def advance(self, n: int) -> None:
        self._done += n
        if self._done == self._total or time.monotonic() - self._said > PAUSE:
            of = "" if self._total is None else f" of {self._total:,}"
            print(f"{self._what}: {self._done:,}{of} sets", file=sys.stderr, flush=True)
            self._said = time.monotonic()
