"""`polish`: passes over all descriptors after the fit to a sample, with the same bits in memory and from files."""

import json
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from fishervec import H2T, BagOfWords, FisherVector, GaussianMixture, ImageEncoder, Vlad, load, open_sets
from fishervec._fishervec import run

pytestmark = pytest.mark.filterwarnings("ignore:only .* sets for the empirical", "ignore:Best performing")

RNG = np.random.default_rng(5)
SETS = [(RNG.normal(size=(n, 3)) + i % 3).astype(np.float32) for i, n in enumerate([1500, 0, 3001, 900, 2048, 1, 1200])]
ENCODERS = {
    "fisher": FisherVector(3, polish=2),
    "projected": FisherVector(3, polish=4, pca=2, rows="l2"),
    "located": FisherVector(2, polish=2, position_columns=1, spatial=2),
    "empirical": FisherVector(2, polish=2, information="empirical", information_sets=7),
    "vlad": Vlad(3, polish=2),
    "soft": Vlad(3, polish=2, assignment="soft"),
    "words": BagOfWords(4, polish=3),
    "h2t": H2T(3, polish=1),
}


@pytest.fixture
def folder(tmp_path):
    for i, x in enumerate(SETS):
        np.save(tmp_path / f"{i}.npy", x)
    return tmp_path


def fitted(encoder, X, **params):
    return clone(encoder).set_params(random_state=0, sample=600, **params).fit(X)


@pytest.mark.parametrize("name", ENCODERS)
def test_passes_over_files_have_the_bits_of_those_in_memory(name, folder):
    encoder = ENCODERS[name]
    in_memory, lazy = fitted(encoder, SETS), fitted(encoder, open_sets(folder), n_jobs=2)
    assert in_memory._pipeline.id == lazy._pipeline.id
    assert in_memory._pipeline.report == lazy._pipeline.report
    assert in_memory._pipeline.id != fitted(encoder, SETS, polish=0)._pipeline.id


def test_the_command_makes_the_same_passes(folder, tmp_path):
    out = tmp_path / "m.safetensors"
    arguments = ["fishervec", "fit", str(folder), "-o", str(out), "-k", "3", "--polish", "2", "--sample", "600", "-q"]
    assert run([*arguments, "--seed", "0"]) == 0
    ours, theirs = fitted(ENCODERS["fisher"], SETS).mixture_, load(out).mixture_
    np.testing.assert_array_equal(ours.means_, theirs.means_)
    np.testing.assert_array_equal(ours.lower_bounds_, theirs.lower_bounds_)


def test_a_pass_makes_all_descriptors_likelier():
    before, after = (fitted(FisherVector(8), SETS, polish=n).mixture_ for n in (0, 3))
    rows = np.concatenate(SETS)
    assert after.score(rows) > before.score(rows)
    assert after.n_iter_ == 3


def test_weights_count_in_memory_and_are_refused_with_files(folder):
    weights = [np.where(np.arange(len(x)) % 2, 1.0, 0.0) for x in SETS]
    half = [x[1::2] for x in SETS]
    encoder = FisherVector(2, polish=2, random_state=0)
    one = clone(encoder).fit(SETS, weights=weights).mixture_
    np.testing.assert_allclose(one.means_, clone(encoder).fit(half).mixture_.means_, rtol=1e-6)
    with pytest.raises(ValueError, match="polish must be 0 with weights of sets in files"):
        clone(encoder).fit(open_sets(folder), weights=weights)


def test_nothing_can_be_polished_that_is_given():
    mixture = GaussianMixture(2, random_state=0).fit(SETS[0])
    with pytest.raises(ValueError, match="polish must be 0 for a mixture or a codebook that is given fitted, got 2"):
        FisherVector(mixture=mixture, polish=2).fit(SETS)
    with pytest.raises(ValueError, match="polish must be 0 for a mixture"):
        FisherVector(mixture=mixture, polish=1).fit(mixture.statistics(SETS))
    with pytest.raises(ValueError, match="polish must be 0 for a mixture or a codebook"):
        Vlad(codebook=np.eye(3), polish=1).fit(SETS)
    for wrong in (-1, 1.5, "2", None):
        with pytest.raises((ValueError, TypeError), match="polish"):
            FisherVector(2, polish=wrong).fit(SETS)


def test_a_wrong_number_is_named_by_set_and_row_wherever_it_lies(tmp_path):
    sets = [RNG.normal(size=(n, 2)) for n in (700, 800, 5000, 900)]
    sets[3][17, 1] = np.nan
    for i, x in enumerate(sets):
        np.save(tmp_path / f"{i}.npy", x)
    encoder = FisherVector(2, polish=1, sample=300, random_state=2)
    with pytest.raises(ValueError, match=r"set 3: row 17"):
        clone(encoder).fit(sets)
    with pytest.raises(ValueError, match=r"set 3 \(3\): row 17"):
        clone(encoder).fit(open_sets(tmp_path))


def test_sets_that_come_once_are_kept_for_the_passes():
    encoder = ENCODERS["fisher"]
    assert fitted(encoder, iter(SETS))._pipeline.id == fitted(encoder, SETS)._pipeline.id


def test_the_fit_to_the_sample_warns_and_the_passes_do_not():
    with pytest.warns(ConvergenceWarning):
        FisherVector(mixture=GaussianMixture(3, max_iter=1), polish=1, random_state=0).fit(SETS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FisherVector(mixture=GaussianMixture(3, tol=1e-1), polish=1, random_state=0).fit(SETS)


def test_padding_does_not_count(tmp_path):
    padded = [np.concatenate([x, np.full((3, 3), np.nan, np.float32)]) for x in SETS]
    for i, x in enumerate(padded):
        np.save(tmp_path / f"{i}.npy", x)
    encoder = FisherVector(2, polish=2, padding="nan", sample=20_000, random_state=0)
    a, b = clone(encoder).fit(padded), clone(encoder).fit(open_sets(tmp_path))
    c = FisherVector(2, polish=2, sample=20_000, random_state=0).fit(SETS)
    assert a.mixture_.lower_bound_ == b.mixture_.lower_bound_ == c.mixture_.lower_bound_


def test_images_are_polished_by_all_their_descriptors():
    images = RNG.integers(0, 256, (6, 40, 50), dtype=np.uint8)
    encoder = FisherVector(2, pca=4, sample=150, polish=2, random_state=0)
    fit = ImageEncoder(encoder, bins=(4,), step=6).fit(images).encoder_
    assert fit.mixture_.n_iter_ <= 2
    assert json.loads(fit._pipeline.report)["n"] > 150
