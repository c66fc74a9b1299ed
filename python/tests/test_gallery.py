"""Examples of the gallery have what a reader expects and name public things alone; one runs (`make docs` runs all)."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fishervec
from fishervec import _palette, _registry
from fishervec._fishervec import run

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "docs/gallery"
EXAMPLES = sorted(GALLERY.glob("plot_*.py"))
PUBLIC = {*_registry.ESTIMATORS, *_registry.OTHERS, *_registry.MODULES}
#: Names of packages on the registry, where these are not those of the import.
PACKAGES = {"PIL": "scikit-image", "cv2": "opencv-python-headless", "skimage": "scikit-image", "sklearn": "fishervec"}

every_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


def imported(tree):
    """Every (module, name) that a script imports; the name of a whole module is None."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def test_there_are_eight_examples():
    assert [path.stem[:6] for path in EXAMPLES] == [f"plot_{i}" for i in range(1, 9)]


@every_example
def test_an_example_has_a_title_a_sentence_a_picture_and_a_next_step(path):
    script = path.read_text()
    title, line, blank, *text = ast.get_docstring(ast.parse(script)).splitlines()
    assert line == "=" * len(title) and not blank
    first = " ".join(text).partition(". ")[0]
    assert 60 < len(first) < 200
    cells = script.split("# %%\n")[1:]
    assert len(cells) >= 4
    assert [cell for cell in cells if "plt.show()" in cell]
    assert cells[-1].startswith("# What to try next\n# ----")
    assert cells[-1].count("\n# * ") >= 2


@every_example
def test_an_example_names_public_things_alone(path):
    tree = ast.parse(path.read_text())
    ours = {(module, name) for module, name in imported(tree) if module.partition(".")[0] == "fishervec"}
    assert ours
    for module, name in ours:
        assert module == "fishervec" or module.removeprefix("fishervec.") in _registry.MODULES
        assert name is None or name in PUBLIC or hasattr(fishervec, name)
    private = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")]
    assert private == []


def text_of(path):
    """The text of an example, without its code."""
    script = path.read_text()
    lines = [line.removeprefix("#").strip() for line in script.splitlines() if line.startswith("#")]
    return " ".join([ast.get_docstring(ast.parse(script)), *lines])


@every_example
def test_code_in_a_text_can_be_parsed_and_has_two_backticks(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = text_of(path)
    # With one backtick, Sphinx looks for a name.
    assert "`" not in text.replace("``", "")
    for code in text.split("``")[1::2]:
        if code.startswith("fishervec "):
            # 2 is a wrong option; 1 says that an input is missing.
            assert run(code.split()) == 1, code
        elif "(" in code or "[" in code:
            # Calls, and arguments of calls by their names.
            ast.parse(f"f({code})")


@every_example
def test_what_an_example_imports_is_in_the_requirements(path):
    pinned = set(re.findall(r"^([\w-]+)==", (GALLERY / "requirements.txt").read_text(), re.MULTILINE))
    # scikit-learn and NumPy come with fishervec.
    known = {*sys.stdlib_module_names, "fishervec", "gallery_data", "numpy"}
    modules = {module.partition(".")[0] for module, _ in imported(ast.parse(path.read_text()))}
    assert {PACKAGES.get(name, name) for name in modules - known} - {"fishervec"} <= pinned


def test_the_style_has_colours_of_the_palette_alone():
    style = (GALLERY / "fishervec.mplstyle").read_text()
    settings = re.sub("^#.*", "", style, flags=re.MULTILINE)
    colours = re.findall(r"\b[0-9a-f]{6}\b", settings)
    assert len(colours) > 10
    assert {f"#{colour}" for colour in colours} <= set(_palette.LIGHT.values())


def test_an_example_runs_by_itself_and_windows_are_ahead_of_pooling(tmp_path):
    command = [sys.executable, "-W", "error", GALLERY / "plot_5_time_series.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "MPLBACKEND": "agg"}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    utterances = re.findall(r"^([\w ]+?) +([\d.]+)% of 370 utterances$", done.stdout, re.MULTILINE)
    assert [name for name, _ in utterances] == ["Fisher vector", "pooling"]
    assert all(float(score) > 98 for _, score in utterances)
    # One line per encoder: the share of windows of each length that name the right speaker.
    fisher, pooling = (
        [float(score) for score in re.findall(r"\d+: ([\d.]+)%", line)]
        for line in re.findall(r".* 64: .*", done.stdout)
    )
    assert len(fisher) == len(pooling) == 8
    assert all(ours > theirs for ours, theirs in zip(fisher, pooling, strict=True))
    assert max(fisher) > max(pooling) + 2
