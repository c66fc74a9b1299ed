"""Parameters and arguments that other libraries have are errors that say what to write here."""

import inspect
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture as Sklearn
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fishervec
from fishervec import BagOfWords, FisherVector, GaussianMixture, ImageEncoder, Pooling, Vlad, _foreign, _registry, gist
from fishervec import skimage as ours
from fishervec._foreign import CURES

X = np.random.default_rng(0).normal(size=(200, 3))
FITTED = Sklearn(2, covariance_type="diag", random_state=0).fit(X)
CLASSES = _registry.estimators()
FUNCTIONS = (fishervec.fisher_vector, gist.fisher_vector, ours.fisher_vector, ours.learn_gmm)

# ---- parameters ------------------------------------------------------------------------------------------


def function(**keywords):
    return fishervec.fisher_vector(X, FITTED, **keywords)


def of_gist(**keywords):
    return gist.fisher_vector(X, FITTED, **keywords)


def learn(**keywords):
    return ours.learn_gmm(X, **keywords)


IMPROVED = r'improved=True is power=0.5, norm="l2"'


@pytest.mark.parametrize(
    ("call", "name", "message"),
    [
        (
            function,
            "improved",
            IMPROVED + r' \(in scikit-image convention="scikit-image", .* or from',
        ),
        (FisherVector, "improved", IMPROVED + ".* or from fishervec.skimage import fisher_vector$"),
        (Vlad, "improved", IMPROVED + "$"),
        (of_gist, "improved", "from fishervec.skimage import fisher_vector$"),
        (function, "alpha", r'alpha is power, with norm="l2" and convention="scikit-image"'),
        (FisherVector, "alpha", "alpha is power"),
        (BagOfWords, "alpha", "write power$"),
        (function, "SquareRoot", "write power=0.5"),
        (Vlad, "square_root", "write power=0.5"),
        (FisherVector, "Normalized", 'write norm="l2"'),
        (FisherVector, "Fast", "write threshold=1"),
        (function, "fast", r"FisherVector\(mixture=gmm, threshold=1\)"),
        (FisherVector, "n_modes", "write n_components"),
        (FisherVector, "n_clusters", "write n_components"),
        (Vlad, "n_components", "write n_clusters"),
        (BagOfWords, "n_words", "write n_clusters"),
        (BagOfWords, "clusterCount", "write n_clusters"),
        (GaussianMixture, "k", "write n_components"),
        (ImageEncoder, "n_components", r"ImageEncoder\(FisherVector\(n_components="),
        (ImageEncoder, "power", r"ImageEncoder\(FisherVector\(power="),
        (function, "n_components", r"the mixture's: GaussianMixture\(n_components="),
        (function, "random_state", r"the mixture's: GaussianMixture\(random_state="),
        (function, "covariance_type", "must be 'diag'"),
        (FisherVector, "covariance_type", r"mixture=GaussianMixture\("),
        (FisherVector, "gmm", r"mixture=GaussianMixture\("),
        (FisherVector, "gm_args", r"mixture=GaussianMixture\("),
        (FisherVector, "seed", "write random_state"),
        (FisherVector, "include", "write gradients"),
        (BagOfWords, "vocabulary", "write codebook"),
        (Vlad, "NormalizeComponents", 'write norm="intra.l2"'),
        (Vlad, "NormalizeMass", "write mass=True"),
        (Vlad, "Unnormalized", "write norm=None"),
        (function, "priors", "gmm, a fitted mixture, or types.SimpleNamespace"),
        (function, "descriptors", "the first argument is xx"),
        (FisherVector, "descriptors", "argument of fit and transform"),
        (of_gist, "convention", "fishervec.fisher_vector has it"),
        (of_gist, "norm", "fishervec.fisher_vector has it"),
        (function, "mixture", "write gmm"),
        (function, "threshold", "FisherVector has it"),
        (Pooling, "n_threads", "write n_jobs"),
        (FisherVector, "nComponents", "write n_components"),
        (Pooling, "Power", "write power"),
        (learn, "n_components", "write n_modes"),
        (learn, "random_state", r'write gm_args=\{"random_state": \.\.\.\}'),
        (learn, "max_iter", r'write gm_args=\{"max_iter": '),
    ],
)
def test_a_parameter_of_another_library_is_an_error_with_its_cure(call, name, message):
    with pytest.raises(TypeError, match=rf"\(\) has no parameter {name}: .*{message}"):
        call(**{name: 1})


def test_several_are_explained_together():
    with pytest.raises(TypeError, match="no parameter n_modes, seed: write n_components; write random"):
        FisherVector(n_modes=3, seed=1)


def test_the_cures_are_right():
    """What the errors about `improved` and `alpha` say gives scikit-image's numbers."""
    cured = fishervec.fisher_vector(X, FITTED, power=0.5, norm="l2", convention="scikit-image")
    assert np.abs(cured - ours.fisher_vector(X, FITTED, improved=True)).max() < 1e-7
    encoder = FisherVector(mixture=FITTED, convention="scikit-image", power=0.3, norm="l2").fit([X])
    assert np.abs(encoder.transform([X])[0] - ours.fisher_vector(X, FITTED, improved=True, alpha=0.3)).max() < 1e-4


