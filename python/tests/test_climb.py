"""Rounds over descriptors as an object: from merged statistics to the next model, in one process or in many."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import fishervec
from fishervec import H2T, BagOfWords, Climb, DescriptorPCA, FisherVector, GaussianMixture, ImageEncoder, Pooling, Vlad

pytestmark = pytest.mark.filterwarnings("ignore:only .* (descriptors per component|sets for the empirical)")

SETS = [np.random.default_rng(i).normal(i % 3, 1, (n, 3)).astype(np.float32) for i, n in enumerate([700, 0, 900, 500])]
ROWS = np.concatenate(SETS)
ENCODERS = {
    "fisher": FisherVector(3, sample=400, random_state=0),
    "with a template": FisherVector(mixture=GaussianMixture(3, reg_covar=1e-3), sample=400, random_state=0),
    "with a threshold": FisherVector(3, sample=400, random_state=0, threshold=1e-2, pca=2),
    "vlad": Vlad(3, sample=400, random_state=0),
    "soft": Vlad(3, assignment="soft", sample=400, random_state=0, n_jobs=1),
    "bag of words": BagOfWords(3, sample=400, random_state=0, missing="empty"),
    "h2t": H2T(3, sample=400, random_state=0),
}


def fitted(name="fisher"):
    return ENCODERS[name].fit(SETS)


def statistics(climb):
    """Those of all descriptors."""
    return climb.accumulate(SETS)


def run(climb):
    while not climb.is_done:
        climb.step(statistics(climb))
    return climb


@pytest.mark.parametrize("name", ENCODERS)
def test_rounds_end_in_an_estimator_of_the_class_they_began_with(name):
    encoder = fitted(name)
    before = encoder.transform(SETS)
    climb = run(Climb(encoder, max_iter=2, tol=0))
    assert (climb.n_iter_, climb.is_done, climb.converged_) == (2, True, False)
    after = climb.estimator()
    assert type(after) is type(encoder)
    assert {n: v for n, v in after.get_params(deep=False).items() if n != "mixture"} == {
        n: v for n, v in encoder.get_params(deep=False).items() if n != "mixture"
    }
    assert_array_equal(encoder.transform(SETS), before)
    assert not np.allclose(after.transform(SETS), before, atol=1e-3)
    # An estimator of its own, like one that was read.
    assert after is not climb.estimator()
    assert_array_equal(pickle.loads(pickle.dumps(after)).transform(SETS), after.transform(SETS))


@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "h2t"])
def test_rounds_in_one_process_are_the_passes_of_polish(name):
    encoder = ENCODERS[name]
    expected = clone(encoder).set_params(polish=2).fit(SETS)
    climb = run(Climb(clone(encoder).fit(SETS), max_iter=2))
    assert_array_equal(climb.estimator().transform(SETS), expected.transform(SETS))


def test_the_rounds_of_a_mixture_are_iterations_of_its_fit():
    start = GaussianMixture(3, max_iter=1, tol=0, random_state=0)
    with pytest.warns(Warning, match="did not converge"):
        start.fit(ROWS)
    climb = run(Climb(start, max_iter=3, tol=0))
    with pytest.warns(Warning, match="did not converge"):
        expected = GaussianMixture(3, max_iter=4, tol=0, random_state=0).fit(ROWS)
    mixture = climb.estimator()
    for name in ("weights_", "means_", "covariances_"):
        assert_allclose(getattr(mixture, name), getattr(expected, name), rtol=1e-6)
    assert_allclose(mixture.lower_bounds_, expected.lower_bounds_[1:], rtol=1e-7)
    assert climb.lower_bound_ == mixture.lower_bound_


def test_rounds_stop_once_they_converge():
    climb = Climb(fitted(), max_iter=50, tol=1e-2)
    assert (climb.n_iter_, climb.lower_bound_, climb.converged_) == (0, None, False)
    bounds = []
    while not climb.step(statistics(climb)):
        bounds.append(climb.lower_bound_)
    assert bounds == sorted(bounds)
    assert climb.converged_ and climb.is_done and 1 < climb.n_iter_ < 50
    assert climb.estimator().mixture_.converged_
    # Hard assignment says when no centre moves.
    climb = run(Climb(fitted("h2t"), max_iter=200))
    assert climb.converged_ and climb.n_iter_ < 200 and climb.lower_bound_ is None


@pytest.mark.parametrize("name", ["fisher", "vlad"])
def test_rounds_go_on_in_another_process_after_each_step(name):
    def moved(climb):
        return [Climb.from_bytes(climb.to_bytes()), pickle.loads(pickle.dumps(climb)), copy.deepcopy(climb)]

    climb = Climb(fitted(name), max_iter=3, tol=0)
    while not climb.is_done:
        others, found = moved(climb), statistics(climb)
        assert {other.step(found) for other in others} == {climb.step(found)}
        for other in others:
            assert (other.model, other.n_iter_, other.is_done) == (climb.model, climb.n_iter_, climb.is_done)
    for other in moved(climb)[1:]:
        assert (other.n_iter_, other.converged_, other.model) == (3, climb.converged_, climb.model)
    read = Climb.from_bytes(climb.to_bytes())
    assert read.is_done and read.n_iter_ == (3 if name == "fisher" else None)
    assert_array_equal(read.estimator().transform(SETS), climb.estimator().transform(SETS))
    with pytest.raises(ValueError, match=r"the rounds are done after .*: Climb\(climb\.estimator\(\)\) starts others"):
        read.accumulate(SETS)


def test_sets_are_accumulated_in_parts_with_positions_and_with_the_cures_of_an_encoder(tmp_path):
    rng = np.random.default_rng(0)
    places = [rng.uniform(size=(len(x), 2)) for x in SETS]
    climb = Climb(FisherVector(2, sample=400, pyramid="1x1,2x2", random_state=0).fit(SETS, positions=places))
    whole = climb.accumulate(SETS, positions=places)
    assert whole.n == len(ROWS)
    halves = sum(climb.accumulate(SETS[i : i + 2], positions=places[i : i + 2], n_jobs=1) for i in (0, 2))
    assert_allclose(halves.z1, whole.z1, rtol=1e-5, atol=1e-3)
    assert climb.accumulate(iter(SETS), positions=iter(places)) == whole
    with pytest.raises(ValueError, match="positions must be given as in fit"):
        climb.accumulate(SETS)
    for i, x in enumerate(SETS):
        np.save(tmp_path / f"{i}.npy", x)
    climb = Climb(fitted())
    assert climb.accumulate(fishervec.open_sets(tmp_path)).n == len(ROWS)
    broken = SETS[2].copy()
    broken[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"set 1: row 7, column 1 is NaN.*leave the row out"):
        climb.accumulate([SETS[0], broken])
    # Statistics of the estimator are those of a round, but for centres after the first one.
    assert climb.step(sum(climb.estimator().statistics(SETS))) is False
    climb = Climb(fitted("vlad"), max_iter=9)
    climb.step(climb.accumulate(SETS))
    with pytest.raises(ValueError, match="statistics belong to mixture"):
        climb.step(sum(climb.estimator().statistics(SETS)))


@pytest.mark.parametrize("name", ["fisher", "bag of words"])
def test_the_command_makes_the_same_rounds(name, tmp_path):
    """Its file of the next round has the bytes of ours, since one chunk holds all rows."""
    rows = [x[:300] for x in SETS]
    for i, x in enumerate(rows):
        np.save(tmp_path / f"{i}.npy", x)
    climb = Climb(fitted(name), max_iter=2, tol=0)
    for r in range(2):
        (tmp_path / f"{r}.safetensors").write_bytes(climb.model)
        for line in (
            f"accumulate 0.npy 1.npy 2.npy 3.npy -m {r}.safetensors -o {r}.stats",
            f"maximize {r}.stats -m {r}.safetensors -o {r + 1}.safetensors",
        ):
            command = [Path(sys.executable).with_name("fishervec"), *line.split()]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
        encoder = climb.estimator()
        n = sum(map(len, rows))
        assert n <= 1024
        climb.step(climb.accumulate([np.concatenate(rows)]))
        assert (tmp_path / f"{r + 1}.safetensors").read_bytes() == climb.model
    assert climb.is_done
    assert type(fishervec.load(tmp_path / "2.safetensors")) is type(encoder)


@pytest.mark.parametrize(
    ("estimator", "error", "expected"),
    [
        (lambda: FisherVector(3), NotFittedError, "not fitted"),
        (lambda: GaussianMixture(3), NotFittedError, "not fitted"),
        (lambda: Pooling().fit(SETS), ValueError, "one with a mixture or a codebook"),
        (lambda: DescriptorPCA(2).fit(SETS), TypeError, "a fitted encoder or GaussianMixture, got DescriptorPCA$"),
        (lambda: FisherVector, TypeError, "a fitted encoder or GaussianMixture, got "),
        (lambda: b"bytes", TypeError, "got bytes"),
        (
            lambda: FisherVector(3, information="empirical", random_state=0).fit(SETS),
            ValueError,
            "information must not be empirical, since it belongs to the mixture that a round replaces",
        ),
    ],
)
def test_what_cannot_be_in_rounds_is_told(estimator, error, expected):
    with pytest.raises(error, match=expected):
        Climb(estimator())


def test_an_encoder_of_images_is_told_to_pass_its_encoder():
    images = [np.random.default_rng(i).integers(0, 255, (40, 40, 3), np.uint8) for i in range(3)]
    encoder = ImageEncoder(FisherVector(2, random_state=0, sample=500), features="patches").fit(images)
    with pytest.raises(TypeError, match="got ImageEncoder; pass its encoder_"):
        Climb(encoder)
    assert Climb(encoder.encoder_).model


def test_settings_and_statistics_that_are_wrong_are_told():
    with pytest.raises(ValueError, match="max_iter must be an integer of at least 1, got 0"):
        Climb(fitted(), max_iter=0)
    with pytest.raises(ValueError, match="tol"):
        Climb(fitted(), tol=-1)
    with pytest.raises(ValueError, match="tol must be a finite number, got inf"):
        Climb(fitted(), tol=np.inf)
    climb = Climb(fitted(), max_iter=3, tol=0)
    first = statistics(climb)
    with pytest.raises(TypeError, match=r"statistics must be Statistics, got list; fishervec\.arrow\.merge makes one"):
        climb.step([first])
    with pytest.raises(TypeError, match="statistics must be Statistics, got NoneType"):
        climb.step(None)
    for nothing in (SETS[1:2], [], iter([])):
        with pytest.raises(ValueError, match="too few rows"):
            climb.step(climb.accumulate(nothing))
    assert climb.n_iter_ == 0
    climb.step(first)
    before = climb.model
    with pytest.raises(ValueError, match="mixture"):
        climb.step(first)
    assert climb.model == before
    for wrong in (b"", b"nothing", before[:-3], before[:60]):
        with pytest.raises(ValueError, match="not a valid model"):
            Climb.from_bytes(wrong)
    with pytest.raises(TypeError, match="model must be the bytes of a model file, got str"):
        Climb.from_bytes("model.safetensors")


def test_a_fitted_mixture_that_was_given_is_improved_like_one_of_its_own(tmp_path):
    with pytest.warns(Warning, match="did not converge"):
        given = GaussianMixture(3, random_state=0, max_iter=1).fit(ROWS[:500])
    encoder = FisherVector(mixture=given).fit(SETS)
    climb = run(Climb(encoder, max_iter=2, tol=0))
    after = climb.estimator()
    assert not np.allclose(after.mixture_.means_, given.means_, atol=1e-4)
    after.save(tmp_path / "m")
    assert_array_equal(fishervec.load(tmp_path / "m").transform(SETS), after.transform(SETS))
    # The names of columns stay.
    pandas = pytest.importorskip("pandas")
    frames = [pandas.DataFrame(x, columns=list("abc")) for x in SETS]
    named = FisherVector(2, sample=300, random_state=0).fit(frames)
    assert list(Climb(named).estimator().feature_names_in_) == ["a", "b", "c"]
    assert repr(climb) == "<Climb of a fisher encoder: 2 rounds, done>"
