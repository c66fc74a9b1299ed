"""The report in Python: the numbers are those of the vectors, and the page shows them."""

import html
import itertools
import json
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

import cases
from fishervec import FisherVector, ImageEncoder, Pooling, open_sets

ENCODERS = cases.instances(cases.kinds("encoder"))
pytestmark = pytest.mark.filterwarnings("ignore:only .* sets", "ignore:only .* descriptors", "ignore:.*converge")


def two_kinds(n=40, shift=0.25):
    rng = np.random.default_rng(3)
    y = np.arange(n) % 3
    sets = [rng.normal(size=(12 + i % 4, 3)).astype(np.float32) + shift * np.array([k, -k, 0]) for i, k in enumerate(y)]
    return sets, y


@pytest.fixture(scope="module")
def fitted():
    sets, y = two_kinds()
    return FisherVector(3, random_state=0).fit(sets), sets, y


@pytest.mark.parametrize("estimator", ENCODERS.values(), ids=ENCODERS)
def test_every_encoder_has_a_report_of_its_sets(estimator):
    encoder = clone(estimator).fit(cases.SETS)
    report = encoder.report(cases.SETS, np.arange(len(cases.SETS)) % 2)
    numbers = report.numbers["report"]
    assert (numbers["sets"], numbers["descriptors"]) == (len(cases.SETS), sum(map(len, cases.SETS)))
    assert sum(block["entries"] for block in numbers["blocks"]) == encoder.n_features_out_
    assert report.numbers["title"] == type(encoder).__name__


def test_the_classification_is_that_of_scikit_learn_one_set_left_out(fitted):
    encoder, sets, y = fitted
    vectors = encoder.transform(sets).astype(np.float64)
    found = encoder.report(sets, y).numbers["report"]["classification"]
    penalty = found["penalty"] * ((vectors - vectors.mean(0)) ** 2).sum(1).mean()
    guesses = cross_val_predict(RidgeClassifier(penalty), vectors, y, cv=LeaveOneOut())
    assert found["accuracy"] == pytest.approx((guesses == y).mean())
    assert 0.34 < found["accuracy"] < 1
    confusion = np.zeros((3, 3), dtype=int)
    np.add.at(confusion, (y, guesses), 1)
    assert found["confusion"] == confusion.tolist()
    nearest = KNeighborsClassifier(1, metric="cosine", algorithm="brute")
    assert found["nearest"] == pytest.approx((cross_val_predict(nearest, vectors, y, cv=LeaveOneOut()) == y).mean())
    # The surest error: what was taken for what, and by how much.
    first = found["surest"][0]
    others = np.arange(len(y)) != first["set"]
    scores = {}
    for label in (first["label"], first["taken_for"]):
        model = Ridge(penalty).fit(vectors[others], np.where(y[others] == int(label), 1, -1))
        scores[label] = model.predict(vectors[[first["set"]]])[0]
    assert first["margin"] == pytest.approx(scores[first["taken_for"]] - scores[first["label"]], abs=1e-6)
    # Each block alone.
    for block, part in zip(encoder.report(sets, y).numbers["report"]["blocks"], (vectors[:, :3],), strict=False):
        spread = ((part - part.mean(0)) ** 2).sum(1).mean()
        tried = [
            cross_val_predict(RidgeClassifier(strength * spread), part, y, cv=LeaveOneOut())
            for strength in (1e-2, 1e-1, 1, 10)
        ]
        assert any(block["accuracy"] == pytest.approx((guess == y).mean()) for guess in tried)


def test_shares_and_lengths_are_those_of_the_library(fitted):
    encoder, sets, _ = fitted
    numbers = encoder.report(sets).numbers["report"]
    statistics = encoder.statistics(sets)
    shares = np.mean([s.s0 / s.n for s in statistics], axis=0)
    assert_allclose([component["share"] for component in numbers["components"]], shares, atol=1e-9)
    plain = FisherVector(mixture=encoder.mixture_, norm=None).fit(sets).transform(sets).astype(np.float64)
    lengths = np.sort(np.linalg.norm(plain, axis=1))
    assert_allclose([numbers["lengths"][key] for key in ("min", "max")], lengths[[0, -1]], rtol=1e-5)
    assert numbers["classification"] is None and numbers["map"]["plane"] == "variance"


