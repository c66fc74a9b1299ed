"""Positions are given apart, by `positions=`, or as the last columns of the sets, never both; all else is an error."""

import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits, load_sample_images
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import cases
import fishervec
from fishervec import BagOfWords, DenseSift, DescriptorPCA, FisherVector, GaussianMixture, ImageEncoder, Pooling, Vlad

pytestmark = pytest.mark.filterwarnings("ignore:only .*(descriptors per component|empirical information)")

ENCODERS = {
    name: clone(one).set_params(position_columns=0)
    for name, one in cases.instances(cases.kinds("encoder")).items()
    # Centres and mixtures that are given have a number of columns of their own, and so have pyramids.
    if " of " not in name and getattr(one, "pyramid", None) is None
} | {
    "spatial": FisherVector(3, spatial=2, pca=2, rows="l2", random_state=0),
    "pyramid": Vlad(3, pyramid="1x1,2x2", random_state=0),
    "words": BagOfWords(3, spatial=1, pyramid="1x1,1x2", random_state=0),
}


@pytest.fixture(scope="module")
def positions(sets):
    """Two columns for each descriptor."""
    rng = np.random.default_rng(1)
    return [rng.uniform(0.0, 640.0, (len(x), 2)) for x in sets]


@pytest.fixture(scope="module")
def located(sets, positions):
    """The sets with their positions as the last columns."""
    return [np.hstack([x, p]) for x, p in zip(sets, positions, strict=True)]


@pytest.fixture(scope="module")
def encoder(sets, positions):
    return FisherVector(3, spatial=1, random_state=0).fit(sets, positions=positions)


def parametrize(instances):
    return pytest.mark.parametrize("estimator", [pytest.param(one, id=name) for name, one in instances.items()])


# ---- positions that are given apart ----------------------------------------------------------------------


@parametrize(ENCODERS)
def test_positions_given_apart_are_the_last_columns_in_every_method(estimator, sets, positions, located, tmp_path):
    whole = clone(estimator).set_params(position_columns=2).fit(located)
    expected = whole.transform(located)
    apart = clone(estimator).fit(sets, positions=positions)
    assert (apart.n_features_in_, whole.n_features_in_) == (5, 7)
    assert_array_equal(apart.transform(sets, positions=positions), expected)
    assert_array_equal(apart.transform(iter(sets), positions=iter(positions)), expected)
    assert_array_equal(clone(estimator).fit_transform(sets, positions=positions), expected)
    # The number of columns may be said, too.
    counted = clone(estimator).set_params(position_columns=2).fit(sets, positions=positions)
    assert_array_equal(counted.transform(sets, positions=positions), expected)
    assert apart.get_feature_names_out().tolist() == whole.get_feature_names_out().tolist()
    apart.save(tmp_path / "model.safetensors")
    for again in (fishervec.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(apart))):
        assert again.n_features_in_ == 5
        assert_array_equal(again.transform(sets, positions=positions), expected)
        with pytest.raises(
            ValueError, match=r"positions must be given as in fit, got None: .*shape \(n_i, 2\) per set"
        ):
            again.transform(sets)


@pytest.mark.parametrize("estimator", [FisherVector(3, random_state=0), FisherVector(3, spatial=1, random_state=0)])
def test_windows_and_statistics_take_positions(estimator, sets, positions, located):
    whole = clone(estimator).set_params(position_columns=2).fit(located)
    apart = clone(estimator).fit(sets, positions=positions)
    windows = apart.transform_windows(sets, 20, 5, positions=positions)
    for got, expected in zip(windows, whole.transform_windows(located, 20, 5), strict=True):
        assert_array_equal(got, expected)
    assert apart.statistics(sets, positions=positions) == whole.statistics(located)
    assert_array_equal(apart.transform(apart.statistics(sets, positions=positions)), whole.transform(located))


def flat(arrays):
    return np.concatenate(arrays), np.cumsum([0, *map(len, arrays)])


