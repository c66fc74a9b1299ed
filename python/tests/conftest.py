"""Data that several test files look at."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def sets():
    """Twelve sets of 0 to 90 descriptors of 5 columns, of two kinds."""
    rng = np.random.default_rng(0)
    sizes = [40, 1, 90, 60, 0, 35, 80, 50, 70, 45, 0, 85]
    return [rng.normal(2.0 * (i % 2), 1.0 + np.arange(5) / 5, (n, 5)) for i, n in enumerate(sizes)]


@pytest.fixture(scope="session")
def labels(sets):
    return np.arange(len(sets)) % 2
