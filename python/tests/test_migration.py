"""docs/migration.md: the tests it names exist, and what no other test holds is held here."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture as Sklearn

from fishervec import BagOfWords, FisherVector, GaussianMixture, Vlad
from origins import anyloc, bob, panther, shares_of_words, yael

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/migration.md"
TESTDATA = ROOT / "crates/fishervec/testdata"


@pytest.fixture(scope="module")
def rows():
    return load_digits().images.sum(axis=2)


# ---- the page --------------------------------------------------------------------------------------------


def test_every_test_that_the_page_names_exists():
    named = set(re.findall(r"`((?:test_|gradients_equal|vlfeat_|dense_)\w+)`", PAGE.read_text()))
    assert len(named) > 20
    files = [*(ROOT / "python/tests").glob("test_*.py"), *(ROOT / "crates/fishervec").glob("**/*.rs")]
    source = "".join(path.read_text() for path in files)
    assert {name for name in named if f"def {name}(" not in source and f"fn {name}(" not in source} == set()


def test_every_row_of_a_table_says_what_holds_it():
    tables = re.findall(r"^\|.*held by \|\n\|[-|]+\n((?:\|.*\|\n)+)", PAGE.read_text(), re.MULTILINE)
    assert len(tables) == 9
    for row in "".join(tables).splitlines():
        holder = row.rstrip("| ").rsplit("| ", 1)[1]
        assert re.fullmatch(r"`\w+`|`make bench-test`|the same|nothing", holder), row


# ---- VLFeat ----------------------------------------------------------------------------------------------


def parameters(golden):
    return SimpleNamespace(**{f"{name}_": np.array(golden[name]) for name in ("weights", "means", "covariances")})


def test_vlfeats_fast_is_a_threshold_of_one():
    cases = json.loads((TESTDATA / "fisher.json").read_text())["cases"]
    for case in cases:
        encoder = FisherVector(mixture=parameters(case), convention="vlfeat", threshold=1, power=None, norm=None)
        for one in case["sets"]:
            theirs = np.array(one["vlfeat_fast"])
            ours = encoder.fit([one["data"]]).transform([one["data"]])[0]
            assert np.linalg.norm(ours - theirs) <= 1e-9 * np.linalg.norm(theirs), (case["name"], one["name"])


def test_vlad_is_vlfeats_under_its_flags():
    golden = json.loads((TESTDATA / "vlad.json").read_text())
    gmm, held = parameters(golden["mixture"]), 0
    for case in golden["cases"]:
        norm = {(False, True): "l2", (True, True): "intra+l2", (False, False): None}.get(
            (case["components"], case["whole"]), "without a name here"
        )
        if norm == "without a name here":
            continue
        codebook = gmm if case["assignment"] == "soft" else gmm.means_
        encoder = Vlad(
            codebook=codebook,
            assignment=case["assignment"],
            mass=case["mass"],
            power=0.5 if case["root"] else None,
            norm=norm,
            threshold=0.0 if case["assignment"] == "soft" else None,
        )
        vector = encoder.fit([golden["x"]]).transform([golden["x"]])[0]
        assert_allclose(vector, case["vector"], rtol=0, atol=1e-9 * np.linalg.norm(case["vector"]))
        held += 1
    assert held == 24


# ---- yael ------------------------------------------------------------------------------------------------


def test_yael_is_sanchez_times_the_root_of_n(rows):
    gmm = Sklearn(7, covariance_type="diag", random_state=0).fit(rows)
    for n in (1, 60):
        for block, theirs in zip("mv", yael(rows[:n], gmm), strict=True):
            plain = FisherVector(mixture=gmm, gradients=block, power=None, norm=None).fit([rows])
            ours = plain.transform([rows[:n]])[0] * np.sqrt(n)
            assert_allclose(ours, theirs.ravel(), rtol=0, atol=1e-11 * np.linalg.norm(theirs))
            unit = FisherVector(mixture=gmm, gradients=block, power=None, norm="l2").fit([rows])
            assert_allclose(unit.transform([rows[:n]])[0], theirs.ravel() / np.linalg.norm(theirs), atol=1e-11)


# ---- bob, PANTHER and AnyLoc -----------------------------------------------------------------------------


def test_statistics_are_the_sums_of_bob(rows):
    gmm = GaussianMixture(5, random_state=0).fit(rows)
    (s,) = gmm.statistics([rows[:60]])
    for ours, theirs in zip((s.s0, s.s1(gmm), s.s2(gmm)), bob(rows[:60], gmm), strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    assert s.n == 60
    assert_allclose(s.log_likelihood, gmm.score_samples(rows[:60]).sum())


def test_panther_is_a_function_of_statistics(rows):
    (code,) = re.findall(r">>> def panther.*?(?=>>> )", PAGE.read_text(), re.DOTALL)
    names = {"np": np, "prototypes": rows[::300], "tau": 2.0, "eps": 30.0}
    start = SimpleNamespace(weights_=np.full(6, 1 / 6), means_=rows[::300], covariances_=np.full((6, 8), 30.0))
    names["start"] = GaussianMixture.from_sklearn(start)
    exec(re.sub(r"^(>>>|\.\.\.) ", "", code, flags=re.MULTILINE), names)
    (s,) = names["start"].statistics([rows[:200]])
    assert_allclose(names["panther"](s), panther(rows[:200], rows[::300], 2.0, 30.0), rtol=1e-10)


@pytest.mark.parametrize(("norm", "intra_norm"), [("intra+l2", True), ("l2", False)])
def test_vlad_is_anylocs_for_centres_of_one_length(rows, norm, intra_norm):
    centres = rows[::200] / np.linalg.norm(rows[::200], axis=1, keepdims=True) * 0.9
    vlad = Vlad(codebook=centres, rows="l2", power=None, norm=norm).fit([rows])
    assert_allclose(vlad.transform([rows[:100]])[0], anyloc(rows[:100], centres, intra_norm), atol=1e-12)


# ---- OpenCV and scikit-learn -----------------------------------------------------------------------------


def test_a_bag_of_words_is_opencvs_histogram(rows):
    vocabulary = rows[::200] + 0.5
    encoder = BagOfWords(codebook=vocabulary, power=None, norm=None).fit([rows])
    sets = [rows[:60], rows[60:61], np.empty((0, 8))]
    shares = encoder.transform(sets)
    for ours, x in zip(shares[:2], sets, strict=False):
        assert_allclose(ours, shares_of_words(x, vocabulary), atol=1e-15)
    assert_allclose(shares.sum(axis=1), [1, 1, 0])
    # The defaults are a power and a norm.
    assert not np.allclose(BagOfWords(codebook=vocabulary).fit([rows]).transform(sets), shares)


def test_a_bag_of_words_counts_what_kmeans_predicts(rows):
    kmeans = KMeans(9, n_init=1, random_state=0).fit(rows)
    shares = BagOfWords(codebook=kmeans, power=None, norm=None).fit([rows]).transform([rows[:60]])[0]
    assert_allclose(shares, np.bincount(kmeans.predict(rows[:60]), minlength=9) / 60, atol=1e-15)
