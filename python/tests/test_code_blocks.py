"""Every block of code of README and docs/ does what it says.

The convention. All ```python blocks of a page run in their order, in one namespace and in an empty folder; a block that
begins with >>> is a doctest there. What a page needs first is in BEFORE, what is asked of its results in AFTER. The
command understands lines of ```sh that begin with `fishervec`, and those of some pages run (options.rs of the command's
tests). ```rust is a doctest of the library. What must not run is ```text or ```console.
"""

import doctest
import re
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_sample_images

from fishervec import fisher_vector
from fishervec._fishervec import run

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path.name: path.read_text() for path in PAGES}
#: Pages whose blocks other tests run, on data in the layouts that these pages are about.
ELSEWHERE = {
    "pathology.md": "test_pathology.py",
    "scaling.md": "test_scaling_page.py",
}
RUN = "python"
#: All languages, with who holds blocks in them; a fence of MyST is Sphinx's.
LANGUAGES = {RUN: "here", "sh": "here", "rust": "here", "groovy": "test_scaling_page.py", "text": "", "console": ""}


def blocks(name):
    """The blocks of a page: the language, the code, and the number of its first line."""
    text = TEXTS[name]
    for block in re.finditer(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", text, re.S | re.M):
        yield block[2], re.sub(rf"^{block[1]}", "", block[3], flags=re.M), text.count("\n", 0, block.start()) + 2


# ---- Python ----------------------------------------------------------------------------------------------


def before_formats(folder):
    shutil.copy(ROOT / "crates/fishervec/testdata/pt/good/dict.pt", folder / "slide.pt")


def before_guide(folder):
    digits, labels = load_digits(return_X_y=True)
    photographs = [np.ascontiguousarray(image[::3, ::3]) for image in load_sample_images().images]
    # An image of 8 x 8 pixels as a set of 16 half rows.
    return {"sets": digits[:200].reshape(200, 16, 4), "labels": labels[:200], "images": photographs}


def after_guide(names):
    assert names["search"].best_score_ > 0.5
    assert [x.shape for x in names["shares"]] == [(16, 10)] * 200
    assert names["report"].numbers["report"]["labelled"] == 200
    assert 0 < Path("report.html").stat().st_size < 2e6
    assert abs(names["parts"].sum() - names["query"] @ names["other"]) < 1e-5
    photograph = names["images"][1]
    assert 0 < names["x"] < photograph.shape[1] and 0 < names["y"] < photograph.shape[0]
    # The command reads what a block wrote, and says the same.
    np.save("set.npy", names["sets"][3])
    line = "explain set.npy -m model.safetensors --classifier coef.npz -o why.html -q"
    assert run(["fishervec", *line.split()]) == 0
    written = np.genfromtxt("why.csv", delimiter=",", names=True)["contribution"]
    (shares,) = names["encoder"].contributions(names["sets"][3:4], names["model"])
    chosen = names["model"].predict(names["vectors"][3:4])
    np.testing.assert_allclose(written, shares[:, chosen[0]], atol=1e-6)


def before_model_format(folder):
    rng = np.random.default_rng(0)
    w = rng.dirichlet([3.0] * 4)
    return {
        "np": np,
        "x": rng.normal(size=(50, 3)),
        "w": w,
        "mu": rng.normal(size=(4, 3)),
        "v": rng.uniform(0.5, 2, (4, 3)),
    }


def after_model_format(names):
    mixture = SimpleNamespace(weights_=names["w"], means_=names["mu"], covariances_=names["v"])
    np.testing.assert_allclose(names["g"], fisher_vector(names["x"], mixture), rtol=1e-9, atol=1e-12)


def before_readme(folder):
    digits, _ = load_digits(return_X_y=True)
    # An image of 8 x 8 pixels as a set of 16 half rows.
    return {"sets": list(digits[:200].reshape(200, 16, 4))}


BEFORE = {
    "README.md": before_readme,
    "formats.md": before_formats,
    "guide.md": before_guide,
    "model-format.md": before_model_format,
}
AFTER = {"guide.md": after_guide, "model-format.md": after_model_format}


def run_page(name, names):
    """Run the Python of a page."""
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    for language, code, line in blocks(name):
        if language != RUN:
            continue
        if code.startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(code, names, name, name, line - 1)
            runner.run(test, clear_globs=False)
            names.update(test.globs)
        else:
            exec(compile("\n" * (line - 1) + code, str(ROOT / "docs" / name), "exec"), names)
    assert runner.summarize().failed == 0
    return names


WITH_PYTHON = [name for name in TEXTS if any(language == RUN for language, *_ in blocks(name))]


@pytest.mark.parametrize("name", [name for name in WITH_PYTHON if name not in ELSEWHERE])
def test_the_python_of_a_page_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = BEFORE[name](tmp_path) if name in BEFORE else None
    names = run_page(name, {"__name__": "__main__", **(given or {})})
    if name in AFTER:
        AFTER[name](names)


def test_what_is_said_about_pages_is_true():
    assert set(BEFORE) | set(AFTER) | set(ELSEWHERE) <= set(WITH_PYTHON)
    for name, test in ELSEWHERE.items():
        assert (ROOT / "python/tests" / test).exists(), name


def test_a_block_that_is_wrong_fails(tmp_path, monkeypatch):
    for code in (">>> 1 + 1\n3", "assert x == 1", "    raise ValueError"):
        monkeypatch.setitem(TEXTS, "wrong.md", f"# Page\n\n```python\nx = 2\n```\n\n```python\n{code}\n```\n")
        with pytest.raises((AssertionError, SyntaxError)):
            run_page("wrong.md", {})


# ---- other languages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_every_block_has_a_language_that_somebody_holds(name):
    unknown = {(line, language) for language, _, line in blocks(name) if language.strip("{}") == language}
    assert {(line, language) for line, language in unknown if language not in LANGUAGES} == set()
    # As many fences as blocks: none is left open.
    assert len(re.findall(r"^ *```", TEXTS[name], re.M)) == 2 * len(list(blocks(name)))


def test_rust_is_a_doctest_of_the_library():
    library = (ROOT / "crates/fishervec/src/lib.rs").read_text()
    included = set(re.findall(r'include_str!\("\.\./\.\./\.\./(?:docs/)?([\w-]+\.md)"\)', library))
    with_rust = {name for name in TEXTS if any(language == "rust" for language, *_ in blocks(name))}
    # The program of the README is the crate's, which tests/readme.rs of the crate holds.
    assert with_rust - {"README.md"} == included


def commands(name):
    """The lines of a page that run the command, with the number of each."""
    for language, code, start in blocks(name):
        if language == "sh":
            for i, line in enumerate(re.sub(r"\\\n", "  ", code).splitlines()):
                if line.startswith("fishervec "):
                    yield line, start + i


def arguments(line):
    """The words of a line for a shell, up to its end or to where another command begins."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.commenters = "#"
    found = list(words)
    end = next((i for i, word in enumerate(found) if word in ("|", ">", ">>", "&&", "||", ";", "&")), len(found))
    return found[:end]


def usage(line, monkeypatch, folder):
    """The exit code of a line in an empty folder: 2 for wrong usage, 1 for files that are not there."""
    monkeypatch.chdir(folder)
    # A page that is served is served until somebody ends it.
    return run([*arguments(line), *["--help"] * line.startswith("fishervec explore")])


@pytest.mark.parametrize("name", [name for name in TEXTS if list(commands(name))])
def test_the_command_understands_every_line(name, tmp_path, monkeypatch, capfd):
    for line, number in commands(name):
        assert usage(line, monkeypatch, tmp_path) != 2, f"{name}:{number}: {line}\n{capfd.readouterr().err}"


def test_lines_that_the_command_does_not_understand_are_found(tmp_path, monkeypatch):
    assert usage("fishervec fit a/ -o 'b c.safetensors' -k 8 # all | of it", monkeypatch, tmp_path) == 1
    assert usage("fishervec fit -h | less", monkeypatch, tmp_path) == 0
    wrong = ("fit a/ -o m.safetensors --no-such", "fits a/", "fit a/ -o m.safetensors -k many > log", "fit a/")
    assert [usage(f"fishervec {line}", monkeypatch, tmp_path) for line in wrong] == [2] * len(wrong)
