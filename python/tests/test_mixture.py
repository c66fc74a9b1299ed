"""The mixture: scikit-learn's own checks and suite run against it, and what those do not test."""

import inspect
import warnings

import numpy as np
import pytest
import sklearn.mixture.tests.test_gaussian_mixture as suite
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.mixture import GaussianMixture as Sklearn
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from fishervec import GaussianMixture

# ---- scikit-learn's estimator checks ---------------------------------------------------------------------


#: A random start depends on the order of the rows, so weights and repeated rows start differently; KMeans
#: fails this check too. `test_weights_are_repetitions` is the same check from a given start.
ALLOWED = "check_sample_weight_equivalence_on_dense_data"


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_all_of_scikit_learns_estimator_checks_pass():
    results = check_estimator(GaussianMixture(), on_fail=None, on_skip=None)
    failed = {result["check_name"] for result in results if result["status"] == "failed"}
    assert failed <= {ALLOWED}
    passed = [result for result in results if result["status"] == "passed"]
    assert len(passed) >= len(list(estimator_checks_generator(GaussianMixture()))) - 2


# ---- scikit-learn's suite of its own mixture -------------------------------------------------------------


class Factory:
    """Makes ours for diagonal covariances and theirs for others, since most tests try all types; counts ours."""

    def __init__(self):
        self.made = 0

    def __call__(self, *args, covariance_type="diag", **params):
        if covariance_type != "diag":
            return Sklearn(*args, covariance_type=covariance_type, **params)
        self.made += 1
        params.pop("verbose_interval", None)
        return GaussianMixture(*args, **params)


NOT_APPLICABLE = {
    "test_check_weights": "asserts scikit-learn's wording; ours: test_a_start_of_another_shape_is_an_error",
    "test_check_means": "as above",
    "test_check_precisions": "as above",
    "test_sample": "asserts scikit-learn's wording; ours: test_samples_have_the_moments_of_the_mixture",
    "test_regularisation": "expects an error where rows repeat; ours holds the variance at its floor",
    "test_gaussian_mixture_precisions_init": "sets parameters through a private method",
    "test_gaussian_mixture_all_init_does_not_estimate_gaussian_parameters": "patches a private method",
    "test_gaussian_mixture_array_api_compliance": "array API inputs other than NumPy's",
    "test_gaussian_mixture_raises_where_array_api_not_implemented": "as above",
    # These look at functions or at attributes and never make a mixture with diagonal covariances.
    "test_gaussian_mixture_attributes": "makes one with full covariances",
    "test_suffstat_sk_full": "private functions",
    "test_suffstat_sk_tied": "private functions",
    "test_suffstat_sk_diag": "private functions",
    "test_gaussian_suffstat_sk_spherical": "private functions",
    "test_compute_log_det_cholesky": "private functions",
    "test_gaussian_mixture_log_probabilities": "private functions",
    "test_score": "makes one with full covariances",
    "test_score_samples": "makes one with full covariances",
    "test_gaussian_mixture_setting_best_params": "makes one with full covariances",
}
#: The fixtures of their conftest.py.
FIXTURES = {"global_dtype": [np.float64], "global_random_seed": [0, 1]}


