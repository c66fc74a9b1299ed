"""The recipes of docs/scaling.md: the shell lines for Snakemake and Nextflow, run without them, and processes."""

import re
import shutil
import subprocess
from types import SimpleNamespace

import pytest

import engines
from fishervec import Climb, load

SHARDS = 5


@pytest.fixture
def folder(tmp_path):
    """A folder with files of descriptors, and the model of three passes over them by one process."""
    engines.write_npy(tmp_path / "data")
    run("fishervec fit data -o expected.safetensors -k 3 --sample 300 --seed 0 --polish 3", tmp_path)
    return tmp_path


def run(line, folder):
    done = subprocess.run(
        line, shell=True, cwd=folder, env=engines.environment(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, (line, done.stderr)


def expect_the_same(folder):
    """The third model must encode as that of one process, to the bit."""
    run("fishervec encode data -m expected.safetensors -o expected.npy", folder)
    for ending in ("npy", "csv"):
        vectors = [(folder / f"{name}.{ending}").read_bytes() for name in ("vectors", "expected")]
        assert vectors[0] == vectors[1]


class Listed(list):
    """The files of a rule, as Snakemake writes them into a line."""

    def __format__(self, _):
        return " ".join(self)


def test_the_shell_lines_of_the_snakefile_give_the_bits_of_one_process(folder):
    text = engines.recipe("Snakefile")
    rules = dict(re.findall(r'^rule (\w+):\n(?:    .*\n)*?    shell: "(.*)"$', text, re.MULTILINE))
    assert rules.keys() == {"scan", "fit", "accumulate", "maximize", "encode", "join"}

    def rule(name, inputs, *outputs, **given):
        given.setdefault("input", Listed(inputs))
        place = SimpleNamespace(**given.pop("place", {}))
        line = rules[name].format(output=Listed(outputs), threads=1, wildcards=place, params=of, **given)
        run(line, folder)

    of = SimpleNamespace(of=SHARDS)
    rule("scan", ["data"], "list.jsonl")
    rule("fit", ["list.jsonl"], "0.safetensors")
    for r in range(3):
        parts = [f"{r}.{i}.stats" for i in range(1, SHARDS + 1)]
        # In another order than the graph has.
        for i in (3, 5, 1, 2, 4):
            rule("accumulate", ["list.jsonl", f"{r}.safetensors"], parts[i - 1], place={"i": i})
        inputs = SimpleNamespace(model=f"{r}.safetensors", parts=Listed(parts))
        rule("maximize", [], f"{r + 1}.safetensors", input=inputs)
    for i in (2, 5, 1, 4, 3):
        rule("encode", ["list.jsonl", "3.safetensors"], f"v.{i}.npy", place={"i": i})
    rule("join", [f"v.{i}.npy" for i in range(1, SHARDS + 1)], "vectors.npy")
    expect_the_same(folder)


def test_the_scripts_of_nextflow_give_the_bits_of_one_process(folder):
    text = engines.recipe("round.nf") + engines.recipe("main.nf")
    scripts = dict(re.findall(r'^process (\w+) \{.*?"""\n(.*?)"""', text, re.MULTILINE | re.DOTALL))
    assert scripts.keys() == {"accumulate", "maximize", "scan", "fit", "encode", "join"}
    tasks = iter(range(100))

    def process(name, inputs, **variables):
        """A task in a folder of its own, into which its inputs are linked."""
        work = folder / f"work{next(tasks)}"
        work.mkdir()
        for name_there, path in inputs.items():
            (work / name_there).symlink_to(path)
        script = scripts[name].replace("${task.cpus}", "1")
        for variable, value in variables.items():
            script = script.replace(f"${{{variable}}}", value)
        assert "$" not in script
        run(script.strip(), work)
        return work

    data = {"data": folder / "data"}
    data["list.jsonl"] = process("scan", data) / "list.jsonl"
    model = {"model.safetensors": process("fit", data) / "0.safetensors"}
    for _ in range(3):
        parts = {f"{i}.stats": process("accumulate", data | model, i=str(i)) for i in range(1, SHARDS + 1)}
        parts = {name: work / name for name, work in parts.items()}
        work = process("maximize", parts | model, parts=" ".join(parts))
        model = {"model.safetensors": work / "next.safetensors"}
    parts = {}
    for i in range(1, SHARDS + 1):
        work = process("encode", data | model, i=str(i))
        parts |= {path.name: path for path in work.glob(f"v.{i}.*")}
    work = process("join", parts)
    for name in ("vectors.npy", "vectors.csv"):
        shutil.copy(work / name, folder)
    expect_the_same(folder)


def test_the_recipe_for_processes_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    names, code = {}, engines.recipe("in_processes.py").replace("n_jobs=8", "n_jobs=2")
    # Processes of earlier tests may be used again, which are in another folder.
    exec(code.replace('"data"', repr(str(folder / "data"))), names)
    expected = Climb(names["FisherVector"](3, random_state=0).fit(names["sets"]), max_iter=3)
    while not expected.is_done:
        expected.step(sum(map(expected.accumulate, names["shards"])))
    assert names["climb"].model == expected.model
    assert load(folder / "model.safetensors").mixture_.n_iter_ == expected.n_iter_ > 1
