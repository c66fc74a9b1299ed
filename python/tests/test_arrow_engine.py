"""Rounds and encodings over record batches: the part of the workers for Spark and Ray."""

import json
import pickle
import random
import sys

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import engines
from engines import ENCODERS, fitted, partitions, parts_of, rows_of
from fishervec import Climb, FisherVector, GaussianMixture, Pooling
from fishervec.arrow import PARTS, accumulate, encode, merge, spark_partition

FEW = "ignore:only .* descriptors per component"
pytestmark = pytest.mark.filterwarnings(FEW)

SETS = engines.sets()
TABLE = engines.slides(SETS)


@pytest.fixture(scope="module")
def model():
    return Climb(fitted(), max_iter=3, tol=0).model


def expect_near(a, b):
    assert a.n == b.n
    for one, other in ((a.s0, b.s0), (a.z1, b.z1), (a.z2, b.z2), (a.log_likelihood, b.log_likelihood)):
        assert_allclose(one, other, rtol=1e-6, atol=1e-6 * abs(np.max(other)))


# ---- accumulate ------------------------------------------------------------------------------------------


def test_parts_in_any_order_have_the_same_bits_and_are_near_those_of_one_machine(model):
    rows = rows_of(parts_of(model, partitions(TABLE, [1, 5, 5, 9])))
    # The first partition has an empty set alone, the third none.
    assert [row[:2] for row in rows] == [(1, 4), (3, 4), (4, 3)]
    whole = merge(rows)
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        assert merge(rows) == whole
    expect_near(whole, merge(accumulate(model)(TABLE)))
    assert whole.n == sum(map(len, SETS))


@pytest.mark.parametrize("step", [1, 3, 12])
def test_the_cut_into_batches_does_not_change_a_bit(model, step, monkeypatch):
    # Blocks of 64 rows, so that sets lie across their bounds.
    monkeypatch.setattr("fishervec._engine.LEAST_ROWS", 64)
    monkeypatch.setattr("fishervec._engine.NUMBERS", 64)
    (part,) = parts_of(model, [TABLE], step)
    (whole,) = parts_of(model, [TABLE])
    assert part.equals(whole)
    # As rows that are descriptors, which do not say where sets begin.
    rows = pa.table({"x": pa.array(np.concatenate(SETS).tolist(), pa.list_(pa.float32()))})
    (flat,) = parts_of(model, [rows], 50 * step)
    assert flat["statistics"] == whole["statistics"]
    assert flat["n_sets"].to_pylist() == [None]


FORMS = {
    "lists of fixed-size lists": pa.array([x.tolist() for x in SETS], pa.list_(pa.list_(pa.float32(), 3))),
    "large lists": pa.array([x.tolist() for x in SETS], pa.large_list(pa.large_list(pa.float32()))),
    "float64": pa.array([x.tolist() for x in SETS], pa.list_(pa.list_(pa.float64()))),
    "flat lists and shapes": pa.array([x.ravel() for x in SETS], pa.list_(pa.float32())),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_sets_in_a_table_is_read(model, form):
    shapes = pa.array([x.shape for x in SETS], pa.list_(pa.int32()))
    table = pa.table({"id": TABLE["id"], "x": FORMS[form], "x_shape": shapes})
    (part,) = parts_of(model, [table], 2)
    (expected,) = parts_of(model, [TABLE])
    if form == "float64":
        expect_near(merge([part]), merge([expected]))
    else:
        assert part.equals(expected)
    vectors = np.stack(encode(model)(table)["vector"].to_pylist())
    assert_allclose(vectors, fitted().transform(SETS), rtol=1e-4, atol=1e-6)


def test_tensors_of_one_shape_and_columns_of_numbers_are_read(model):
    cube = np.stack([x[:30] for x in SETS if len(x) >= 30])
    tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(cube)
    (part,) = parts_of(model, [pa.table({"x": tensors})])
    rows = cube.reshape(-1, 3)
    columns = pa.table({f"f{i}": rows[:, i] for i in range(3)} | {"y": np.zeros(len(rows))})
    (numbers,) = parts_of(model, [columns], column="f*")
    assert part["statistics"] == numbers["statistics"]
    assert_array_equal(
        np.stack(encode(model, keep=())(pa.table({"x": tensors}))["vector"].to_pylist()).astype(np.float32),
        fitted().transform(cube),
    )


class OfRay(pa.ExtensionType):
    """A column of arrays as Ray keeps it."""

    def __init__(self, storage, name, shape):
        self.name, self.shape = name, shape
        super().__init__(storage, f"ray.data.{name}")

    def __arrow_ext_serialize__(self):
        return json.dumps([self.name, self.shape]).encode()

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type, serialized):
        return cls(storage_type, *json.loads(serialized))