def applicable():
    """Each test of the suite that makes one of ours, with each such combination of its arguments."""
    for name, test in vars(suite).items():
        if not name.startswith("test_") or name in NOT_APPLICABLE:
            continue
        cases = [{}]
        for mark in getattr(test, "pytestmark", []):
            if mark.name == "parametrize":
                names = [part.strip() for part in mark.args[0].split(",")]
                values = [value if len(names) > 1 else (value,) for value in mark.args[1]]
                cases = [case | dict(zip(names, value, strict=True)) for case in cases for value in values]
        for fixture in set(inspect.signature(test).parameters) & set(FIXTURES):
            cases = [case | {fixture: value} for case in cases for value in FIXTURES[fixture]]
        for case in cases:
            # This package has neither full covariances nor a start from random posteriors.
            if case.get("covar_type", "diag") == "diag" and case.get("init_params") != "random":
                arguments = "-".join(str(value) for _, value in sorted(case.items()))
                yield pytest.param(test, case, id=f"{name}-{arguments}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("test", "arguments"), list(applicable()))
def test_scikit_learns_own_suite(test, arguments, monkeypatch, capsys):
    factory = Factory()
    monkeypatch.setattr(suite, "GaussianMixture", factory)
    # Two tests use this private count to check aic and bic.
    n_parameters = lambda self: 2 * self.means_.size + len(self.weights_) - 1  # noqa: E731
    monkeypatch.setattr(GaussianMixture, "_n_parameters", n_parameters, raising=False)
    test(**arguments)
    assert factory.made > 0


def test_the_list_of_what_does_not_apply_is_true_of_the_suite():
    assert set(NOT_APPLICABLE) <= set(vars(suite))


# ---- what they do not test -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows():
    """The ink in each row of scikit-learn's handwritten digits, shape (1797, 8)."""
    return load_digits().images.sum(axis=2)


def start_of(rows, k, seed=0):
    """A start EM can improve on."""
    chosen = np.random.default_rng(seed).choice(len(rows), k, replace=False)
    return {
        "weights_init": np.full(k, 1 / k),
        "means_init": rows[chosen],
        "precisions_init": np.tile(1 / rows.var(axis=0), (k, 1)),
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("iterations", [1, 10])
def test_the_same_fit_as_scikit_learns_from_the_same_start(rows, iterations):
    settings = {"n_components": 5, "max_iter": iterations, "tol": 0.0, **start_of(rows, 5)}
    ours = GaussianMixture(**settings).fit(rows)
    theirs = Sklearn(covariance_type="diag", **settings).fit(rows)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9)
    assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=1e-12)
    assert ours.n_iter_ == theirs.n_iter_
    assert_allclose(ours.score_samples(rows), theirs.score_samples(rows), rtol=1e-9)
    assert_allclose(ours.predict_proba(rows), theirs.predict_proba(rows), atol=1e-9)
    assert_array_equal(ours.predict(rows), theirs.predict(rows))
    assert_allclose([ours.aic(rows), ours.bic(rows)], [theirs.aic(rows), theirs.bic(rows)], rtol=1e-10)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_are_repetitions(rows):
    times = np.random.default_rng(1).integers(0, 4, len(rows))
    settings = {"n_components": 3, "max_iter": 5, "tol": 0.0, **start_of(rows, 3)}
    weighted = GaussianMixture(**settings).fit(rows, sample_weight=times)
    repeated = GaussianMixture(**settings).fit(np.repeat(rows, times, axis=0))
    for name in ("weights_", "means_", "covariances_", "lower_bounds_"):
        assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-9)


def test_a_mixture_is_the_same_after_conversion_to_scikit_learn(rows):
    theirs = Sklearn(3, covariance_type="diag", random_state=0, tol=1e-2).fit(rows)
    ours = GaussianMixture.from_sklearn(theirs)
    assert (ours.tol, ours.random_state, ours.n_iter_) == (1e-2, 0, theirs.n_iter_)
    assert_allclose(ours.score_samples(rows), theirs.score_samples(rows), rtol=1e-10)
    again = ours.to_sklearn()
    assert isinstance(again, Sklearn)
    assert_array_equal(again.predict(rows), theirs.predict(rows))
    assert_allclose(again.score_samples(rows), theirs.score_samples(rows), rtol=1e-12)


def test_from_sklearn_needs_only_the_parameters(rows):
    class Parameters:
        weights_, means_, covariances_ = np.array([0.5, 0.5]), np.zeros((2, 8)), np.ones((2, 8))

    assert GaussianMixture.from_sklearn(Parameters()).predict(rows[:3]).tolist() == [0, 0, 0]


def test_spherical_covariances_are_diagonal_ones(rows):
    theirs = Sklearn(3, covariance_type="spherical", random_state=0).fit(rows)
    ours = GaussianMixture.from_sklearn(theirs)
    assert_allclose(ours.score_samples(rows), theirs.score_samples(rows), rtol=1e-10)


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_other_covariances_are_an_error_that_names_diag(rows, kind):
    theirs = Sklearn(2, covariance_type=kind, random_state=0).fit(rows)
    with pytest.raises(ValueError, match=f"must have covariance_type 'diag'.*got covariance_type='{kind}'"):
        GaussianMixture.from_sklearn(theirs)
    with pytest.raises(ValueError, match="covariance_type must be 'diag', got"):
        GaussianMixture(2, covariance_type=kind).fit(rows)