FORMS = {
    "list": list,
    "tuple": tuple,
    "lists": lambda arrays: [x.tolist() for x in arrays],
    "iterator": iter,
    "values and offsets": flat,
    "pandas column": lambda arrays: pd.Series(list(arrays)),
    "frame of one column": lambda arrays: pd.DataFrame({"x": pd.Series(list(arrays))}),
    "frames": lambda arrays: [pd.DataFrame(x) for x in arrays],
    "Arrow": lambda arrays: pa.array([x.tolist() for x in arrays], pa.list_(pa.list_(pa.float64()))),
    "polars": lambda arrays: pl.Series([x.tolist() for x in arrays], dtype=pl.List(pl.List(pl.Float64))),
}


@pytest.mark.parametrize("of_positions", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("of_sets", FORMS.values(), ids=FORMS.keys())
def test_positions_have_any_form_of_sets(encoder, sets, positions, of_sets, of_positions):
    expected = encoder.transform(sets, positions=positions)
    assert_array_equal(encoder.transform(of_sets(sets), positions=of_positions(positions)), expected)


def test_positions_of_sets_in_one_array(encoder, sets, positions):
    cube, square = np.stack([x[:35] for x in sets if len(x) > 34]), np.stack([p[:35] for p in positions if len(p) > 34])
    expected = encoder.transform(list(cube), positions=list(square))
    assert_array_equal(encoder.transform(cube, positions=square), expected)
    values, offsets = flat(list(cube))
    assert_array_equal(encoder.transform((values, offsets), positions=np.concatenate(square)), expected)
    grid = encoder.transform(cube, positions=[square[0]] * len(cube))
    assert_array_equal(grid, encoder.transform(cube, positions=np.broadcast_to(square[0], square.shape)))


def test_an_iterator_longer_than_what_is_encoded_at_a_time(encoder, sets, positions):
    weights = [np.linspace(0, 1, len(x)) for x in sets]
    expected = np.tile(encoder.transform(sets, weights=weights, positions=positions), (30, 1))
    beside = {"positions": positions * 30, "weights": weights * 30}
    assert_array_equal(encoder.transform(iter(sets * 30), **beside), expected)
    assert_array_equal(encoder.transform(iter(sets * 30), **{name: iter(x) for name, x in beside.items()}), expected)
    with pytest.raises(ValueError, match="positions must be those of at least 360 sets, got 359"):
        encoder.transform(iter(sets * 30), positions=iter(beside["positions"][:-1]))
    with pytest.raises(ValueError, match="weights must be those of 360 sets, got more"):
        encoder.transform(iter(sets * 30), positions=beside["positions"], weights=iter(weights * 31))
    spoiled = [p[1:] if i == 350 else p for i, p in enumerate(beside["positions"])]
    with pytest.raises(ValueError, match=r"^set 350: positions must have \d+ rows, one per descriptor, got"):
        encoder.transform(iter(sets * 30), positions=iter(spoiled))


@pytest.mark.parametrize("kind", ["f4", "f8", "f2", "u1", "i8"])
def test_positions_change_no_float_type(sets, positions, kind):
    typed = [np.abs(9 * x).astype(kind) for x in sets]
    apart = FisherVector(3, spatial=1, random_state=0).fit_transform(typed, positions=positions)
    assert apart.dtype == FisherVector(3, random_state=0).fit_transform(typed).dtype
    # They are not cut to the bytes, or the half numbers, of the descriptors.
    single = np.float64 if apart.dtype == np.float64 else np.float32
    whole = [np.hstack([x.astype(single), p.astype(single)]) for x, p in zip(typed, positions, strict=True)]
    assert_array_equal(
        apart, FisherVector(3, position_columns=2, spatial=1, random_state=0).fit_transform(whole), strict=True
    )


def test_times_that_float32_cannot_tell_apart_are_an_error(sets):
    times = [1.7e9 + np.arange(len(x))[:, np.newaxis] for x in sets]
    single = [x.astype(np.float32) for x in sets]
    with pytest.raises(
        ValueError, match=r"positions must differ in float32.*got column 0 from 1700000000.0 to .*subtract"
    ):
        FisherVector(3, spatial=1).fit(single, positions=times)
    FisherVector(3, spatial=1).fit(single, positions=[t - 1.7e9 for t in times])
    FisherVector(3, spatial=1).fit(sets, positions=times)


def test_padding_and_missing_sets_have_no_positions(sets, positions):
    encoder = FisherVector(3, spatial=1, missing="empty", padding="nan", random_state=0)
    expected = clone(encoder).fit_transform(sets, positions=positions)
    longest = max(map(len, sets)) + 2

    def padded(arrays, value):
        return np.stack([np.pad(x, ((0, longest - len(x)), (0, 0)), constant_values=value) for x in arrays])

    for value in (np.nan, 0.0):
        got = clone(encoder).fit_transform(padded(sets, np.nan), positions=padded(positions, value))
        assert_array_equal(got, expected)
    holes = [[x if len(x) else None for x in arrays] for arrays in (sets, positions)]
    assert_array_equal(clone(encoder).fit_transform(holes[0], positions=holes[1]), expected)
    assert not encoder.fit(sets, positions=positions).transform([None], positions=[None]).any()


def test_the_command_takes_the_positions_of_a_model_as_columns(encoder, sets, positions, located, tmp_path):
    encoder.save(tmp_path / "m.safetensors")
    (tmp_path / "sets").mkdir()
    for i, x in enumerate(located):
        np.save(tmp_path / "sets" / f"{i:02}.npy", x)
    command = [Path(sys.executable).with_name("fishervec"), "encode", "sets", "-m", "m.safetensors", "-o", "v.npy"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    expected = encoder.transform(sets, positions=positions)
    assert_array_equal(np.load(tmp_path / "v.npy"), expected.astype(np.float32))


def test_positions_have_names(sets, positions, tmp_path):
    frames = [pd.DataFrame(p, columns=["x", "y"]) for p in positions]
    encoder = FisherVector(2, spatial=1, random_state=0).fit(sets, positions=frames)
    assert encoder.get_feature_names_out()[-2:].tolist() == ["place_variance_1_0_x", "place_variance_1_0_y"]
    encoder.save(tmp_path / "m.safetensors")
    for again in (encoder, fishervec.load(tmp_path / "m.safetensors")):
        with pytest.raises(
            ValueError, match=r"^positions of set 0: The feature names should match those .* fit.\n.*order"
        ):
            again.transform(sets, positions=[p[["y", "x"]] for p in frames])
    spoiled = [frames[0], frames[1][["y", "x"]], *frames[2:]]
    with pytest.raises(ValueError, match=r"^positions of set 1: The feature names should match those of set 0"):
        FisherVector(2, spatial=1).fit(sets, positions=spoiled)
    turned = [p[::-1] for p in frames]
    with pytest.raises(ValueError, match=r"^positions of set 0 must have the index of set 0 in the same order"):
        encoder.transform([pd.DataFrame(x) for x in sets], positions=turned)
    # A model of positions that is given knows their names, too.
    spatial = GaussianMixture(1).fit(pd.concat(frames))
    named = [pd.DataFrame(x, columns=list("abcde")) for x in sets]
    with pytest.raises(ValueError, match=r"^columns do not fit spatial: The feature names"):
        FisherVector(2, spatial=spatial).fit(named, positions=[p[["y", "x"]] for p in frames])


def test_positions_are_routed_through_a_pipeline(sets, labels, positions):
    with sklearn.config_context(enable_metadata_routing=True):
        encoder = FisherVector(2, spatial=1, random_state=0).set_fit_request(positions=True)
        model = make_pipeline(encoder.set_transform_request(positions=True), LinearSVC())
        scores = cross_validate(model, sets, labels, params={"positions": positions}, cv=2, error_score="raise")
    assert len(scores["test_score"]) == 2


# ---- errors ----------------------------------------------------------------------------------------------

ERRORS = {
    "not in transform": (
        lambda e, x, p: e.transform(x),
        r"positions must be given as in fit, got None: pass positions=, one array of shape \(n_i, 2\) per set",
    ),
    "not in an iterator": (lambda e, x, p: e.transform(iter(x)), "positions must be given as in fit, got None"),
    "not in statistics": (lambda e, x, p: e.statistics(x), "positions must be given as in fit, got None"),
    "not in windows": (lambda e, x, p: e.transform_windows(x, 9), "positions must be given as in fit, got None"),
    "not in fit": (
        lambda e, x, p: FisherVector(2).fit(x).transform(x, positions=p),
        "positions must be None, since .* fitted without positions=, got some: fit with positions=",
    ),
    "columns in fit": (
        lambda e, x, p: FisherVector(2, position_columns=2).fit(x).transform(x, positions=p),
        "positions must be None, .*got some: append them to the sets, whose last 2 columns were positions in fit",
    ),
    "other columns": (
        lambda e, x, p: e.transform(x, positions=[q[:, :1] for q in p]),
        "positions must have 2 columns as in fit, got 1",
    ),
    "another number": (
        lambda e, x, p: FisherVector(2, position_columns=1).fit(x, positions=p),
        "position_columns must be 0 or 2, the number of columns of positions=, got 1: give positions of all columns",
    ),
    "none for a spatial model": (
        lambda e, x, p: FisherVector(2, spatial=1).fit(x),
        r"spatial: expected 1 position column.* got 0; give positions=, one array of shape \(n_i, L\) per set, or",
    ),
    "none for a pyramid": (
        lambda e, x, p: Vlad(2, pyramid="1x1,2x2").fit(x),
        r"pyramid: expected 2 .*columns.* got 0; give positions=, one array of shape \(n_i, L\) per set, or",
    ),
    "given twice": (
        lambda e, x, p: FisherVector(2).fit([np.hstack(both) for both in zip(x, p, strict=True)], positions=p),
        "sets must not end with their positions if these are given apart",
    ),
    "given twice, rounded": (
        lambda e, x, p: FisherVector(2).fit(
            [np.hstack(both).astype("f4") for both in zip(x, p, strict=True)], positions=p
        ),
        "sets must not end with their positions if these are given apart",
    ),
    "other columns of the sets": (
        lambda e, x, p: e.transform([y[:, :4] for y in x], positions=p),
        "set 0.* dimension of descriptors: expected 7, got 6; both count the 2 columns of the positions",
    ),
    "other sets": (lambda e, x, p: e.transform(x, positions=p[:2]), "positions must be those of 12 sets, got 2"),
    "other rows": (
        lambda e, x, p: e.transform(x, positions=[*p[:2], p[2][1:], *p[3:]]),
        "set 2: positions must have 90 rows, one per descriptor, got 89",
    ),
    "columns that change": (
        lambda e, x, p: e.transform(x, positions=[*p[:2], p[2][:, :1], *p[3:]]),
        "set 2: positions must have 2 columns as in set 0, got 1",
    ),
    "one axis": (
        lambda e, x, p: e.transform(x, positions=[q[:, 0] for q in p]),
        r"positions of set 0 must be .* got shape \(40,\); for one column write p\[:, np.newaxis\]",
    ),
    "one array": (
        lambda e, x, p: e.transform(x, positions=np.concatenate(p)),
        r"positions must be one array of shape \(n_i, L\) per set, got one array .*\[positions\] \* n_sets",
    ),
    "text": (lambda e, x, p: e.transform(x, positions="xy"), "positions of sets must be a list of arrays"),
    "NaN": (
        lambda e, x, p: e.transform(x, positions=[*p[:2], np.where(p[2] > 0, np.nan, p[2]), *p[3:]]),
        "set 2: row 0, column 0 of the positions is NaN",
    ),
    "infinite": (
        lambda e, x, p: e.transform(x, positions=[*p[:2], np.where([0, 1], np.inf, p[2]), *p[3:]]),
        "set 2: row 0, column 1 of the positions is inf",
    ),
    "statistics": (
        lambda e, x, p: e.transform(e.statistics(x, positions=p), positions=p),
        "positions must be None for statistics",
    ),
}


@pytest.mark.parametrize(("call", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_positions_that_do_not_fit_are_an_error_with_the_cure(encoder, sets, positions, call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call(encoder, sets, positions)


def test_no_sets_have_no_positions(encoder):
    assert encoder.transform([]).shape == encoder.transform([], positions=[]).shape == (0, encoder.n_features_out_)
    assert not encoder.transform([[]], positions=[[]]).any()


# ---- columns that do not look like positions -------------------------------------------------------------


@pytest.fixture(scope="module")
def sift():
    return DenseSift(step=8).fit_transform(load_sample_images().images)


def rooted(sift):
    return [np.sqrt(x / np.maximum(x.sum(axis=1, keepdims=True), 1e-9)) for x in sift]


def projected(sift):
    return DescriptorPCA(32).fit(sift).transform(sift)


def beside(sets, make):
    rng = np.random.default_rng(0)
    return [np.hstack([x, make(rng, len(x))]) for x in sets]


NO_POSITIONS = {
    "SIFT": lambda sift: sift,
    "bytes": lambda sift: [np.minimum(512 * x, 255).astype(np.uint8) for x in sift],
    "RootSIFT": rooted,
    "columns of a projection": lambda sift: [np.hstack([x[:, :10], x[:, 12:], x[:, 10:12]]) for x in projected(sift)],
    "sets of one descriptor": lambda sift: [x[np.newaxis] for x in sift[0][::20]],
}


@pytest.mark.parametrize("estimator", [FisherVector(2, spatial=1), Vlad(2, pyramid="1x1,2x2"), Pooling()])
@pytest.mark.parametrize("make", NO_POSITIONS.values(), ids=NO_POSITIONS.keys())
def test_position_columns_that_look_like_the_others_warn(sift, make, estimator):
    with pytest.warns(
        UserWarning, match=r"the last 2 columns, .* are distributed like the other columns: .*positions="
    ):
        clone(estimator).set_params(position_columns=2, random_state=0).fit(make(sift))


def test_the_words_of_the_warning_silence_it_and_transform_is_silent(sift):
    encoder = FisherVector(2, position_columns=2, spatial=1, random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*are distributed like")
        encoder.fit(sift)
    encoder.transform(sift)


def patches():
    return np.lib.stride_tricks.sliding_window_view(load_digits().images, (4, 4), axis=(1, 2)).reshape(-1, 25, 16)


GRID = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(25, 2)
POSITIONS = {
    "pixels": lambda sift: beside(sift, lambda rng, n: rng.uniform(0, 640, (n, 2))),
    "pixels as large as bytes": lambda sift: beside(sift, lambda rng, n: rng.integers(0, 256, (n, 2)) / 512),
    "shares of the image beside RootSIFT": lambda sift: beside(rooted(sift), lambda rng, n: rng.uniform(0, 1, (n, 2))),
    "centred shares beside a projection": lambda sift: beside(
        projected(sift), lambda rng, n: rng.uniform(-0.5, 0.5, (n, 2))
    ),
    "around the middle of the image": lambda sift: beside(
        rooted(sift), lambda rng, n: np.clip(rng.normal(0.5, 0.18, (n, 2)), 0, 1)
    ),
    "a time in [0, 1]": lambda sift: [np.hstack([x, np.linspace(0, 1, len(x))[:, np.newaxis]]) for x in sift],
    "standardised, as the descriptors": lambda sift: beside(
        [np.random.default_rng(0).normal(size=(3000, 10))], lambda rng, n: rng.uniform(-(3**0.5), 3**0.5, (n, 2))
    ),
    "shares of the image beside shares": lambda sift: [np.random.default_rng(0).uniform(size=(3000, 12))],
    "a grid of patches": lambda sift: [np.hstack([x, GRID]) for x in patches()],
    "a grid in the range of its patches": lambda sift: [np.hstack([x, 4 * GRID]) for x in patches()],
    "few descriptors": lambda sift: [x[:90] for x in sift[:1]],
    "few other columns": lambda sift: [x[:, :5] for x in sift],
}


@pytest.mark.parametrize("make", POSITIONS.values(), ids=POSITIONS.keys())
def test_positions_do_not_warn(sift, make):
    sets = make(sift)
    columns = 1 if sets[0].shape[1] == 129 else 2
    Pooling(position_columns=columns).fit(sets)
    # Nor do those that are given apart, whatever they look like.
    Pooling().fit([x[:, :-columns] for x in sets[:9]], positions=[x[:, :columns] for x in sets[:9]])


def test_sets_of_different_columns_are_the_error_that_they_are(sets):
    with pytest.raises(ValueError, match=r"set 2.* dimension of descriptors: expected 5, got 4"):
        FisherVector(2, position_columns=1).fit([*sets[:2], *(x[:, :4] for x in sets[2:])])


def test_positions_of_images_do_not_warn():
    ImageEncoder(FisherVector(2, pca=8, spatial=1, random_state=0), step=8).fit(load_sample_images().images)
