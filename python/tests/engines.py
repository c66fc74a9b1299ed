"""The recipes of docs/scaling.md, data for them, and stand-ins for the engines that run them."""

import itertools
import os
import pickle
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.testing import assert_allclose, assert_array_equal

import fishervec
from fishervec import H2T, BagOfWords, FisherVector, Vlad
from fishervec.arrow import accumulate

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/scaling.md").read_text()

#: What makes a recipe small.
SMALL = {
    "256": "3",
    "fishervec fit": "fishervec fit --sample 300 --seed 0",
    "0.01": "1.0",
    "SHARDS = 64": "SHARDS = 5",
    "/64": "/5",
    "repartition(64": "repartition(3",
    "1..64": "1..5",
}


def recipe(name):
    """A code block of the page, whose first line names it, on little data."""
    (code,) = re.findall(rf"```\w+\n((?:#|//) {re.escape(name)}(?::[^\n]*)?\n.*?)```", PAGE, re.DOTALL)
    for large, small in SMALL.items():
        code = code.replace(large, small)
    return code


def sets(n=12, d=3):
    """Sets of odd lengths, an empty one among them, of float32."""
    rng = np.random.default_rng(0)
    return [rng.normal(i % 3, 1, (i * 397 % 900, d)).astype(np.float32) for i in range(n)]


def slides(sets):
    """The table of sets: id and x."""
    x = pa.array([x.tolist() for x in sets], pa.list_(pa.list_(pa.float32())))
    return pa.table({"id": [f"slide{i:02}" for i in range(len(sets))], "x": x})