def test_an_unknown_parameter_is_pythons_error():
    for call in (function, FisherVector, GaussianMixture, ImageEncoder):
        with pytest.raises(TypeError, match="unexpected keyword argument 'colour_of_the_sky'"):
            call(colour_of_the_sky=1)
    # A parameter without a cure in this class, too.
    with pytest.raises(TypeError, match="unexpected keyword argument 'n_words'"):
        Pooling(n_words=3)


def test_every_cure_is_reached_by_a_call():
    reached = set()
    known = [set(inspect.signature(f).parameters) for f in FUNCTIONS]
    known += [set(inspect.signature(cls.__init__).parameters) for cls in CLASSES.values()]
    for names in CURES:
        for name in names.split():
            reached |= {_foreign._cure(name, parameters) for parameters in known if name not in parameters}
    expected = {cure.partition("{name}")[0] for cures in CURES.values() for cure in cures.values()}
    assert {cure for cure in expected if not any(got and got.startswith(cure) for got in reached)} == set()


@pytest.mark.parametrize("name", CLASSES)
def test_signatures_parameters_and_copies_are_those_of_the_class_as_written(name):
    cls = CLASSES[name]
    parameters = inspect.signature(cls).parameters
    assert all(p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters.values())
    assert set(cls().get_params(deep=False)) == set(parameters)
    changed = cls(n_jobs=2)
    for copy in (clone(changed), pickle.loads(pickle.dumps(changed))):
        assert copy.get_params(deep=False) == changed.get_params(deep=False)


def test_functions_are_pickled_by_name_as_joblib_needs():
    for f in FUNCTIONS:
        assert pickle.loads(pickle.dumps(f)) is f


def test_a_class_of_a_user_is_explained_too():
    class Mine(FisherVector):
        def __init__(self, n_components=4, *, random_state=None):
            super().__init__(n_components, random_state=random_state)

    assert set(clone(Mine(3)).get_params()) == {"n_components", "random_state"}
    with pytest.raises(TypeError, match=r"Mine\(\) has no parameter n_modes: write n_components"):
        Mine(n_modes=3)


# ---- arguments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((FITTED, X), "descriptors must come first and the mixture second, got GaussianMixture first"),
        # vl_fisher(X, MEANS, COVARIANCES, PRIORS)
        (
            (X, FITTED.means_, FITTED.covariances_, FITTED.weights_),
            "got ndarray .* for arrays pass, after the desc",
        ),
        ((X, {"weights": FITTED.weights_, "means": FITTED.means_}), "got dict .* types.SimpleNamespace"),
        ((X, (FITTED.weights_, FITTED.means_, FITTED.covariances_)), "got tuple .* types.SimpleNamespace"),
        # ynumpy.fisher((w, mu, sigma), v)
        (
            ((FITTED.weights_, FITTED.means_, FITTED.covariances_), X),
            "got ndarray .* after the descriptors",
        ),
        ((X, FisherVector(mixture=FITTED).fit([X])), "got FisherVector without weights_.*; pass its mixture_"),
        ((X, FisherVector(2)), "got FisherVector without weights_"),
        ((X, KMeans(2, n_init=1).fit(X)), "got KMeans without weights_"),
        (
            (X, GridSearchCV(Sklearn(covariance_type="diag", random_state=0), {"n_components": [1, 2]}).fit(X)),
            "got GridSearchCV without .*; pass its best_estimator_",
        ),
        ((X, make_pipeline(StandardScaler(), FITTED)), "got Pipeline without .*; pass its last step"),
        ((X, Sklearn), "got the class GaussianMixture"),
        ((X, None), "got NoneType"),
        ((X, "model.safetensors"), "got str"),
        ((X, FITTED, 0.5), "convention must be a string, got 0.5"),
        ((X, FITTED, True), "convention must be a string, got True"),
    ],
)
def test_arguments_in_the_form_of_another_library_are_an_error_with_the_cure(arguments, message):
    for call in (fishervec.fisher_vector, gist.fisher_vector):
        if len(arguments) == 2 or call is fishervec.fisher_vector:
            with pytest.raises(TypeError, match=message):
                call(*arguments)


def test_what_the_errors_about_arrays_say_works():
    arrays = SimpleNamespace(weights_=FITTED.weights_, means_=FITTED.means_, covariances_=FITTED.covariances_)
    assert_array_equal(fishervec.fisher_vector(X, arrays), fishervec.fisher_vector(X, FITTED))
    encoder = FisherVector(mixture=FITTED).fit([X])
    assert_array_equal(fishervec.fisher_vector(X, encoder.mixture_, power=0.5, norm="l2"), encoder.transform([X])[0])


def test_only_a_mixture_is_said_to_be_not_fitted():
    for mixture in (GaussianMixture(2), Sklearn(2, covariance_type="diag"), Sklearn(2)):
        with pytest.raises(NotFittedError):
            fishervec.fisher_vector(X, mixture)


@pytest.mark.parametrize(
    ("encoder", "name"),
    [(FisherVector(FITTED), "n_components"), (Vlad(KMeans(2)), "n_clusters"), (BagOfWords(KMeans(2)), "n_clusters")],
)
def test_an_estimator_in_place_of_a_number_is_an_error_that_names_its_parameter(encoder, name):
    with pytest.raises(TypeError, match=rf"{name} must be an integer, got .* given by name, as mixture=, codebook= or"):
        encoder.fit([X])
