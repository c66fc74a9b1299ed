"""Statistics of partitions, merged, and the whole jobs of docs/scaling.md with stand-ins for Spark and Ray."""

import random
import sys

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

import engines
from engines import ENCODERS, fitted, partitions, parts_of, rows_of
from fishervec import Climb
from fishervec.arrow import PARTS, combine, merge

FEW = "ignore:only .* descriptors per component"
pytestmark = pytest.mark.filterwarnings(FEW)

SETS = engines.sets()
TABLE = engines.slides(SETS)


@pytest.fixture(scope="module")
def model():
    return Climb(fitted(), max_iter=3, tol=0).model


# ---- merge and combine -----------------------------------------------------------------------------------


def test_parts_that_the_workers_combine_first_have_the_bits_of_merge(model):
    tables = partitions(TABLE, range(1, 12))
    rows = rows_of(parts_of(model, tables)) * 20
    rows = [(7 * i, n, data) for i, (_, n, data) in enumerate(rows)]
    whole = merge(rows)
    random.Random(0).shuffle(rows)
    groups = [[row for row in rows if row[0] // 64 % 3 == i] for i in range(3)]
    names = [field.split()[0] for field in PARTS.split(",")]
    combined = []
    for group in groups:
        table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in group])
        combined += combine(iter(table.to_batches(max_chunksize=17)))
    assert len(combined) < len(rows) / 2
    assert merge(combined) == merge(rows) == whole
    assert sum(batch["n_sets"].to_pylist()[0] for batch in combined) == sum(row[1] for row in rows)
    # Half a group here, and the other half there.
    with pytest.raises(ValueError, match="must be there once, got it twice"):
        merge([*combine(groups_of(rows[::2], names)), *combine(groups_of(rows[1::2], names))])


def groups_of(rows, names):
    return [pa.RecordBatch.from_pylist([dict(zip(names, row, strict=True)) for row in rows])]


def test_parts_come_as_rows_as_dicts_or_as_tables(model):
    batches = parts_of(model, partitions(TABLE, [5]))
    whole = merge(batches)
    table = pa.Table.from_batches(batches)
    assert merge(table) == merge([table]) == merge(iter(batches)) == merge(table.to_pylist()) == whole
    assert merge(rows_of(batches)) == merge([(part, data) for part, _, data in rows_of(batches)]) == whole
    assert merge(table.to_pandas()) == merge(table.to_pandas().itertuples(index=False)) == whole


def test_parts_without_numbers_are_ordered_by_their_bytes(model):
    rows = [(None, n, data) for _, n, data in rows_of(parts_of(model, partitions(TABLE, range(1, 12))))]
    whole = merge(rows)
    random.Random(1).shuffle(rows)
    assert merge(rows) == whole
    # Two blocks of equal rows are two.
    assert merge([*rows, rows[0]]).n > whole.n


@pytest.mark.parametrize(
    ("change", "error", "expected"),
    [
        (lambda rows: [*rows, rows[0]], ValueError, "part 0 must be there once, got it twice"),
        (lambda rows: [*rows, (None, *rows[0][1:])], ValueError, "must all have numbers or none, got 1 without"),
        (lambda rows: [(0, 1, rows[0][2][:50])], ValueError, "part 0: not a valid statistics"),
        (lambda rows: [(0, 1, "text")], TypeError, r"parts\[0\]: statistics must be bytes, got str"),
        (lambda rows: [{"n": 3}], TypeError, r"parts\[0\] must have the columns part and statistics, got n"),
        (lambda rows: rows[0], TypeError, r"parts\[0\] must be a row \(part, n_sets, statistics\), got int"),
        (lambda rows: 5, TypeError, "parts must be rows .* got int"),
        (lambda rows: rows[0][2], TypeError, "parts must be rows .* got bytes"),
    ],
)
def test_what_is_no_part_is_told(model, change, error, expected):
    rows = rows_of(parts_of(model, partitions(TABLE, [5])))
    with pytest.raises(error, match=expected):
        merge(change(rows))


def test_parts_under_two_models_do_not_meet(model):
    climb = Climb.from_bytes(model)
    old = parts_of(model, partitions(TABLE, [5]))
    climb.step(merge(old))
    (new,) = parts_of(climb.model, [TABLE[:5]])
    with pytest.raises(ValueError, match="mixture"):
        merge([new, old[1]])
    with pytest.raises(ValueError, match="mixture"):
        climb.step(merge(old))


# ---- whole jobs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENCODERS)
def test_rounds_over_partitions_are_near_those_over_all_rows(name):
    encoder = fitted(ENCODERS[name])
    climbs = [Climb(encoder, max_iter=3, tol=0) for _ in range(3)]
    cuts = ([], [4, 5, 9], [1, 2, 3, 7])
    while not climbs[0].is_done:
        for climb, places in zip(climbs, cuts, strict=True):
            rows = rows_of(parts_of(climb.model, partitions(TABLE, places), 3))
            again = Climb.from_bytes(climb.model)
            again.step(merge(rows[::-1]))
            climb.step(merge(rows))
            assert again.model == climb.model
    vectors = [climb.estimator().transform(SETS) for climb in climbs]
    assert not np.allclose(vectors[0], encoder.transform(SETS), atol=1e-3)
    for other in vectors[1:]:
        assert_allclose(other, vectors[0], atol=1e-5)


@pytest.mark.parametrize("name", ["spark.py", "on_ray.py"])
def test_the_recipe_runs_with_a_stand_in_for_its_engine(name, tmp_path, monkeypatch):
    engines.write_slides(tmp_path / "slides")
    for module, stand_in in engines.stand_ins().items():
        monkeypatch.setitem(sys.modules, module, stand_in)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(engines.recipe(name), names)
    engines.check(tmp_path, names["sample"], names["climb"])
    if name == "spark.py":
        whole = merge(names["parts"].collect())
        exec(engines.recipe("many partitions"), names)
        assert merge(names["parts"].collect()) == whole