def write_slides(folder, n_files=3):
    """A folder of Parquet files."""
    folder.mkdir()
    table = slides(sets())
    for i, start in enumerate(range(0, len(table), -(-len(table) // n_files))):
        pq.write_table(table.slice(start, -(-len(table) // n_files)), folder / f"{i}.parquet")
    return table


def write_npy(folder):
    """A folder of the same sets, a file each."""
    folder.mkdir()
    for i, x in enumerate(sets()):
        np.save(folder / f"slide{i:02}.npy", x)


def environment():
    """An environment with the command `fishervec` in its path."""
    own = Path(sys.executable).parent
    return os.environ | {"PATH": f"{own}{os.pathsep}{os.environ['PATH']}"}


def check(folder, sample, climb):
    """The model and the vectors of a recipe: near those of rounds on one machine, and of this model."""
    assert len(sample) == len(sets())
    expected = fishervec.Climb(FisherVector(3, random_state=0).fit(sample), max_iter=3)
    start = expected.estimator().transform(sample)
    while not expected.is_done:
        expected.step(expected.accumulate(sample))
    assert climb.n_iter_ == expected.n_iter_ > 1
    encoder = fishervec.load(Path(folder) / "model.safetensors")
    assert encoder.mixture_.n_iter_ == expected.n_iter_
    assert_allclose(encoder.transform(sample), expected.estimator().transform(sample), atol=1e-4)
    assert not np.allclose(encoder.transform(sample), start, atol=1e-3)
    table = pq.read_table(Path(folder) / "vectors").sort_by("id")
    assert table["id"].to_pylist() == slides(sets())["id"].to_pylist()
    assert_array_equal(np.array(table["vector"].to_pylist(), np.float32), encoder.transform(sets()))


# ---- what workers do -------------------------------------------------------------------------------------


#: Estimators with a mixture, or with centres.
ENCODERS = {
    "fisher": FisherVector(3, sample=500, random_state=0),
    "projected": FisherVector(2, pca=2, rows="l2", sample=500, random_state=0),
    "vlad": Vlad(3, sample=500, random_state=0),
    "soft": BagOfWords(3, assignment="soft", sample=500, random_state=0),
    "h2t": H2T(3, sample=500, random_state=0),
}


def fitted(encoder=None):
    """An encoder that is fitted to all sets."""
    return (encoder or ENCODERS["fisher"]).fit(sets())


def partitions(table, cuts):
    bounds = [0, *cuts, len(table)]
    return [table.slice(start, stop - start) for start, stop in itertools.pairwise(bounds)]


def parts_of(model, tables, step=1000, **how):
    """What the partitions return, numbered."""
    done = []
    for i, table in enumerate(tables):
        work = accumulate(model, part=lambda i=i: i, **how)
        done += list(work(iter(table.to_batches(max_chunksize=step))))
    return done


def rows_of(parts):
    return [tuple(row.values()) for part in parts for row in part.to_pylist()]


# ---- stand-ins -------------------------------------------------------------------------------------------


class Frame:
    """What of a Spark DataFrame the recipes use: tables, of which each is a partition."""

    def __init__(self, partitions):
        self.partitions = partitions

    @property
    def write(self):
        return SimpleNamespace(parquet=self._write)

    def _write(self, folder):
        Path(folder).mkdir()
        for i, table in enumerate(self.partitions):
            pq.write_table(table, Path(folder) / f"part-{i}.parquet")

    def select(self, *names):
        return Frame([table.select(names) for table in self.partitions])

    def sample(self, fraction, seed):
        assert fraction == 1.0
        return self

    def toArrow(self):
        return pa.concat_tables(self.partitions)

    def collect(self):
        return [tuple(row.values()) for table in self.partitions for row in table.to_pylist()]

    def repartition(self, n, of_row):
        rows = self.toArrow().to_pylist()
        places = [hash(of_row(row)) % n for row in rows]
        schema = self.partitions[0].schema
        chosen = [[row for row, place in zip(rows, places, strict=True) if place == i] for i in range(n)]
        return Frame([pa.Table.from_pylist(part, schema) for part in chosen])

    def mapInArrow(self, function, schema):
        """Each partition in batches of seven rows, the last partition first, by a function that was shipped."""
        names, done = [field.split()[0] for field in schema.split(",")], {}
        for i in reversed(range(len(self.partitions))):
            TaskContext.current = TaskContext(i)
            shipped = pickle.loads(pickle.dumps(function))
            batches = list(shipped(iter(self.partitions[i].to_batches(max_chunksize=7))))
            TaskContext.current = None
            if batches:
                done[i] = pa.Table.from_batches(batches)
                assert done[i].column_names == names
        return Frame(list(done.values()))


class TaskContext:
    """Spark's, which knows the number of the partition that a task works on."""

    current = None

    def __init__(self, number):
        self.partitionId = lambda: number

    @classmethod
    def get(cls):
        return cls.current


class Blocks:
    """What of a Ray dataset the recipes use: tables, of which each is a block."""

    def __init__(self, blocks):
        self.blocks = blocks

    def select_columns(self, names):
        return Blocks([block.select(names) for block in self.blocks])

    def random_sample(self, fraction, seed):
        assert fraction == 1.0
        return self

    def take_all(self):
        return [row for block in self.blocks for row in block.to_pylist()]

    def to_arrow_refs(self):
        return self.blocks

    def map_batches(self, function, *, batch_size, batch_format):
        """Blocks in any order, whole or cut, by a function that was shipped."""
        assert batch_format == "pyarrow"
        done = []
        for block in self.blocks[1:] + self.blocks[:1]:
            shipped = pickle.loads(pickle.dumps(function))
            step = max(1, block.num_rows) if batch_size is None else batch_size
            done += [shipped(block.slice(start, step)) for start in range(0, max(1, block.num_rows), step)]
        return Blocks(done)

    def write_parquet(self, folder):
        Frame(self.blocks)._write(folder)


def read(folder):
    """The table of each Parquet file of a folder."""
    return [pq.read_table(path) for path in sorted(Path(folder).glob("*.parquet"))]


def stand_ins():
    """Modules to be put in place of pyspark and ray."""
    builder = SimpleNamespace(config=lambda *_: builder, getOrCreate=lambda: SimpleNamespace(read=reader))
    reader = SimpleNamespace(parquet=lambda folder: Frame(read(folder)))
    column = SimpleNamespace(col=Column, floor=lambda column: column.floor)
    options = SimpleNamespace(execution_options=SimpleNamespace())
    context = SimpleNamespace(get_current=lambda: options)
    data = SimpleNamespace(read_parquet=lambda folder: Blocks(read(folder)), DataContext=context)
    modules = {
        "pyspark": SimpleNamespace(TaskContext=TaskContext),
        "pyspark.sql": SimpleNamespace(SparkSession=SimpleNamespace(builder=builder), functions=column),
        "ray": SimpleNamespace(data=data, get=lambda refs: refs),
    }
    for name, contents in modules.items():
        module = ModuleType(name)
        vars(module).update(vars(contents))
        modules[name] = module
    return modules


class Column:
    """A column that is divided and rounded."""

    def __init__(self, name, divisor=1):
        self.name, self.divisor = name, divisor

    def __truediv__(self, divisor):
        return Column(self.name, divisor)

    def floor(self, row):
        return row[self.name] // self.divisor
