"""What a fit says: its progress on the screen, and warnings when it is done."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from . import _checks as check

#: Called after each iteration with the start, the iteration, the lower bound and its change.
Callback: TypeAlias = Callable[[int, int, float, float], None]

#: A fit to fewer descriptors per component than this warns.
FEW_ROWS = 50
#: An empirical information from fewer sets than this warns.
FEW_SETS = 100


def reporter(verbose: int) -> Callback | None:
    """What prints the progress of a fit, or None."""
    if not verbose:
        return None

    def report(start: int, iteration: int, lower_bound: float, change: float) -> None:
        change_text = f" ({change:+.1e})" if np.isfinite(change) else ""
        print(f"start {start}, iteration {iteration}: log-likelihood {lower_bound:.5f}{change_text}", flush=True)

    return report


def warn_unless_converged(converged: bool) -> None:
    """Warn if a mixture's fit did not converge."""
    if not converged:
        # These are scikit-learn's words, so that filters written for its mixture work here too.
        check.warn(
            "Best performing initialization did not converge. "
            "Try different init parameters, or increase max_iter, tol, or check for degenerate data.",
            ConvergenceWarning,
        )


def warn_of_few_rows(n_rows: int, n_components: int) -> None:
    """Warn if there were few descriptors per component."""
    if n_rows < FEW_ROWS * n_components:
        check.warn(
            f"only {n_rows / n_components:.1f} descriptors per component; at least {FEW_ROWS} recommended: "
            "use fewer components or more data"
        )


def warn_of_few_sets(n_sets: int) -> None:
    """Warn if an empirical information comes from few sets."""
    if n_sets < FEW_SETS:
        check.warn(
            f"only {n_sets} sets for the empirical information; at least {FEW_SETS} recommended: "
            "use more sets or information='closed-form'"
        )