def of_ray(sets, one_shape):
    if one_shape:
        flat = pa.array([x.ravel() for x in sets], pa.large_list(pa.float32()))
        return pa.ExtensionArray.from_storage(OfRay(flat.type, "arrow_tensor_v2", sets[0].shape), flat)
    columns = {"data": pa.large_list(pa.float32()), "shape": pa.list_(pa.int64())}
    storage = pa.array([{"data": x.ravel(), "shape": x.shape} for x in sets], pa.struct(columns))
    return pa.ExtensionArray.from_storage(OfRay(storage.type, "arrow_variable_shaped_tensor", (None, None)), storage)


@pytest.mark.parametrize("one_shape", [True, False])
def test_the_tensors_of_ray_are_read(model, one_shape):
    sets = [x[:40] for x in SETS if len(x) >= 40] if one_shape else SETS
    table = pa.table({"id": range(len(sets)), "x": of_ray(sets, one_shape)})
    (part,) = parts_of(model, [table.slice(2)], 3)
    (expected,) = parts_of(model, [engines.slides(sets).slice(2)])
    assert part.equals(expected)
    vectors = np.array(encode(model)(table)["vector"].to_pylist(), np.float32)
    assert_array_equal(vectors, fitted().transform(sets))
    odd = [np.ones((2, 3), np.float32), np.ones((2, 3, 1), np.float32)]
    with pytest.raises(TypeError, match=r"x must be tensors of shape \(n, d\)"):
        accumulate(model)(pa.table({"x": of_ray(odd[one_shape:] * 2, one_shape)}))


def test_nothing_gives_nothing(model):
    work = accumulate(model)
    assert list(work(iter([]))) == []
    empty = work(TABLE[:0])
    assert (len(empty), empty.column_names) == (0, [field.split()[0] for field in PARTS.split(",")])
    assert len(work(TABLE[:1])) == 0
    vectors = encode(model)(TABLE[:0])
    assert vectors.schema == encode(model)(TABLE).schema
    with pytest.raises(ValueError, match="at least one partition with descriptors, got none"):
        merge([empty])
    # Empty lists, whose type nothing says.
    nothing = pa.table({"id": ["a", "b"], "x": [[], []]})
    assert len(work(nothing)) == 0
    assert not np.any(encode(model)(nothing)["vector"].to_pylist())


def test_what_is_shipped_pickles_and_is_small(model):
    for work in (accumulate(model), encode(model)):
        work(TABLE)
        data = pickle.dumps(work)
        assert len(data) < len(model) + 1000
        assert pickle.loads(data)(TABLE).equals(work(TABLE))


def test_outside_a_task_of_spark_a_part_has_no_number(model, monkeypatch):
    assert spark_partition() is None
    assert accumulate(model)(TABLE)["part"].to_pylist() == [None]
    monkeypatch.setitem(sys.modules, "pyspark", engines.stand_ins()["pyspark"])
    monkeypatch.setattr(engines.TaskContext, "current", engines.TaskContext(7))
    assert accumulate(model)(TABLE)["part"].to_pylist() == [7]


# ---- errors of workers -----------------------------------------------------------------------------------


def broken(i, row, value=np.nan):
    sets = [x.copy() for x in SETS]
    sets[i][row, 1] = value
    return engines.slides(sets)