def test_a_part_of_a_start_can_be_given(rows):
    means = start_of(rows, 4)["means_init"]
    fit = GaussianMixture(4, means_init=means, max_iter=0, random_state=0).fit(rows)
    assert_array_equal(fit.means_, means)
    free = GaussianMixture(4, max_iter=0, random_state=0).fit(rows)
    assert_array_equal(fit.weights_, free.weights_)
    assert_allclose(fit.covariances_, free.covariances_, rtol=1e-14)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("weights_init", [0.5, 0.2, 0.3], r"weights_init must have shape \(2,\), got \(3,\)"),
        ("weights_init", [0.5, 0.6], "weights.* sum .*1, got 1.1"),
        (
            "weights_init",
            [1.5, -0.5],
            "weights.* finite numbers of at least 0, got -0.5 in component 1",
        ),
        ("means_init", np.zeros((2, 7)), r"means_init must have shape \(2, 8\), got \(2, 7\)"),
        ("means_init", np.full((2, 8), np.nan), "means.* finite numbers, got NaN in component 0"),
        ("precisions_init", np.zeros((2, 8)), "precisions_init must be numbers above 0"),
    ],
)
def test_a_start_of_another_shape_is_an_error(rows, part, value, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2, **{part: value}).fit(rows)


def test_samples_have_the_moments_of_the_mixture(rows):
    gmm = GaussianMixture(3, random_state=0).fit(rows)
    drawn, labels = gmm.sample(200_000)
    assert_allclose(np.bincount(labels) / len(labels), gmm.weights_, atol=0.01)
    for k in range(3):
        of_k = drawn[labels == k]
        assert_allclose(of_k.mean(axis=0), gmm.means_[k], atol=0.05 * np.sqrt(gmm.covariances_[k].max()))
        assert_allclose(of_k.var(axis=0), gmm.covariances_[k], rtol=0.05)
    assert_array_equal(gmm.sample(5)[0], gmm.sample(5)[0])
    with pytest.raises(ValueError, match="n_samples must be an integer of at least 1, got 0"):
        gmm.sample(0)


def test_rows_far_from_the_origin_keep_their_variance(rows):
    """scikit-learn#30382: E[x^2] - mean^2 in float32 gave a covariance of -1 there."""
    far = (rows + 1e5).astype(np.float32)
    near = GaussianMixture(1, reg_covar=0).fit(far.astype(np.float64) - 1e5)
    fit = GaussianMixture(1, reg_covar=0).fit(far)
    assert_allclose(fit.covariances_, near.covariances_, rtol=1e-5)


def test_the_floor_is_relative_to_the_data(rows):
    saturated = np.concatenate([rows, np.tile(rows[0], (300, 1))])
    for unit in (1.0, 1e-3):
        fit = GaussianMixture(8, reg_covar=0, variance_floor=1e-2, random_state=0).fit(unit * saturated)
        share = fit.covariances_ / (unit * saturated).var(axis=0)
        assert share.min() == pytest.approx(1e-2)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8])
def test_other_number_types_are_taken_as_they_are(rows, dtype):
    settings = {"n_components": 3, "tol": 1e-2, **start_of(rows, 3)}
    few = rows.astype(dtype)
    assert_allclose(
        GaussianMixture(**settings).fit(few).means_,
        GaussianMixture(**settings).fit(few.astype(np.float64)).means_,
        rtol=1e-3,
    )
    assert GaussianMixture(**settings).fit(few).score_samples(few).dtype == np.float32


