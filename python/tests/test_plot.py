"""Plots show the numbers that they are given, in the colours of the palette; nothing else needs matplotlib."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture as Sklearn
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import cases
from fishervec import (
    BagOfWords,
    DescriptorPCA,
    FisherVector,
    GaussianMixture,
    ImageEncoder,
    Pooling,
    Vlad,
    _palette,
    load,
    plot,
)

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.colors import to_hex  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:only .*descriptors per component", "ignore:Best performing init")
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def encoder():
    return FisherVector(3, random_state=0).fit(cases.SETS)


def drawn(ax):
    """The axes as a picture: what cannot be drawn is found here."""
    ax.figure.canvas.draw()
    return ax


def texts(ax):
    return [text.get_text() for text in ax.texts]


# ---- components ------------------------------------------------------------------------------------------


def heights(ax):
    return [bar.get_height() for bar in ax.containers[0]]


def test_components_are_the_weights_in_falling_order(encoder):
    ax = drawn(plot.components(encoder))
    weights = encoder.mixture_.weights_
    assert heights(ax) == pytest.approx(sorted(100 * weights, reverse=True))
    assert [label.get_text() for label in ax.get_xticklabels()] == [str(k) for k in np.argsort(-weights)]
    assert ax.get_title(loc="left") == f"3 components; the largest has {100 * weights.max():.1f} %"
    assert {to_hex(bar.get_facecolor()) for bar in ax.containers[0]} == {_palette.LIGHT["accent"]}


def of_weights(*weights):
    """A mixture of these weights over four columns."""
    gmm = Sklearn(len(weights), covariance_type="diag")
    gmm.weights_ = np.array(weights)
    gmm.means_ = np.arange(4.0 * len(weights)).reshape(-1, 4)
    gmm.covariances_ = np.ones_like(gmm.means_)
    gmm.precisions_cholesky_ = np.ones_like(gmm.means_)
    return gmm


def test_dead_components_are_last_and_marked():
    ax = drawn(plot.components(of_weights(0.2, 0.0, 0.7999, 0.0001)))
    assert heights(ax) == pytest.approx([79.99, 20, 0.01, 0])
    assert ax.get_title(loc="left").endswith(", 2 dead")
    assert "dead" in texts(ax)
    (span,) = [patch for patch in ax.patches if patch not in list(ax.containers[0])]
    assert span.get_extents().transformed(ax.transData.inverted()).bounds[::2] == pytest.approx((1.5, 2))
    assert "dead" not in texts(plot.components(of_weights(0.5, 0.5)))


def test_many_components_have_few_numbers_below_them():
    ax = drawn(plot.components(of_weights(*np.full(256, 1 / 256))))
    assert len(heights(ax)) == 256
    assert len(ax.get_xticks()) == 16


@pytest.mark.parametrize("whiten", [False, True])
def test_means_are_images_in_the_space_of_the_descriptors(whiten):
    encoder = FisherVector(3, pca=2, whiten=whiten, random_state=0).fit([x[:, :4] for x in cases.SETS])
    ax = drawn(plot.components(encoder, shape=(2, 2)))
    pca, gmm = encoder.pca_, encoder.mixture_
    scale = np.sqrt(pca.explained_variance_) if whiten else 1
    means = (gmm.means_ * scale) @ pca.components_ + pca.mean_
    order = np.argsort(-gmm.weights_)
    scaled = (means[order] - means.min()) / np.ptp(means)
    assert np.allclose([image.get_array() for image in ax.images], scaled.reshape(3, 2, 2))
    assert texts(ax) == [f"{k}: {100 * gmm.weights_[k]:.0f} %" for k in order]
    # A projection is undone: its means are near those of the descriptors.
    assert np.allclose(gmm.weights_ @ means, np.concatenate(cases.SETS)[:, :4].mean(axis=0), atol=0.6)


def test_columns_of_positions_are_not_in_an_image():
    for spatial in (None, 2):
        located = FisherVector(3, position_columns=1, spatial=spatial, random_state=0).fit(cases.SETS)
        image = plot.components(located, shape=(4, 1)).images[0].get_array()
        assert image.shape == (4, 1)


def test_centres_and_dead_means_are_drawn_too():
    words = BagOfWords(4, random_state=0).fit(cases.SETS)
    ax = drawn(plot.components(words, shape=(1, 5)))
    assert texts(ax) == ["0", "1", "2", "3"]
    with pytest.raises(ValueError, match=r"have no weights: pass shape=, the shape of a patch"):
        plot.components(words)
    assert texts(plot.components(of_weights(0.0, 1.0), shape=(2, 2))) == ["1: 100 %", "0, dead"]
    assert plot.components(of_weights(0.4, 0.6), shape=(2, 2, 1)).images[0].get_array().shape == (2, 2)


def test_colours_of_patches_are_colours():
    gmm = of_weights(0.5, 0.5)
    gmm.means_ = np.random.default_rng(0).normal(size=(2, 12))
    assert drawn(plot.components(gmm, shape=(2, 2, 3))).images[0].get_array().shape == (2, 2, 3)


HOLDERS = {
    "mixture": lambda: GaussianMixture(3, random_state=0).fit(cases.ROWS),
    "scikit-learn's mixture": lambda: Sklearn(3, random_state=0).fit(cases.ROWS),
    "soft words": lambda: BagOfWords(3, assignment="soft", random_state=0).fit(cases.SETS),
    "soft VLAD": lambda: Vlad(3, assignment="soft", random_state=0).fit(cases.SETS),
    "images": lambda: ImageEncoder(FisherVector(3, pca=4, random_state=0)).fit(cases.IMAGES),
    "pipeline": lambda: make_pipeline(
        DescriptorPCA(2, random_state=0), FisherVector(3, random_state=0), LogisticRegression()
    ).fit(cases.SETS, np.arange(12) % 2),
    "search": lambda: GridSearchCV(
        make_pipeline(FisherVector(random_state=0), LogisticRegression()), {"fishervector__n_components": [3]}, cv=2
    ).fit(cases.SETS, np.arange(12) % 2),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_whatever_holds_components_can_be_drawn(holder):
    held = holder()
    assert len(heights(drawn(plot.components(held)))) == 3
    if hasattr(held, "lower_bounds_") or not isinstance(held, Sklearn):
        assert len(plot.likelihood(held).lines[0].get_ydata()) >= 1


# ---- likelihood ------------------------------------------------------------------------------------------


def test_the_likelihood_is_that_of_each_iteration():
    gmm = GaussianMixture(3, random_state=0, tol=1e-2).fit(cases.ROWS)
    ax = drawn(plot.likelihood(gmm))
    (line,) = ax.lines
    assert line.get_ydata().tolist() == gmm.lower_bounds_.tolist()
    assert line.get_xdata().tolist() == list(range(1, gmm.n_iter_ + 1))
    last = f"{gmm.lower_bound_:.4f}".replace("-", MINUS)
    assert ax.get_title(loc="left") == f"Converged after {gmm.n_iter_} iterations, at {last}"


def test_a_fit_that_did_not_converge_says_so():
    gmm = GaussianMixture(3, random_state=0, tol=0.0, max_iter=1).fit(cases.ROWS)
    assert plot.likelihood(gmm).get_title(loc="left").startswith("Stopped, not converged, after 1 iteration, at ")


def test_what_has_no_iterations_is_an_error():
    given = FisherVector(mixture=GaussianMixture.from_sklearn(of_weights(0.5, 0.5))).fit([x[:, :4] for x in cases.SETS])
    hard = Vlad(2, random_state=0).fit(cases.SETS)
    for one in (hard, of_weights(0.5, 0.5), GaussianMixture.from_sklearn(of_weights(1.0))):
        with pytest.raises(ValueError, match="no iterations are known"):
            plot.likelihood(one)
    assert heights(plot.components(given))


@pytest.mark.parametrize("function", [plot.components, plot.likelihood])
def test_what_has_no_components_is_an_error(function):
    with pytest.raises(TypeError, match="got Pooling, which has no components"):
        function(Pooling().fit(cases.SETS))
    for other in (3, None, np.zeros(3), FisherVector, LogisticRegression().fit([[0], [1]], [0, 1])):
        with pytest.raises(TypeError, match="encoder must be a fitted mixture, or a fitted encoder"):
            function(other)
    for unfitted in (
        FisherVector(),
        GaussianMixture(),
        make_pipeline(FisherVector(), LogisticRegression()),
        ImageEncoder(),
    ):
        with pytest.raises(NotFittedError):
            function(unfitted)


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ((2, 3), r"a descriptor of 5 columns, got \(2, 3\), which has 6"),
        ((5,), r"shape must be \(height, width\) or .*, got \(5,\)"),
        (5, "shape must be"),
        ("ab", "shape must be"),
        ((5, 0), "shape must be"),
        ((2.5, 2), "shape must be"),
        ((1, 1, 5), "shape must be"),
    ],
)
def test_a_shape_that_is_not_that_of_the_descriptors_is_an_error(encoder, shape, error):
    with pytest.raises(ValueError, match=error):
        plot.components(encoder, shape=shape)


# ---- contributions ---------------------------------------------------------------------------------------

GRID = np.stack(np.divmod(np.arange(12), 4)[::-1], axis=1) * 10.0
SHARES = np.array([1.0, -2.0, 0.0, 0.5, -0.25, 3.0, 0.125, 0.0, -1.0, 0.5, 0.25, -0.125])


def test_a_map_has_a_square_for_each_place_of_its_share():
    ax = drawn(plot.contributions(SHARES, GRID))
    (squares,) = ax.collections
    where = {
        tuple(path.vertices[:4].mean(axis=0)): v
        for path, v in zip(squares.get_paths(), squares.get_array(), strict=True)
    }
    assert where == pytest.approx({tuple(at): share for at, share in zip(GRID, SHARES, strict=True)})
    # As wide as the distance to the next one.
    assert {float(np.ptp(path.vertices[:, 0])) for path in squares.get_paths()} == {10.0}
    limit = np.percentile(np.abs(SHARES), 99.5)
    assert (squares.norm.vmin, squares.norm.vmax) == pytest.approx((-limit, limit))
    colours = [to_hex(squares.cmap(x)) for x in (0.0, 0.5, 1.0)]
    assert colours[::2] == [_palette.LIGHT["minus"], _palette.LIGHT["plus"]]
    assert np.allclose(
        matplotlib.colors.to_rgb(colours[1]), matplotlib.colors.to_rgb(_palette.LIGHT["paper"]), atol=0.02
    )
    top, bottom = ax.get_ylim()[::-1]
    assert (top, bottom) == (-5, 25)
    assert ax.get_title(loc="left") == "5.38 for, 3.38 against: +2.00"


def test_shares_at_one_place_are_added():
    ax = plot.contributions(np.concatenate([SHARES, SHARES]), np.concatenate([GRID, GRID]))
    assert sorted(ax.collections[0].get_array()) == pytest.approx(sorted(2 * SHARES))


def test_one_column_is_a_time_and_none_the_row():
    times = np.linspace(0, 1.1, 12)
    for positions, x in ((None, np.arange(12)), (times, times), (times[:, np.newaxis], times)):
        ax = drawn(plot.contributions(SHARES, positions))
        lines = {}
        for collection in ax.collections:
            for (left, low), (_, high) in collection.get_segments():
                assert low == 0
                lines[left] = high
        assert lines == pytest.approx({at: share for at, share in zip(x, SHARES, strict=True) if share})
        colours = [to_hex(collection.get_color()[0]) for collection in ax.collections]
        assert colours == [_palette.LIGHT["plus"], _palette.LIGHT["minus"]]


def test_the_title_sums_to_the_score_of_an_encoder(encoder):
    coef = np.random.default_rng(0).normal(size=encoder.n_features_out_)
    shares = encoder.contributions(cases.SETS[:1], coef)[0]
    title = plot.contributions(shares).get_title(loc="left")
    score = float((encoder.transform(cases.SETS[:1]) @ coef)[0])
    assert float(title.rpartition(" ")[2].replace(MINUS, "-")) == pytest.approx(score, rel=5e-3)


@pytest.mark.parametrize(
    ("shares", "positions"),
    [
        ([], None),
        ([], np.empty((0, 2))),
        ([0.5], [[3.0, 4.0]]),
        ([0.5], [[1e300, -1e300]]),
        ([0.0, 0.0], [[0, 0], [0, 0]]),
        ([0.0, 0.0, 0.0], [[0, 0], [1, 0], [5, 0]]),
        ([1e300, -1e300, 1e299], [[0, 0], [1, 0], [5, 0]]),
        ([1e-300, -1e-300, 0.0], [[0, 0], [1e-200, 0], [5e-200, 0]]),
        ([1e300, -1e299], None),
        ([-1, 2, 3], [[7e9, 1], [7e9 + 1, 1], [7e9 + 2, 1]]),
        (np.float32([0.1, 0.2]), [0, 1]),
    ],
)
def test_unusual_shares_are_drawn_without_a_warning(shares, positions):
    ax = drawn(plot.contributions(shares, positions))
    assert "-0" not in ax.get_title(loc="left")
    assert "nan" not in ax.get_title(loc="left")


@pytest.mark.parametrize(
    ("shares", "positions", "kind", "error"),
    [
        ([SHARES, SHARES], None, ValueError, r"of one set, of shape \(n,\), got a list of 2: pass shares\[0\]"),
        ([SHARES], GRID, ValueError, r"got a list of 1: pass shares\[0\]"),
        (np.zeros((12, 3)), None, ValueError, r"got shape \(12, 3\): choose a class, shares\[:, 0\]"),
        ("abc", None, TypeError, "shares must be an array of numbers"),
        ([np.nan, 1], None, ValueError, "shares must be finite numbers"),
        (np.ma.masked_array([1.0, 2.0], [False, True]), None, ValueError, "shares must be finite numbers"),
        ([10**400, 1], None, TypeError, "shares must be an array of numbers"),
        ([1j, 1], None, TypeError, "shares must be an array of numbers"),
        (
            SHARES,
            GRID[:5],
            ValueError,
            r"positions must be of shape \(12,\), \(12, 1\) or \(12, 2\).*got shape \(5, 2\)",
        ),
        (SHARES, np.zeros((12, 3)), ValueError, r"got shape \(12, 3\)"),
        (SHARES, [GRID], ValueError, r"positions must be those of one set, got a list of 1: pass positions\[0\]"),
        (SHARES, np.full((12, 2), np.inf), ValueError, "positions must be finite numbers"),
        (SHARES, [["a", "b"]] * 12, TypeError, "positions must be an array of numbers"),
    ],
)
def test_what_is_not_the_shares_of_one_set_is_an_error(shares, positions, kind, error):
    with pytest.raises(kind, match=error):
        plot.contributions(shares, positions)


# ---- embedding -------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
LABELS = np.repeat(["<b> & c", "žluťoučký", "3"], 10)
VECTORS = RNG.normal(size=(30, 6)) + 4 * np.repeat(np.eye(3, 6), 10, axis=0)


def points(ax):
    return np.concatenate([np.asarray(collection.get_offsets()) for collection in ax.collections])


def distances(x):
    return np.linalg.norm(x[:, np.newaxis] - x, axis=2)


def test_without_labels_it_is_the_plane_of_the_strongest_directions():
    ax = drawn(plot.embedding(VECTORS))
    pca = PCA(2).fit(VECTORS)
    assert np.allclose(distances(points(ax)), distances(pca.transform(VECTORS)))
    assert ax.get_xlabel() == f"{100 * pca.explained_variance_ratio_[0]:.1f} % of the variance"
    assert ax.get_aspect() == 1


def test_with_labels_it_is_the_plane_through_their_means():
    ax = drawn(plot.embedding(VECTORS, LABELS))
    shown = {tuple(LABELS[i * 10 : i * 10 + 1]): VECTORS[i * 10 : i * 10 + 10].mean(axis=0) for i in range(3)}
    # Three points lie in the plane, so that their distances are kept.
    by_name = {text.get_text(): np.array(text.get_position()) for text in ax.texts}
    means = np.stack([shown[(name,)] for name in by_name])
    assert np.allclose(distances(np.stack(list(by_name.values()))), distances(means))
    assert list(by_name) == sorted(set(LABELS))
    assert ax.get_title(loc="left") == "30 sets of 3 labels; plane of their means"


def test_two_labels_have_one_direction_and_the_strongest_beside_it():
    x, labels = VECTORS[:20], LABELS[:20]
    ax = plot.embedding(x, labels)
    way = x[labels == labels[0]].mean(axis=0) - x[labels != labels[0]].mean(axis=0)
    way /= np.linalg.norm(way)
    centred = x - x.mean(axis=0)
    rest = centred - np.outer(centred @ way, way)
    right = np.stack([centred @ way, PCA(1).fit_transform(rest)[:, 0]], axis=1)
    order = np.argsort(labels, kind="stable")
    assert np.allclose(distances(points(ax)), distances(right[order]))


def test_labels_have_marks_names_and_hues_of_the_palette():
    ax = plot.embedding(VECTORS, LABELS)
    assert [to_hex(c.get_facecolor()[0]) for c in ax.collections] == [_palette.LIGHT[name] for name in "abc"]
    assert [to_hex(text.get_color()) for text in ax.texts] == [_palette.LIGHT[f"{name}-ink"] for name in "abc"]
    assert len({c.get_paths()[0].vertices.tobytes() for c in ax.collections}) == 3
    many = plot.embedding(VECTORS, np.arange(30) % 10)
    assert {to_hex(c.get_facecolor()[0]) for c in many.collections} == {_palette.LIGHT[f"other-{i}"] for i in (1, 2, 3)}
    assert texts(many) == list("0123456789")


def test_sets_without_a_label_are_drawn_beside_the_others():
    labels = [1.0, 2.0, np.nan, None, 1.0, 2.0] * 5
    ax = drawn(plot.embedding(VECTORS, labels))
    assert [len(c.get_offsets()) for c in ax.collections] == [10, 10, 10]
    assert to_hex(ax.collections[0].get_facecolor()[0]) == _palette.LIGHT["faint"]
    assert texts(ax) == ["1.0", "2.0"]


@pytest.mark.parametrize(
    ("vectors", "labels"),
    [
        ([[1.0, 2.0]], None),
        ([[1.0, 2.0]], ["a"]),
        (np.zeros((4, 3)), None),
        (np.zeros((4, 3)), list("aabb")),
        ([[1.0], [2.0], [3.0]], list("aab")),
        (VECTORS, ["all"] * 30),
        (VECTORS, [None] * 30),
        (VECTORS, [1, "1", 2] * 10),
        (1e300 * VECTORS, LABELS),
        (1e-300 * VECTORS, LABELS),
        (VECTORS.astype(np.float16), LABELS),
        (VECTORS[:3], ["x" * 300, "x" * 301, "y"]),
        (VECTORS[:3], ["a", "$\\oops{", "b\nc"]),
    ],
)
def test_unusual_vectors_are_drawn_without_a_warning(vectors, labels):
    ax = drawn(plot.embedding(vectors, labels))
    assert np.isfinite(points(ax)).all()
    assert len(points(ax)) == len(vectors)


@pytest.mark.parametrize(
    ("vectors", "labels", "kind", "error"),
    [
        (np.empty((0, 3)), None, ValueError, r"with one set at least, got shape \(0, 3\)"),
        (np.zeros(3), None, ValueError, r"vectors must be of shape \(n_sets, P\).*got shape \(3,\)"),
        ([[np.nan, 1]], None, ValueError, "vectors must be finite numbers"),
        (VECTORS, LABELS[:3], ValueError, r"labels must be of shape \(30,\), one per vector, got 3 labels"),
        (VECTORS, np.zeros((30, 2)), ValueError, r"one per vector, got shape \(30, 2\)"),
        (VECTORS, "abc", ValueError, r"labels must be of shape \(30,\)"),
        ([[1, 2], [3]], None, TypeError, "vectors must be an array of numbers"),
        ("abc", None, TypeError, "vectors must be an array of numbers"),
    ],
)
def test_what_are_not_vectors_or_labels_is_an_error(vectors, labels, kind, error):
    with pytest.raises(kind, match=error):
        plot.embedding(vectors, labels)


# ---- all plots -------------------------------------------------------------------------------------------

PLOTS = {
    "components": lambda encoder, ax: plot.components(encoder, ax=ax),
    "images": lambda encoder, ax: plot.components(encoder, shape=(1, 5), ax=ax),
    "likelihood": lambda encoder, ax: plot.likelihood(encoder, ax=ax),
    "map": lambda _, ax: plot.contributions(SHARES, GRID, ax=ax),
    "bars": lambda _, ax: plot.contributions(SHARES, ax=ax),
    "embedding": lambda _, ax: plot.embedding(VECTORS, LABELS, ax=ax),
}


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_axes_that_are_given_are_drawn_on_and_returned(encoder, draw):
    figure, axes = pyplot.subplots(1, 2)
    assert draw(encoder, axes[1]) is axes[1]
    assert not axes[0].has_data()
    assert axes[1].has_data()
    assert pyplot.get_fignums() == [figure.number]
    # Without axes each plot has its own, so that none is drawn over another.
    assert draw(encoder, None).figure is not draw(encoder, None).figure


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
@pytest.mark.parametrize(
    ("ground", "theme"), [("white", _palette.LIGHT), ("#14161a", _palette.DARK), ("none", _palette.DARK)]
)
def test_colours_are_of_the_theme_of_the_ground(encoder, draw, ground, theme):
    _, ax = pyplot.subplots(facecolor="white" if theme is _palette.LIGHT else "black")
    ax.set_facecolor(ground)
    drawn(draw(encoder, ax))
    title = next(child for child in ax.get_children() if getattr(child, "get_text", str)() == ax.get_title(loc="left"))
    assert to_hex(title.get_color()) == theme["ink"]
    assert to_hex(ax.xaxis.label.get_color()) == theme["muted"]


def test_axes_of_something_else_are_an_error(encoder):
    figure, axes = pyplot.subplots(1, 2)
    for other in ("left", figure, axes, pyplot.figure().add_subplot(projection="3d")):
        with pytest.raises(TypeError, match="ax must be axes of matplotlib over a plane, got "):
            plot.likelihood(encoder, ax=other)


def python(code):
    """What a fresh interpreter prints, warnings being errors."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_matplotlib_is_imported_when_something_is_drawn():
    code = (
        "import sys, fishervec; fishervec.plot.components; from fishervec import *; print('matplotlib' in sys.modules)"
    )
    assert python(code) == "False"


def test_without_matplotlib_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['matplotlib'] = None\nfrom fishervec import plot\n"
        "try: plot.contributions([1.0])\nexcept ImportError as error: print(error)"
    )
    assert python(code) == 'fishervec.plot needs matplotlib: pip install "fishervec[plot]"'


def test_estimators_keep_scikit_learns_page_in_notebooks(encoder):
    assert "sk-top-container" in encoder._repr_html_()


def test_an_encoder_from_a_file_is_drawn_like_the_one_that_was_saved(encoder, tmp_path):
    encoder.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    for draw in (plot.components, plot.likelihood):
        assert draw(loaded).get_title(loc="left") == draw(encoder).get_title(loc="left")
