"""Data that several test files use."""

import numpy as np
import pytest

import cases


@pytest.fixture(scope="session")
def sets():
    """Twelve sets of 0 to 90 descriptors of 5 columns, of two kinds."""
    return cases.make_sets()


@pytest.fixture(scope="session")
def labels(sets):
    return np.arange(len(sets)) % 2
