"""An encoder is a transformer of one column of sets, as scikit-learn's pipelines use it."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import cases
from fishervec import DenseSift, DescriptorPCA, FisherVector, GaussianMixture, Pooling

pytestmark = pytest.mark.filterwarnings("ignore:only .*(descriptors per component|empirical information)")

ENCODERS = cases.with_parameter("position_columns")
TAKE_SETS = cases.with_parameter("padding")


def parametrize(instances):
    return pytest.mark.parametrize("estimator", [pytest.param(one, id=name) for name, one in instances.items()])


@pytest.fixture(scope="module")
def frame(sets):
    """A column of sets, and one of numbers, with the labels of a shuffled frame."""
    labels = np.random.default_rng(0).permutation(len(sets))
    return pd.DataFrame({"sets": pd.Series(list(sets)), "age": np.arange(len(sets)) / 9}).set_axis(labels)


def beside_ages(estimator, columns="sets"):
    return ColumnTransformer([("sets", estimator, columns), ("age", StandardScaler(), ["age"])])


COLUMNS = {
    "name": "sets",
    "names": ["sets"],
    "number": [0],
    "mask": [True, False],
    "slice": slice(0, 1),
    "selector": make_column_selector(dtype_include=object),
}


@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS.keys())
def test_a_column_transformer_takes_a_column_of_sets(sets, frame, columns, output):
    encoder = FisherVector(3, random_state=0)
    transformer = beside_ages(clone(encoder), columns).set_output(transform=output)
    got = transformer.fit_transform(frame)
    assert_array_equal(np.asarray(got)[:, :-1], encoder.fit_transform(sets))
    assert_array_equal(np.asarray(transformer.transform(frame)), np.asarray(got))
    names = [f"sets__{name}" for name in encoder.get_feature_names_out()]
    assert transformer.get_feature_names_out().tolist() == [*names, "age__age"]
    if output != "default":
        assert list(got.columns) == [*names, "age__age"]
    if output == "pandas":
        assert got.index.equals(frame.index)


@parametrize(ENCODERS)
def test_every_encoder_works_in_a_column_transformer(estimator, sets, frame):
    expected = clone(estimator).fit_transform(sets)
    for columns in ("sets", ["sets"]):
        got = beside_ages(clone(estimator), columns).set_output(transform="pandas").fit_transform(frame)
        assert_array_equal(got.to_numpy()[:, :-1], expected)
        assert got.index.equals(frame.index)


def nested(sets):
    return [x.tolist() for x in sets]


LISTS = pa.list_(pa.list_(pa.float64()))
ONE_COLUMN = {
    "pandas": lambda sets: pd.DataFrame({"sets": pd.Series(list(sets))}),
    "pandas, of lists": lambda sets: pd.DataFrame({"sets": pd.Series(nested(sets))}),
    "pandas, of Arrow lists": lambda sets: pd.DataFrame({"sets": pd.Series(nested(sets), dtype=pd.ArrowDtype(LISTS))}),
    "polars": lambda sets: pl.DataFrame({"sets": nested(sets)}),
    "polars, of objects": lambda sets: pl.DataFrame({"sets": pl.Series(list(sets), dtype=pl.Object)}),
    "pyarrow": lambda sets: pa.table({"sets": pa.array(nested(sets), LISTS)}),
    "object array": lambda sets: pd.DataFrame({"sets": pd.Series(list(sets))}).to_numpy(),
}


@pytest.mark.parametrize("form", ONE_COLUMN.values(), ids=ONE_COLUMN.keys())
@parametrize(TAKE_SETS)
def test_a_frame_of_one_column_of_sets_is_this_column(estimator, sets, form):
    # A column of lists does not say how many columns empty sets have.
    full = [x for x in sets if len(x)]
    expected = clone(estimator).fit(full).transform(full)
    got = clone(estimator).fit(form(full)).transform(form(full))
    for x, y in zip(got["sets"] if isinstance(got, pd.DataFrame) else got, expected, strict=True):
        assert_array_equal(x, y)


WRONG = (
    "sets must be several sets, got one array of shape .12, 2.. For one set write .x.; .*; for a column of sets this"
)


@parametrize(TAKE_SETS)
def test_a_frame_of_several_columns_is_an_error_that_names_both_meanings(estimator, frame):
    of_pca = "descriptors must be numbers, got a frame with a column of sets; for a column of sets this"
    with pytest.raises(
        ValueError, match=(of_pca if isinstance(estimator, DescriptorPCA) else WRONG) + r".*x\[\['sets'\]\]"
    ):
        clone(estimator).fit(frame)


def test_a_frame_of_one_column_of_numbers_is_one_set(frame):
    with pytest.raises(ValueError, match=r"got one array of shape \(12, 1\). For one set write \[x\]"):
        FisherVector(2).fit(frame[["age"]])
    assert DescriptorPCA().fit_transform(frame[["age"]]).shape == (12, 1)


def test_a_projection_before_an_encoder_keeps_the_index(sets, frame):
    steps = make_pipeline(DescriptorPCA(3), FisherVector(3, random_state=0))
    expected = clone(steps).fit_transform(sets)
    for columns in ("sets", ["sets"]):
        got = beside_ages(clone(steps), columns).set_output(transform="pandas").fit_transform(frame)
        assert got.index.equals(frame.index)
        assert_array_equal(got.to_numpy()[:, :-1], expected)
    column = DescriptorPCA(3).fit_transform(frame["sets"])
    assert column.index.equals(frame.index)
    assert column.name == "sets"


def test_steps_that_return_sets_leave_the_output_as_it_is():
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 50), dtype=np.uint8)
    model = make_pipeline(DenseSift(bins=(4,), step=8), DescriptorPCA(4), FisherVector(2, random_state=0))
    vectors = model.fit_transform(images)
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(DescriptorPCA(4).fit_transform([np.eye(5)]), list)
    frame = model.set_output(transform="pandas").fit_transform(images)
    assert_array_equal(frame.to_numpy(), vectors)


def test_unions_searches_and_splits(sets, labels, frame):
    union = make_union(FisherVector(2, random_state=0), Pooling()).set_output(transform="pandas")
    got = union.fit_transform(frame["sets"])
    assert got.index.equals(frame.index)
    assert list(got.columns) == union.get_feature_names_out().tolist()
    model = make_pipeline(FisherVector(2, random_state=0), LinearSVC())
    expected = cross_val_score(model, sets, labels, cv=3)
    for X in (frame["sets"], frame[["sets"]]):
        assert_array_equal(cross_validate(model, X, labels, cv=3)["test_score"], expected)
    model = make_pipeline(make_column_transformer((FisherVector(random_state=0), ["sets"])), LinearSVC())
    grid = {"columntransformer__fishervector__n_components": [1, 2]}
    assert GridSearchCV(model, grid, cv=3, error_score="raise").fit(frame, labels).best_score_ > 0.5
    first, second = train_test_split(frame, random_state=0)
    fitted = beside_ages(FisherVector(2, random_state=0)).set_output(transform="pandas").fit(first)
    assert fitted.transform(second).index.equals(second.index)


def test_weights_are_routed_through_a_column_transformer(sets, frame):
    weights = [np.linspace(0, 1, len(x)) for x in sets]
    with sklearn.config_context(enable_metadata_routing=True):
        encoder = FisherVector(2, random_state=0).set_fit_request(weights=True).set_transform_request(weights=True)
        got = ColumnTransformer([("sets", encoder, ["sets"])]).fit_transform(frame, weights=weights)
    assert_array_equal(got, FisherVector(2, random_state=0).fit_transform(sets, weights=weights))


# ---- the name of the first argument ----------------------------------------------------------------------


@parametrize(TAKE_SETS)
def test_the_first_argument_is_called_x(estimator, sets):
    expected = clone(estimator).fit(sets).transform(sets)
    fitted = clone(estimator).fit(X=sets)
    for got in (fitted.transform(X=sets), clone(estimator).fit_transform(X=sets)):
        for x, y in zip(got, expected, strict=True):
            assert_array_equal(x, y)


def test_its_former_name_works_with_a_warning(sets):
    encoder = FisherVector(2, random_state=0).fit(sets)
    mixture = GaussianMixture(2, random_state=0).fit(np.concatenate(sets))
    for call in (clone(encoder).fit, DescriptorPCA(2).fit, encoder.statistics, mixture.statistics):
        with pytest.warns(
            FutureWarning, match="sets= is deprecated and will be removed: write X=, or no name"
        ) as caught:
            former = call(sets=sets)
        assert caught[0].filename == __file__
        present = call(X=sets)
        assert former is present or former == present
        with pytest.raises(TypeError, match="takes X or sets=, its former name, not both"):
            call(sets, sets=sets)
    with pytest.warns(FutureWarning, match="sets= is deprecated"):
        windows = encoder.transform_windows(sets=sets, length=10)
    for x, y in zip(windows, encoder.transform_windows(X=sets, length=10), strict=True):
        assert_array_equal(x, y)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        encoder.fit(set=sets)