@pytest.mark.parametrize("step", [2, 100])
def test_a_nan_is_named_with_its_partition_its_set_and_its_row(model, step, monkeypatch):
    monkeypatch.setattr("fishervec._engine.LEAST_ROWS", 100)
    monkeypatch.setattr("fishervec._engine.NUMBERS", 1)
    table = broken(8, 123)
    with pytest.raises(ValueError, match=r"^partition 0: set 8: row 123, column 1 is NaN.*leave the row out"):
        parts_of(model, [table], step)
    with pytest.raises(ValueError, match=r"^set 8: row 123, column 1 is inf"):
        list(accumulate(model)(iter(broken(8, 123, np.inf).to_batches(max_chunksize=step))))
    with pytest.raises(ValueError, match=r"^set 8 \(slide08\): row 123, column 1 is NaN"):
        list(encode(model)(iter(table.to_batches(max_chunksize=step))))
    rows = np.concatenate(SETS)
    rows[1234, 0] = np.nan
    table = pa.table({"x": pa.array(rows.tolist(), pa.list_(pa.float32()))})
    with pytest.raises(ValueError, match=r"^row 1234, column 0 is NaN"):
        list(accumulate(model)(iter(table.to_batches(max_chunksize=step))))


def test_rows_that_do_not_fit_are_told(model):
    def told(table, expected, error=ValueError, work=accumulate, **how):
        with pytest.raises(error, match=expected):
            list(work(model, **how)(iter(table.to_batches(max_chunksize=2))))

    wide = pa.table({"id": ["a"] * 3, "x": [[[1.0, 2.0, 3.0]], [], [[1.0, 2.0]]]})
    told(wide, "set 2 must have 3 columns as in fit, got 2")
    told(wide, "set 2 must have 3 columns as in fit, got 2", work=encode)
    told(pa.table({"x": [[1.0, 2.0]]}), "each row must have 3 columns as in fit, got 2")
    ragged = pa.table({"x": [[[1.0, 2.0, 3.0]]] * 2 + [[[1.0, 2.0, 3.0], [1.0]]]})
    told(ragged, "set 2: row 1 must have 3 numbers like the first row, got 1")
    told(pa.table({"x": [[[1.0, 2.0, 3.0]], None]}), "set 1 must be a list, got null: leave the row out")
    told(pa.table({"y": [[[1.0]]]}), "column='x' is not columns of numbers; columns: y")
    told(pa.table({"x": [["a"]]}), "column='x' is not columns of numbers")
    told(pa.table({"x": [[1.0, 2.0, 3.0]], "id": [1]}), "each row must be a set, got rows that are", work=encode)
    x = TABLE["x"].combine_chunks()
    twice = pa.Table.from_batches([pa.RecordBatch.from_arrays([x, x], ["x", "x"])])
    told(twice, "the column x is there 2 times")
    told(pa.table({"x": [[[1.0, 2.0, 3.0], None]]}), "set 0: row 1 must be a list, got null")
    told(pa.table({"x": [[[1.0, None, 3.0]]]}), "set 0: row 0, column 1 is NaN")
    told(TABLE, "keep must be names of columns, got name; columns: id, x", work=encode, keep=["name"])
    two = [pa.record_batch({"x": [[[1.0, 2.0, 3.0]]]}), TABLE.to_batches()[0]]
    with pytest.raises(TypeError, match="x must have one type in all record batches, got float64 and float32"):
        list(accumulate(model)(iter(two)))
    for wrong in (7, {"x": 1}, TABLE.to_pandas(), [TABLE.to_pandas()], [1]):
        with pytest.raises(TypeError, match=r"batches must be record batches of Arrow.*mapInArrow"):
            list(accumulate(model)(wrong))


