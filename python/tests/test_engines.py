"""The recipes of docs/scaling.md in Spark, Ray and Snakemake themselves: `make test-engines` installs them."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import engines

#: Whether an engine that is missing is a failure.
ALL = os.environ.get("FISHERVEC_ENGINES") == "all"


def needs(module, *commands):
    """Skip a test, or fail, unless the engine is there."""
    own = Path(sys.executable).parent
    there = importlib.util.find_spec(module) and all(shutil.which(command) for command in commands)
    if not there and ALL:
        pytest.fail(f"{module} must be installed, with {', '.join(commands)}")
    return pytest.mark.skipif(not there, reason=f"{own} has no {module}")


def run(folder, *command):
    """Run a program in a folder; its output."""
    env = engines.environment() | {"PYSPARK_PYTHON": sys.executable, "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=1200)
    return done.returncode, done.stdout + done.stderr


def run_script(folder, name, more=""):
    """A recipe, and what the test adds to it."""
    # On one machine Spark does not retry unless told; Ray makes one block of little data otherwise.
    retrying = 'builder.master("local[2, 4]").config'
    many = "import ray\n\nray.data.DataContext.get_current().target_max_block_size = 20_000\n"
    code = engines.recipe(name).replace("builder.config", retrying)
    (folder / name).write_text(code.replace("import ray\n", many) + CHECK + more)
    code, told = run(folder, sys.executable, name)
    assert code == 0, told[-5000:]
    return told


CHECK = f"""
import sys
sys.path.append({str(Path(__file__).parent)!r})
import engines
engines.check(".", sample, climb)
"""
#: A worker that is killed in its first task; the engine must run it again, with the same bits.
KILLED = """
import os, pathlib, signal

class Killed:
    def __init__(self, work):
        self.work, self.place = work, str(pathlib.Path("killed").absolute())

    def __call__(self, batches):
        if not os.path.exists(self.place):
            pathlib.Path(self.place).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.work(batches)

again = accumulate(climb.model)
undisturbed = merge(%s)
assert not os.path.exists("killed")
again = Killed(again)
assert merge(%s) == undisturbed
assert os.path.exists("killed")
"""
#: A second look at the last round: the same parts in another order.
AGAIN = """
whole = merge(parts.collect())
assert merge(reversed(parts.collect())) == whole
"""
BROKEN = """
import pyarrow as pa
nan = pa.table({"id": ["good", "bad"], "x": [[[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0], [1.0, float("nan"), 3.0]]]})
try:
    %s
except Exception as error:
    assert "set 1 (bad): row 1, column 1 is NaN" in str(error), error
    print("told")
"""


@needs("pyspark", "java")
def test_spark_runs_the_recipe(tmp_path):
    engines.write_slides(tmp_path / "slides")
    rows = "sets.mapInArrow(again, PARTS).collect()"
    combined = (
        AGAIN + KILLED % (rows, rows) + engines.recipe("many partitions") + "assert merge(parts.collect()) == whole\n"
    )
    work = 'spark.createDataFrame(nan).coalesce(1).mapInArrow(encode(climb.model), "id string, vector array<double>")'
    assert "told" in run_script(tmp_path, "spark.py", combined + BROKEN % f"{work}.collect()")


@needs("ray")
def test_ray_runs_the_recipe(tmp_path):
    engines.write_slides(tmp_path / "slides")
    rows = 'sets.map_batches(again, batch_size=None, batch_format="pyarrow").take_all()'
    again = AGAIN.replace("collect", "take_all") + "assert len(parts.take_all()) > 2\n" + KILLED % (rows, rows)
    work = 'ray.data.from_arrow(nan).map_batches(encode(climb.model), batch_format="pyarrow")'
    assert "told" in run_script(tmp_path, "on_ray.py", again + BROKEN % f"{work}.take_all()")


@needs("ray")
def test_ray_has_tensors_of_its_own(tmp_path):
    """Columns of arrays, of one shape and of several, are what Ray makes of NumPy's."""
    script = """
import numpy as np, ray
from fishervec import Climb, FisherVector
from fishervec.arrow import accumulate, encode, merge
rng = np.random.default_rng(0)
for sizes in ([40] * 6, [40, 3, 1, 77, 5, 60]):
    sets = [rng.normal(size=(n, 3)).astype(np.float32) for n in sizes]
    ds = ray.data.from_items([{"id": i, "x": x} for i, x in enumerate(sets)], override_num_blocks=2)
    encoder = FisherVector(1, sample=500, random_state=0).fit(sets)
    model = Climb(encoder).model
    parts = ds.map_batches(accumulate(model), batch_size=None, batch_format="pyarrow").take_all()
    assert merge(parts).n == sum(sizes), parts
    rows = ds.map_batches(encode(model), batch_format="pyarrow").take_all()
    rows.sort(key=lambda row: row["id"])
    assert np.array_equal(np.stack([row["vector"] for row in rows]).astype(np.float32), encoder.transform(sets))
print("done")
"""
    (tmp_path / "tensors.py").write_text(script)
    code, told = run(tmp_path, sys.executable, "tensors.py")
    assert code == 0 and "done" in told, told[-5000:]


@needs("snakemake", str(Path(sys.executable).with_name("snakemake")))
def test_snakemake_runs_the_recipe(tmp_path):
    engines.write_npy(tmp_path / "data")
    (tmp_path / "Snakefile").write_text(engines.recipe("Snakefile"))
    code, told = run(tmp_path, str(Path(sys.executable).with_name("snakemake")), "--cores", "2")
    assert code == 0, told[-5000:]
    fit = ["fit", "data", "-o", "p.safetensors", "-k", "3", "--sample", "300", "--seed", "0", "--polish", "3"]
    for line in (fit, ["encode", "data", "-m", "p.safetensors", "-o", "p.npy"]):
        code, told = run(tmp_path, str(Path(sys.executable).with_name("fishervec")), *line)
        assert code == 0, told
    assert (tmp_path / "vectors.npy").read_bytes() == (tmp_path / "p.npy").read_bytes()
    # Nothing is left to do.
    code, told = run(tmp_path, str(Path(sys.executable).with_name("snakemake")), "--cores", "2")
    assert "Nothing to be done" in told
