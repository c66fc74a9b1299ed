"""Sets that are None, sets that are filled up with NaN, and masked values: one rule each, in every form of sets."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import cases
import fishervec
from fishervec import DescriptorPCA, FisherVector, GaussianMixture

pytestmark = pytest.mark.filterwarnings("ignore:only .*(descriptors per component|empirical information)")

TAKE_SETS = cases.instances(cases.kinds("encoder", "projection"))
TWO = [np.arange(10.0).reshape(2, 5), np.ones((1, 5))]


def parametrize(instances):
    return pytest.mark.parametrize("estimator", [pytest.param(one, id=name) for name, one in instances.items()])


@pytest.fixture(scope="module")
def encoder(sets):
    return FisherVector(3, random_state=0).fit(sets)


# ---- None for a set --------------------------------------------------------------------------------------


def nested(sets):
    return [None if x is None else x.tolist() for x in sets]


def objects(sets):
    out = np.empty(len(sets), dtype=object)
    out[:] = sets
    return out


LISTS = pa.list_(pa.list_(pa.float64()))
HOLES = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "object array": objects,
    "column of an object array": lambda sets: objects(sets)[:, np.newaxis],
    "pandas": pd.Series,
    "frame of one column": lambda sets: pd.DataFrame({"sets": pd.Series(sets)}),
    "pandas, with NaN": lambda sets: pd.Series(sets).where(pd.Series(sets).notna(), np.nan),
    "pandas, with NA": lambda sets: pd.Series([pd.NA if x is None else x for x in sets]),
    "NaN of float32": lambda sets: [np.float32("nan") if x is None else x for x in sets],
    "an array that holds None": lambda sets: [np.array(None) if x is None else x for x in sets],
    "a masked entry": lambda sets: [np.ma.masked if x is None else x for x in sets],
    "Arrow": lambda sets: pa.array(nested(sets), LISTS),
    "Arrow, chunked": lambda sets: pa.chunked_array([pa.array(nested(sets), LISTS), pa.array([], LISTS)]),
    "Arrow, large": lambda sets: pa.array(nested(sets), LISTS).cast(pa.large_list(pa.large_list(pa.float64()))),
    "Arrow, fixed rows": lambda sets: pa.array(nested(sets), pa.list_(pa.list_(pa.float64(), 5))),
    "Arrow, sliced": lambda sets: pa.array([None, *nested(sets), None], LISTS)[1:-1],
    "table": lambda sets: pa.table({"sets": pa.array(nested(sets), LISTS)}),
    "pandas column of Arrow lists": lambda sets: pd.Series(
        pd.arrays.ArrowExtensionArray(pa.array(nested(sets), LISTS))
    ),
    "polars": lambda sets: pl.Series(nested(sets), dtype=pl.List(pl.List(pl.Float64))),
    "polars column of arrays": lambda sets: pl.Series(nested(sets), dtype=pl.List(pl.Array(pl.Float64, 5))),
    "polars column of objects": lambda sets: pl.Series(sets, dtype=pl.Object),
    "polars frame": lambda sets: pl.DataFrame({"sets": nested(sets)}),
}
SET_1 = r'^set 1 must be an array of shape \(n, d\), got .*np\.empty\(\(0, d\)\), or write missing="empty"'


@pytest.mark.parametrize("form", HOLES.values(), ids=HOLES.keys())
def test_none_for_a_set_is_an_error_or_an_empty_set_in_every_form(encoder, sets, form):
    holes = [sets[2], None, *sets[3:]]
    filled = [sets[2], np.empty((0, 5)), *sets[3:]]
    with pytest.raises(ValueError, match=SET_1):
        encoder.transform(form(holes))
    with pytest.raises(ValueError, match=SET_1):
        FisherVector(3, random_state=0).fit(form(holes))
    vectors = clone(encoder).set_params(missing="empty").fit_transform(form(holes))
    assert_array_equal(vectors, FisherVector(3, random_state=0).fit_transform(filled))
    assert not vectors[1].any()


@parametrize(TAKE_SETS)
def test_every_estimator_of_sets_may_take_none_for_an_empty_set(estimator, sets):
    holes = [None if i in (0, 4, 10) else x for i, x in enumerate(sets)]
    filled = [np.empty((0, 5)) if x is None else x for x in holes]
    with pytest.raises(ValueError, match=r"^set 0 must be an array of shape \(n, d\), got None: "):
        clone(estimator).fit(holes)
    fitted = clone(estimator).set_params(missing="empty").fit(holes)
    assert_array_equal(cases.output_of(fitted, holes), cases.output_of(clone(estimator).fit(filled), filled))
    # The columns are those of the fit where no set says how many they are.
    assert len(fitted.transform([None, None])) == 2


def test_nothing_but_none_cannot_be_fitted(sets):
    for nothing in ([None, None], pd.Series([None, None], dtype=object), pa.array([None], LISTS)):
        with pytest.raises(ValueError, match=r"no set says how many columns|at least one column, got 0"):
            FisherVector(2, missing="empty").fit(nothing)


def test_an_iterator_counts_none_from_its_start(encoder, sets):
    with pytest.raises(ValueError, match=r"^set 300 must be .* got None"):
        encoder.transform(None if i == 300 else sets[0] for i in range(400))


def test_none_has_no_weights(encoder, sets):
    taking = clone(encoder).set_params(missing="empty").fit(sets)
    weights = [np.full(len(x), 0.5) for x in sets]
    holes = [None, *sets[1:]]
    expected = taking.transform([np.empty((0, 5)), *sets[1:]], weights=[np.empty(0), *weights[1:]])
    for none in (None, np.nan, []):
        assert_array_equal(taking.transform(holes, weights=[none, *weights[1:]]), expected)
    with pytest.raises(ValueError, match=r"^set 0: weights must have shape \(0,\), got shape \(40,\)"):
        taking.transform(holes, weights=weights)


def test_a_mixture_says_what_to_pass_in_place_of_none(encoder):
    with pytest.raises(ValueError, match=r"^set 1 must be .* got None: .*pass np\.empty\(\(0, d\)\)$"):
        encoder.mixture_.statistics([TWO[0], None])


def test_missing_is_a_parameter_of_the_estimator_and_of_its_file(encoder, sets, tmp_path):
    clone(encoder).set_params(missing="empty", padding="nan").fit(sets).save(tmp_path / "m.safetensors")
    again = fishervec.load(tmp_path / "m.safetensors")
    assert (again.missing, again.padding) == ("empty", "nan")
    assert not again.transform([None]).any()
    with pytest.raises(ValueError, match="missing must be 'error' or 'empty', got 'drop'"):
        encoder.set_params(missing="drop").transform(sets)
    encoder.set_params(missing="error")


# ---- padding ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cube(sets):
    """The sets as tslearn has them: of shape (n_series, longest, d), NaN after the last row of each."""
    padded = np.full((len(sets), max(map(len, sets)) + 3, 5), np.nan)
    for one, x in zip(padded, sets, strict=True):
        one[: len(x)] = x
    return padded


PADDED = {
    "cube": lambda cube: cube,
    "list": list,
    "iterator": iter,
    "values and offsets": lambda cube: (cube.reshape(-1, 5), np.arange(len(cube) + 1) * cube.shape[1]),
    "frames": lambda cube: [pd.DataFrame(x) for x in cube],
    "frames with NA": lambda cube: [pd.DataFrame(x).astype("Float64") for x in cube],
    "masked cube": lambda cube: np.ma.masked_invalid(cube),
    "masked arrays": lambda cube: [np.ma.array(np.nan_to_num(x, nan=7.0), mask=np.isnan(x)) for x in cube],
    "lists of None": lambda cube: np.where(np.isnan(cube), None, cube).tolist(),
    "nulls": lambda cube: pl.Series(np.where(np.isnan(cube), None, cube).tolist(), dtype=pl.List(pl.List(pl.Float64))),
}


@pytest.mark.parametrize("form", PADDED.values(), ids=PADDED.keys())
def test_rows_of_nan_at_the_end_of_a_set_are_padding_in_every_form(encoder, cube, sets, form):
    expected = encoder.transform(sets)
    padded = FisherVector(3, padding="nan", random_state=0)
    assert_array_equal(padded.fit(form(cube)).transform(form(cube)), expected)
    with pytest.raises(ValueError, match=r'^set 0: row 40, .* is NaN.*; if the NaN rows 40 to 92 pad .*padding="nan"$'):
        encoder.transform(form(cube))


@parametrize(TAKE_SETS)
def test_every_estimator_of_sets_leaves_padding_out(estimator, cube, sets):
    fitted = clone(estimator).set_params(padding="nan").fit(cube)
    assert_array_equal(cases.output_of(fitted, cube), cases.output_of(clone(estimator).fit(sets), sets))
    single = cube.astype(np.float32)
    assert_array_equal(cases.output_of(fitted, single), cases.output_of(fitted, [x.astype(np.float32) for x in sets]))


def test_padding_has_weights_that_nobody_looks_at(encoder, cube, sets):
    padded = clone(encoder).set_params(padding="nan").fit(cube)
    weights = np.random.default_rng(0).uniform(size=cube.shape[:2])
    expected = encoder.transform(sets, weights=[w[: len(x)] for w, x in zip(weights, sets, strict=True)])
    assert_array_equal(padded.transform(cube, weights=weights), expected)
    weights[np.isnan(cube).all(axis=2)] = np.nan
    assert_array_equal(padded.transform(list(cube), weights=list(weights)), expected)
    statistics = padded.statistics(cube, weights=weights)
    assert_allclose(padded.transform(statistics), expected, atol=1e-12)
    for got, x in zip(padded.transform_windows(cube, 20), sets, strict=True):
        assert len(got) == max(1, len(x) // 20)


def test_padding_is_at_the_end_and_of_whole_rows(encoder, cube):
    padded = clone(encoder).set_params(padding="nan").fit(cube)
    for row, column in ((3, 0), (39, 2)):
        spoiled = cube.copy()
        spoiled[0, row, column:] = np.nan
        with pytest.raises(
            ValueError, match=rf"^set 0: row {row if row == 3 else 39}, column {column if row > 3 else 0} "
        ):
            padded.transform(spoiled)
    half = cube.copy()
    half[0, 41, 0] = 1.0
    with pytest.raises(ValueError, match=r"^set 0: row 40, column 0 is NaN"):
        padded.transform(half)


def test_a_set_of_nothing_but_padding_is_empty(encoder, cube):
    padded = clone(encoder).set_params(padding="nan").fit(cube)
    assert padded.transform(cube).any(axis=1).tolist() == encoder.transform(cases.SETS).any(axis=1).tolist()
    assert not padded.transform(np.full((2, 4, 5), np.nan)).any()


def test_a_projection_of_padded_sets_has_their_lengths(cube, sets):
    pca = DescriptorPCA(2, padding="nan").fit(cube)
    assert [len(x) for x in pca.transform(cube)] == list(map(len, sets))
    values, offsets = pca.transform((cube.reshape(-1, 5), np.arange(len(cube) + 1) * cube.shape[1]))
    assert_array_equal(values, np.concatenate(pca.transform(sets)))
    assert_array_equal(offsets, np.cumsum([0, *map(len, sets)]))


def test_wrong_offsets_of_padded_values_are_the_error_that_they_are(encoder, cube):
    padded = clone(encoder).set_params(padding="nan").fit(cube)
    with pytest.raises(ValueError, match=r"offsets.2. .*at least 93"):
        padded.transform((cube.reshape(-1, 5), [0, 93, 50, len(cube) * 93]))


def test_padding_is_a_parameter_of_a_pipeline(cube, labels):
    search = GridSearchCV(
        make_pipeline(FisherVector(2, random_state=0), LinearSVC()), {"fishervector__padding": ["nan"]}, cv=2
    )
    assert search.fit(cube, labels).best_score_ > 0.5
    for wrong in ("NaN", np.nan, 0):
        with pytest.raises(ValueError, match="padding must be None or 'nan', got"):
            FisherVector(2, padding=wrong).fit(cube)


def test_sets_of_shape_d_n_as_aeon_has_them_are_refused_with_the_cure(encoder, cube, sets):
    turned = cube.transpose(0, 2, 1)
    with pytest.raises(ValueError, match=r"each set has 5 rows: if sets .*aeon, pass X.transpose\(0, 2, 1\)"):
        encoder.transform(turned)
    for padding in (None, "nan"):
        with pytest.raises(
            ValueError, match=r'NaN in every row: .*aeon, pass X.transpose\(0, 2, 1\) with padding="nan"'
        ):
            FisherVector(2, padding=padding).fit(turned[2:])
    with pytest.raises(ValueError, match=r"each set has 5 rows: if sets .*aeon, pass \[x.T for x in X\]"):
        FisherVector(2).fit([x.T for x in sets])


# ---- masked values ---------------------------------------------------------------------------------------


def test_masked_arrays_without_a_masked_value_are_arrays(encoder, sets):
    assert_array_equal(encoder.transform([np.ma.array(x) for x in sets]), encoder.transform(sets))


MASKED = {
    "floats": lambda: [np.ma.masked_equal(TWO[0], 7.0)],
    "integers": lambda: [np.ma.masked_equal(TWO[0].astype(np.int64), 7)],
    "bytes": lambda: [np.ma.masked_equal(TWO[0].astype(np.uint8), 7)],
    "half": lambda: [np.ma.masked_equal(TWO[0].astype(np.float16), 7)],
    "a cube": lambda: np.ma.masked_equal(TWO[0][np.newaxis], 7),
    "a list of masked rows": lambda: [list(np.ma.masked_equal(TWO[0], 7.0))],
    "values and offsets": lambda: (np.ma.masked_equal(TWO[0], 7.0), [0, 2]),
    "NA in a frame": lambda: [pd.DataFrame(TWO[0]).astype("Int64").replace(7, pd.NA)],
    "null in a frame": lambda: [pl.DataFrame({str(i): [i, None if i == 2 else i] for i in range(5)})],
    "null in a list": lambda: pa.array([[[0.0, 1, 2, 3, 4], [5, 6, None, 8, 9]]], LISTS),
    "None in a list": lambda: [[[0.0, 1, 2, 3, 4], [5, 6, None, 8, 9]]],
}


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("make", MASKED.values(), ids=MASKED.keys())
def test_a_masked_value_and_a_null_are_nan_and_not_what_is_below_the_mask(encoder, make):
    message = r"^set 0: row 1, column 2 is NaN.*; leave the row out, or give it a weight of 0 \(masked values and nulls"
    with pytest.raises(ValueError, match=message):
        encoder.transform(make())


def test_a_mixture_does_not_look_below_a_mask(sets):
    rows = np.concatenate(sets)
    masked = np.ma.masked_greater(rows, 3.0)
    mixture = GaussianMixture(2, random_state=0).fit(rows)
    for call in (GaussianMixture(2).fit, mixture.predict, mixture.score_samples):
        with pytest.raises(ValueError, match="is NaN"):
            call(masked)


def test_masked_weights_are_an_error(encoder):
    weights = [np.ma.masked_equal([1.0, 0.0], 0.0), np.ones(1)]
    with pytest.raises(ValueError, match=r"^set 0: the weight of row 1 is NaN"):
        encoder.transform(TWO, weights=weights)


# ---- rows of weight 0 ------------------------------------------------------------------------------------


@parametrize(TAKE_SETS)
def test_a_row_of_weight_0_is_never_looked_at(estimator, sets):
    spoiled, weights = [x.copy() for x in sets], [np.ones(len(x)) for x in sets]
    for x, w in zip(spoiled, weights, strict=True):
        w[1::3] = 0.0
        x[1::3] = np.array([np.nan, np.inf, -np.inf, np.nan, 1.0])
    masked = [np.ma.masked_invalid(x) for x in spoiled]
    kept = [x[w > 0] for x, w in zip(sets, weights, strict=True)]
    expected = clone(estimator).fit(kept)
    for given in (spoiled, masked):
        fitted = clone(estimator).fit(given, weights=weights)
        if isinstance(fitted, DescriptorPCA):
            assert_allclose(fitted.transform(kept)[2], expected.transform(kept)[2], atol=1e-9)
        else:
            assert np.isfinite(fitted.transform(given, weights=weights)).all()
            assert_allclose(expected.transform(given, weights=weights), expected.transform(kept), atol=1e-9)


def test_windows_say_where_the_padding_of_the_set_begins(encoder, cube):
    with pytest.raises(ValueError, match=r'^set 0: row 40, .* is NaN.*; if the NaN rows 40 to 92 pad .*padding="nan"$'):
        encoder.transform_windows(cube, 10)


def test_a_mixture_is_fitted_without_looking_at_rows_of_weight_0(sets):
    rows, weights = np.concatenate(sets), np.ones(sum(map(len, sets)))
    weights[::4] = 0.0
    spoiled = np.where(weights[:, np.newaxis] > 0, rows, np.nan)
    expected = GaussianMixture(2, random_state=0, means_init=rows[1:3]).fit(rows, sample_weight=weights)
    for given in (spoiled, np.ma.masked_invalid(spoiled)):
        mixture = GaussianMixture(2, random_state=0, means_init=rows[1:3]).fit(given, sample_weight=weights)
        assert_allclose(mixture.means_, expected.means_, atol=1e-9)