def test_models_that_do_not_go_are_refused_where_the_function_is_made(model, tmp_path):
    for work in (accumulate, encode):
        with pytest.raises(TypeError, match=r"model must be the bytes of a model file, got PosixPath; .*read_bytes"):
            work(tmp_path / "model")
        with pytest.raises(TypeError, match=r"got FisherVector; fishervec\.Climb\(estimator\)\.model has them"):
            work(fitted())
        with pytest.raises(ValueError, match="not a valid model"):
            work(model[:100])
        with pytest.raises(ValueError, match="n_jobs must be an integer of at least 1"):
            work(model, n_jobs=0)

    def bytes_of(estimator):
        estimator.save(tmp_path / "m")
        return (tmp_path / "m").read_bytes()

    with pytest.raises(ValueError, match="a mixture or a codebook"):
        accumulate(bytes_of(Pooling().fit(SETS)))
    assert len(encode(bytes_of(Pooling().fit(SETS)))(TABLE)) == len(SETS)
    gmm = bytes_of(GaussianMixture(2, random_state=0, tol=0.1).fit(np.concatenate(SETS)))
    with pytest.raises(ValueError, match=r"got GaussianMixture: FisherVector\(mixture=mixture\) is one of it"):
        encode(gmm)
    assert merge(accumulate(gmm)(TABLE)).n == sum(map(len, SETS))
    with pytest.raises(ValueError, match="keep and vector must be names that differ, got id, vector, vector"):
        encode(model, keep=("id", "vector"))
    with pytest.raises(TypeError, match="part must be a function"):
        accumulate(model, part=3)
    with pytest.raises(TypeError, match="part must be an integer, got '3'"):
        accumulate(model, part=lambda: "3")(TABLE)
    for column in (3, [], ["x", 3]):
        with pytest.raises(TypeError, match="column must be the name of a column, or several"):
            accumulate(model, column=column)


# ---- encode ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*ENCODERS, "pooling"])
def test_vectors_are_those_of_the_estimator(name, monkeypatch):
    monkeypatch.setattr("fishervec._engine.TOGETHER", 4)
    encoder = fitted(ENCODERS.get(name, Pooling()))
    climb = None if name == "pooling" else Climb(encoder)
    model = encoder._pipeline.to_bytes() if climb is None else climb.model
    table = TABLE.append_column("label", pa.array(range(12)))
    batches = list(encode(model, keep=("label", "id"), vector="v")(iter(table.to_batches(max_chunksize=7))))
    assert [batch.num_rows for batch in batches] == [4, 3, 4, 1]
    done = pa.Table.from_batches(batches)
    assert done.column_names == ["label", "id", "v"]
    assert done["id"].combine_chunks() == table["id"].combine_chunks()
    assert_array_equal(np.array(done["v"].to_pylist(), np.float32), encoder.transform(SETS))


def test_a_set_that_is_missing_is_empty_where_the_estimator_says_so():
    encoder = fitted(FisherVector(2, sample=500, random_state=0, missing="empty"))
    model = Climb(encoder).model
    table = pa.table({"id": [1, 2], "x": pa.array([None, SETS[1].tolist()], TABLE["x"].type)})
    vectors = np.array(encode(model)(table)["vector"].to_pylist(), np.float32)
    assert not vectors[0].any()
    assert_array_equal(vectors[1:], encoder.transform([SETS[1]]))
    assert merge(accumulate(model)(table)).n == len(SETS[1])


def test_positions_beside_the_descriptors_are_used_by_a_model_that_has_some():
    rng = np.random.default_rng(3)
    places = [rng.uniform(size=(len(x), 2)) for x in SETS]
    encoder = FisherVector(2, pyramid="1x1,2x2", sample=500, random_state=0).fit(SETS, positions=places)
    model = Climb(encoder).model
    table = TABLE.append_column("coords", pa.array([p.tolist() for p in places], pa.list_(pa.list_(pa.float64()))))
    expected = encoder.transform(SETS, positions=places)
    for work in (encode(model), encode(model, positions="coords")):
        assert_array_equal(np.array(work(table)["vector"].to_pylist(), np.float32), expected)
    assert merge(accumulate(model)(table)).n == sum(map(len, SETS))
    with pytest.raises(ValueError, match="positions must be given as in fit"):
        encode(model)(TABLE)
    with pytest.raises(ValueError, match="positions must be None, since the encoder was fitted without"):
        encode(Climb(fitted()).model, positions="coords")(table)
    short = table.set_column(2, "coords", pa.array([p[1:].tolist() for p in places], table["coords"].type))
    with pytest.raises(ValueError, match="set 1: positions must have 397 rows, one per descriptor, got 396"):
        encode(model)(short)
