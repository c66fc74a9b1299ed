"""Warnings are located at the user's line, however deep in the package they are raised."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from fishervec import FisherVector, GaussianMixture

SETS = [np.random.default_rng(i).normal(size=(20, 2)) for i in range(4)]


@pytest.mark.parametrize(
    ("fit", "category"),
    [
        (lambda: FisherVector(2, random_state=0).fit(SETS), UserWarning),
        (lambda: FisherVector(2, random_state=0).fit_transform(SETS), UserWarning),
        (lambda: make_pipeline(FisherVector(2, random_state=0)).fit(SETS), UserWarning),
        (lambda: FisherVector(2, random_state=0, information="empirical").fit(SETS), UserWarning),
        (lambda: GaussianMixture(2, max_iter=1, random_state=0).fit(SETS[0]), ConvergenceWarning),
        (lambda: GaussianMixture(2, max_iter=1, random_state=0).fit_predict(SETS[0]), ConvergenceWarning),
    ],
)
def test_a_warning_is_located_where_the_user_called(fit, category):
    with pytest.warns(category) as caught:
        fit()
    assert {warning.filename for warning in caught} == {__file__}
