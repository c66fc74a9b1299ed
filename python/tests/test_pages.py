"""The pages that the command writes of real data (scripts/example_pages.py): good for everybody in Chromium, and their
numbers are the library's.
"""

import json
import re
import sys
from html import unescape
from pathlib import Path

import example_pages
import h5py
import numpy as np
import page_checks
import pytest
from browser import Browser, find
from skimage.io import imread

import fishervec
from fishervec import open_sets

COMMAND = [Path(sys.executable).with_name("fishervec")]
EXPLAINED = ["slide", "photographs", "recording"]

in_chromium = pytest.mark.skipif(find() is None, reason="Chromium is not installed (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A function: the path of an example page, which is written when it is first asked for."""
    folder, written = tmp_path_factory.mktemp("pages"), {}

    def page(name):
        if name not in written:
            (folder / name).mkdir()
            written[name] = example_pages.make(name, folder / name, COMMAND)
        return written[name]

    return page


@pytest.fixture(scope="module")
def tab():
    with Browser() as browser:
        yield browser.tab()


def numbers(path):
    """The numbers that a page carries as JSON."""
    (text,) = re.findall(r'<script type="application/json" id="numbers">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(text)


def table(path):
    """The columns of a table beside a page."""
    return np.genfromtxt(path, delimiter=",", names=True)


@in_chromium
@pytest.mark.parametrize("name", example_pages.PAGES)
def test_a_page_is_good_for_everybody(name, pages, tab):
    assert page_checks.check(tab, pages(name)) == []


@in_chromium
@pytest.mark.parametrize("name", EXPLAINED)
def test_the_sum_that_is_shown_is_the_score(name, pages, tab):
    page_checks.load(tab, pages(name))
    shown = tab.evaluate("[...document.querySelectorAll('#score [data-value]')].map(one => Number(one.dataset.value))")
    parts = tab.evaluate(
        "[...document.querySelectorAll('#components td[data-value]')].map(one => Number(one.dataset.value))"
    )
    carried = numbers(pages(name))
    assert shown[0] == carried["score"]
    score, plus, minus, *bias = shown
    assert sum(parts) == pytest.approx(plus - minus, abs=1e-6)
    assert np.sign(carried["bias"]) * sum(bias) == carried["bias"]
    assert plus - minus + carried["bias"] == pytest.approx(score, abs=1e-6)


def linear(path):
    """Coefficients, intercepts and names of the classes of a linear model, a row per class: of two, one is the other's
    opposite.
    """
    with np.load(path) as model:
        coef, intercept, classes = model["coef"], model["intercept"], model["classes"].tolist()
    if len(classes) == 2:
        coef, intercept = np.vstack([-coef, coef]), np.concatenate([-intercept, intercept])
    return coef, intercept, classes


@pytest.mark.parametrize(
    ("name", "data", "model", "vectors"),
    [("slide", "tissue.h5", "tissue", "slides"), ("recording", "seven.npy", "clips", "clips")],
)
def test_the_numbers_of_a_set_are_the_librarys(name, data, model, vectors, pages):
    page = pages(name)
    carried, (side,) = numbers(page), numbers(page)["sets"]
    encoder = fishervec.load(page.with_name(f"{model}.safetensors"))
    sets = list(open_sets(page.with_name(data)))
    coef, intercept, classes = linear(page.with_name(f"{vectors}.coef.npz"))
    scores = coef @ encoder.transform(sets)[0] + intercept
    # The class that was asked for, or the one that the set is taken for.
    own = classes.index("stained") if name == "slide" else int(np.argmax(scores))
    assert carried["class"] == classes[own]
    assert dict(carried["classes"]) == pytest.approx(dict(zip(classes, scores, strict=True)), abs=1e-6)
    assert (carried["score"], carried["bias"]) == pytest.approx((scores[own], intercept[own]), abs=1e-6)

    (shares,) = encoder.contributions(sets, coef[own])
    told = (side["descriptors"], side["sum"], side["for"], side["against"])
    plus, minus = shares[shares > 0].sum(), shares[shares < 0].sum()
    assert told == pytest.approx((len(sets[0]), shares.sum(), plus, minus), abs=1e-6)
    (parts,) = encoder.contributions(sets, coef[own], by="component")
    components = {one["component"]: one["share"] for one in side["components"]}
    assert [components[k] for k in range(len(components))] == pytest.approx(parts.sum(axis=0), abs=1e-6)
    beside = table(page.with_suffix(".csv"))
    np.testing.assert_array_equal(beside["row"], np.arange(len(shares)))
    np.testing.assert_allclose(beside["contribution"], shares, rtol=0, atol=1e-6)


def test_places_go_with_their_shares(pages):
    page = pages("slide")
    beside = table(page.with_suffix(".csv"))
    with h5py.File(page.parent / "tissue.h5") as file:
        corners = file["coords"][:]
    np.testing.assert_array_equal(np.stack([beside["x"], beside["y"]], axis=1), corners)
    assert beside["smoothed"].sum() == pytest.approx(beside["contribution"].sum(), abs=1e-6)
    patches = json.loads(page.with_suffix(".geojson").read_text())["features"]
    assert len(patches) == len(corners)
    for patch, corner in zip(patches, corners, strict=True):
        ring = np.array(patch["geometry"]["coordinates"][0])
        np.testing.assert_array_equal(ring.min(axis=0), corner)
        np.testing.assert_array_equal(ring.max(axis=0), corner + example_pages.example_data.PATCH)


def test_the_numbers_of_two_photographs_are_the_librarys(pages):
    page = pages("photographs")
    carried, folder = numbers(page), page.parent
    encoder = fishervec.load(folder / "photographs.safetensors")
    files = [folder / "parts/coffee.jpg", folder / "photographs/coffee.png"]
    first, second = encoder.transform([str(file) for file in files]).astype(float)
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    assert (carried["score"], carried["bias"]) == (pytest.approx(cosine, abs=1e-6), 0)
    for side, file, beside in zip(
        carried["sets"], files, [page.with_suffix(".csv"), page.with_suffix(".against.csv")], strict=True
    ):
        shares = table(beside)["contribution"]
        assert side["sum"] == pytest.approx(cosine, abs=1e-6) == shares.sum()
        assert side["for"] == pytest.approx(shares[shares > 0].sum(), abs=1e-6)
        assert sum(one["share"] for one in side["components"]) == pytest.approx(cosine, abs=1e-6)
        height, width = imread(file).shape[:2]
        places = table(beside)
        assert 0 < places["x"].min() < places["x"].max() < width and 0 < places["y"].min() < places["y"].max() < height


def test_the_numbers_of_the_report_are_the_librarys(pages):
    page = pages("report")
    carried = numbers(page)["report"]
    with np.load(page.with_name("digits.npz")) as digits:
        labels, n_rows = digits["y"], len(digits["X"])
    vectors = fishervec.load(page.with_name("digits.safetensors")).transform(open_sets(page.with_name("digits.npz")))
    assert (carried["sets"], carried["descriptors"]) == (len(vectors), n_rows)
    counts = [(one["name"], one["sets"]) for one in carried["labels"]]
    assert counts == [(str(label), n) for label, n in zip(*np.unique(labels, return_counts=True), strict=True)]
    found = carried["classification"]
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    assert found["nearest"] == pytest.approx((labels[cosines.argmax(axis=1)] == labels).mean(), abs=1e-6)
    assert found["largest_cosine"] == pytest.approx(cosines.max(), abs=1e-6)
    confusion = np.array(found["confusion"])
    np.testing.assert_array_equal(confusion.sum(axis=1), np.bincount(labels))
    assert found["accuracy"] == pytest.approx(np.trace(confusion) / len(labels), abs=1e-12)
    starts = np.cumsum([0, *(block["entries"] for block in carried["blocks"])])
    parts = np.add.reduceat(vectors.astype(float) ** 2, starts[:-1], axis=1).mean(axis=0)
    assert [block["part"] for block in carried["blocks"]] == pytest.approx(parts, abs=1e-6)


@in_chromium
def test_the_report_shows_its_numbers(pages, tab):
    page_checks.load(tab, pages("report"))
    carried = numbers(pages("report"))["report"]
    rows = "[...document.querySelectorAll('#confusion tr')].slice(1)"
    cells = tab.evaluate(f"{rows}.map(row => [...row.querySelectorAll('td')].map(cell => Number(cell.textContent)))")
    assert cells == carried["classification"]["confusion"]
    (first, *_) = tab.evaluate("[...document.querySelectorAll('.verdicts li')].map(one => one.textContent)")
    assert f"{100 * carried['classification']['accuracy']:.1f}" in first


ODD = "R&D <b>\"x' é"


@in_chromium
def test_odd_names_stay_names(tab, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "train.npy", rng.normal(size=(300, 4)))
    np.save(tmp_path / f"{ODD}.npy", rng.normal(size=(60, 4)))
    classes = ["</script><i>", "\u05e2\u05d1\u05e8\u05d9\u05ea \u202eabc", "x" * 200, "a\nb"]
    coef = rng.normal(size=(4, 3 + 2 * 3 * 4))
    np.savez(tmp_path / "coef.npz", coef=coef, intercept=np.zeros(4), classes=np.array(classes))
    run = example_pages.run
    run(COMMAND, tmp_path, ["fit", "train.npy", "-o", "m.safetensors", "-k", "3", "--seed", "0"])
    for i, name in enumerate(classes):
        page = tmp_path / f"{i}.html"
        words = [f"{ODD}.npy", "-m", "m.safetensors", "--classifier", "coef.npz", "--class", name, "-o", page.name]
        run(COMMAND, tmp_path, ["explain", *words])
        assert page_checks.check(tab, page, parts=["markup", "shown", "document"], views=[(320, "light")]) == []
        assert numbers(page)["class"] == name
        (heading,) = re.findall(r"<h1>(.*?)</h1>", page.read_text(), re.DOTALL)
        assert {ODD + ".npy", name} <= {unescape(one) for one in re.findall(r"<bdi>(.*?)</bdi>", heading, re.DOTALL)}
