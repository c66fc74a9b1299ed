"""The number of threads that a call may use, and whether what the environment asks for can be had."""

import os
import sys
from functools import lru_cache

from ._fishervec import available_threads, instruction_set

VARIABLE = "FISHERVEC_NUM_THREADS"


def n_threads(n_jobs: int | None) -> int:
    """The number of threads that `n_jobs` means.

    None means all cores that the process may use, or the value of the environment variable FISHERVEC_NUM_THREADS;
    inside a worker of joblib or dask it means 1, since the other workers use the other cores. -1 means all cores
    and -2 all but one, as in joblib. FISHERVEC_SIMD must ask for an instruction set that is in use.
    """
    instruction_set()
    if n_jobs is None:
        if _in_a_worker():
            return 1
        text = os.environ.get(VARIABLE)
        if text is None:
            return _cores(os.getpid())
        if not (text.isascii() and text.isdigit() and int(text) >= 1):
            raise ValueError(f"{VARIABLE} must be an integer of at least 1, got {text!r}")
        return int(text)
    if isinstance(n_jobs, bool) or not hasattr(n_jobs, "__index__"):
        raise TypeError(f"n_jobs must be an integer or None, got {n_jobs!r}")
    n = n_jobs.__index__()
    if n == 0:
        raise ValueError("n_jobs must be an integer other than 0, got 0")
    return n if n > 0 else max(1, _cores(os.getpid()) + 1 + n)


@lru_cache(maxsize=1)
def _cores(process: int) -> int:
    """The number of cores of a process, which is looked up once since that reads files of the system."""
    return available_threads()


def _in_a_worker() -> bool:
    # A module that was never imported has no workers.
    joblib = sys.modules.get("joblib.parallel")
    if joblib is not None and (getattr(joblib.get_active_backend()[0], "nesting_level", 0) or 0) > 0:
        return True
    distributed = sys.modules.get("distributed.worker")
    if distributed is not None:
        try:
            distributed.get_worker()
        except ValueError:
            return False
        return True
    return False