def test_any_form_of_sets_and_any_number_of_threads_has_the_same_numbers(fitted, tmp_path):
    encoder, sets, y = fitted
    expected = encoder.report(sets, y).numbers
    flat, offsets = np.concatenate(sets), np.cumsum([0] + [len(x) for x in sets])
    for i, x in enumerate(sets):
        np.save(tmp_path / f"{i:03}.npy", x)
    for form in (iter(sets), tuple(sets), (flat, offsets), open_sets(tmp_path)):
        assert encoder.report(form, y).numbers == expected
    assert clone(encoder).set_params(n_jobs=1).fit(sets).report(sets, y).numbers == expected
    weights = [np.ones(len(x)) for x in sets]
    assert encoder.report(sets, y, weights=weights).numbers["report"]["sets"] == len(sets)


def test_labels_may_be_names_and_missing_and_must_be_one_per_set(fitted):
    encoder, sets, y = fitted
    names = np.array(["<b>Öl & 'Salz'</b>", "b", "c"])[y]
    report = encoder.report(sets, names)
    assert [label["name"] for label in report.numbers["report"]["labels"]] == sorted(set(names))
    assert "<b>Öl" not in report._page and "&lt;b&gt;Öl &amp; &#39;Salz&#39;" in report._page
    some = [None if i % 4 else name for i, name in enumerate(names)]
    assert encoder.report(sets, some).numbers["report"]["labelled"] == 10
    assert encoder.report(sets, np.where(y == 0, np.nan, y)).numbers["report"]["n_labels"] == 2
    signed = encoder.report(sets, np.where(y == 0, -1, 1)).numbers["report"]
    assert [label["name"] for label in signed["labels"]] == ["-1", "1"]
    assert encoder.report(sets, [None] * len(sets)).numbers["report"]["labelled"] == 0
    for wrong in (y[:-1], [*y, 0], [], y.reshape(-1, 2)):
        with pytest.raises(ValueError, match="y must be one label of a class per set"):
            encoder.report(iter(sets), wrong)
    with pytest.raises(ValueError, match="not whole"):
        encoder.report(sets, np.linspace(0, 1, len(sets)))
    with pytest.raises(TypeError, match="of one kind, got int and str"):
        encoder.report(sets, ["a", *range(len(sets) - 1)])


def test_a_notebook_shows_the_page_in_a_frame_of_its_own_and_save_writes_it(fitted, tmp_path):
    encoder, sets, y = fitted
    report = encoder.report(sets, y)
    assert re.fullmatch(r"<Report of 40 sets, \d+\.\d % told apart; numbers, save\(path\)>", repr(report))
    assert repr(encoder.report(sets[:1])).startswith("<Report of 1 set;")
    report.save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    shown = report._repr_html_()
    assert html.unescape(shown.split('srcdoc="')[1].split('"')[0]) == page
    inside = page.split('id="numbers">')[1].split("</script>")[0]
    assert json.loads(inside) == report.numbers
    assert not re.search(r"(src|href)=\"(?!data:|#)", page) and "http" not in page
    # The estimator keeps a picture of its own.
    assert "iframe" not in encoder._repr_html_()


def test_odd_sets_have_a_report(fitted):
    encoder, sets, _ = fitted
    nothing = encoder.report([]).numbers["report"]
    assert (nothing["sets"], nothing["map"]) == (0, None)
    empty = encoder.report([np.empty((0, 3)), sets[0], sets[0]]).numbers["report"]
    assert (empty["empty"], empty["repeated"]) == (1, 1)
    huge = encoder.report([*sets[:9], sets[9] + 1e3], itertools.islice(itertools.cycle("ab"), 10))
    assert huge.numbers["report"]["n_outliers"] == 1
    with pytest.raises(ValueError, match="got statistics"):
        encoder.report(encoder.statistics(sets))
    with pytest.raises(NotFittedError):
        Pooling().report(sets)


def test_images_have_a_report_of_their_descriptors():
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 256, (24, 20 + i), dtype=np.uint8) // (1 + i % 2) for i in range(12)]
    encoder = ImageEncoder(FisherVector(2, random_state=0), features="patches", patch_size=6, step=3).fit(images)
    report = encoder.report(iter(images), np.arange(12) % 2)
    numbers = report.numbers["report"]
    assert (report.numbers["title"], numbers["sets"], numbers["labelled"]) == ("ImageEncoder", 12, 12)
    assert numbers["descriptors"] == sum(len(x) for x in encoder.positions(images))
    with pytest.raises(ValueError, match="got 11 for 12 sets"):
        encoder.report(images, np.arange(11))
    with pytest.raises(NotFittedError):
        ImageEncoder().report(images)