def test_not_converging_is_a_warning_and_leaves_a_mixture(rows):
    gmm = GaussianMixture(8, max_iter=2, tol=0.0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        gmm.fit(rows)
    assert not gmm.converged_
    assert gmm.n_iter_ == len(gmm.lower_bounds_) == 2
    assert gmm.lower_bounds_[-1] == gmm.lower_bound_


def test_a_new_parameter_counts_and_an_old_one_cannot_be_changed_in_place(rows):
    gmm = GaussianMixture(2, random_state=0).fit(rows)
    before = gmm.score(rows)
    with pytest.raises(ValueError, match="read-only"):
        gmm.means_[0] = 0
    gmm.means_ = gmm.means_ + 1
    after = gmm.score(rows)
    assert after != before
    assert after == pytest.approx(gmm.to_sklearn().score(rows), rel=1e-10)


def test_many_rows_at_once_give_what_few_give(rows):
    gmm = GaussianMixture(3, random_state=0).fit(rows)
    for method in (gmm.predict, gmm.predict_proba, gmm.score_samples):
        assert_array_equal(method(rows)[700:900], method(rows[700:900]))


def test_the_number_of_threads_changes_nothing(rows):
    fits = [GaussianMixture(4, random_state=0, n_jobs=n_jobs).fit(rows) for n_jobs in (1, 2, 3, None)]
    for fit in fits[1:]:
        assert_array_equal(fit.means_, fits[0].means_)
        assert_array_equal(fit.lower_bounds_, fits[0].lower_bounds_)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components must be an integer of at least 1, got 0"),
        ({"n_components": "2"}, TypeError, "n_components must be an integer, got '2'"),
        ({"n_components": 2.0}, TypeError, "n_components must be an integer, got 2.0"),
        ({"tol": -1.0}, ValueError, "tol.* finite number of at least 0, got -1"),
        ({"tol": None}, TypeError, "tol must be a number, got None"),
        ({"reg_covar": np.nan}, ValueError, "reg_covar must be a finite number, got nan"),
        ({"variance_floor": -0.1}, ValueError, "variance_floor.* finite number of at least 0"),
        ({"max_iter": -1}, ValueError, "max_iter must be an integer of at least 0, got -1"),
        ({"n_init": 0}, ValueError, "n_init must be an integer of at least 1, got 0"),
        ({"init_params": "random"}, ValueError, 'init_params: expected one of kmeans, .*, got "random"'),
        ({"init_params": 1}, TypeError, "init_params must be a string, got 1"),
        ({"random_state": -1}, ValueError, "random_state must be an integer of at least 0, got -1"),
        (
            {"n_components": 1000},
            ValueError,
            "too few rows to fit a mixture.*at least 2000",
        ),
    ],
)
def test_a_parameter_out_of_range_is_named(rows, params, error, message):
    with pytest.raises(error, match=message):
        GaussianMixture(**params).fit(rows)


def test_numbers_that_are_not_finite_are_an_error(rows):
    bad = rows.copy()
    bad[17, 3] = np.nan
    with pytest.raises(ValueError, match=r"row 17, column 3.*NaN"):
        GaussianMixture(2).fit(bad)
    with pytest.raises(ValueError, match=r"weight of row 4.*-1"):
        GaussianMixture(2).fit(rows, sample_weight=np.where(np.arange(len(rows)) == 4, -1.0, 1.0))


@pytest.mark.parametrize(
    "call",
    [
        lambda gmm: gmm.predict([[0.0]]),
        lambda gmm: gmm.sample(),
        lambda gmm: gmm.precisions_,
        lambda gmm: gmm.to_sklearn(),
        lambda gmm: gmm.save("nowhere.safetensors"),
        lambda gmm: gmm.statistics([[[0.0]]]),
    ],
)
def test_every_method_raises_before_a_fit(call):
    with pytest.raises(NotFittedError):
        call(GaussianMixture())


def test_seeds_of_all_kinds(rows):
    def means(random_state):
        return GaussianMixture(6, max_iter=0, random_state=random_state).fit(rows).means_

    assert_array_equal(means(3), means(3))
    assert_array_equal(means(np.random.RandomState(3)), means(np.random.RandomState(3)))
    assert_array_equal(means(np.random.default_rng(3)), means(np.random.default_rng(3)))
    assert not np.array_equal(means(3), means(4))
    np.random.seed(0)  # noqa: NPY002
    first = means(None)
    assert not np.array_equal(first, means(None))
    np.random.seed(0)  # noqa: NPY002
    assert_array_equal(first, means(None))


def test_a_fit_that_settles_does_not_warn(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert GaussianMixture(3, random_state=0).fit(rows).converged_
