"""Docstrings: their examples run, they have the sections that numpydoc expects, and no passage is written twice."""

import ast
import collections
import doctest
import importlib
import inspect
import pkgutil
import pydoc
import re
import tokenize
from pathlib import Path

import pytest

import fishervec
from fishervec import _docs, _registry

ROOT = Path(__file__).resolve().parents[2]
MODULES = ["fishervec", *(f"fishervec.{module.name}" for module in pkgutil.iter_modules(fishervec.__path__))]

# The codes of numpydoc that are off everywhere, for members of classes, and for the compiled module.
OFF = {
    "ES01": "a summary of one sentence is often enough",
    "RT02": "return values have names, as in scikit-learn's own docs",
}
OFF_FOR_MEMBERS = {
    "EX01": "the class has an example",
    "SA01": "the class has the references",
}
OFF_FOR_COMPILED = {
    "GL02": "a comment of Rust does not end in a line break",
}


def public():
    """The names of all that is public: functions, classes and their own members."""
    for module in _registry.MODULES:
        things = {name: getattr(getattr(fishervec, module), name) for name in getattr(fishervec, module).__all__}
        names = [name for name, thing in things.items() if callable(thing) and not name.endswith("Exception")]
        yield from (f"fishervec.{module}.{name}" for name in names)
    for name in fishervec.__all__:
        thing = getattr(fishervec, name)
        if not callable(thing):
            continue
        yield f"fishervec.{name}"
        if inspect.isclass(thing):
            for member, value in inspect.getmembers(thing):
                # What scikit-learn's base classes add is documented there.
                theirs = inspect.isfunction(value) and not value.__module__.startswith("fishervec")
                if not member.startswith("_") and not theirs:
                    yield f"fishervec.{name}.{member}"


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module, raise_on_error=False).failed == 0


def test_all_public_classes_and_functions_have_an_example_that_runs():
    finder = doctest.DocTestFinder(exclude_empty=True)
    with_example = {
        test.name.rsplit(".", 1)[-1]
        for module in MODULES
        for test in finder.find(importlib.import_module(module))
        if test.examples
    }
    assert with_example >= {name for name in fishervec.__all__ if callable(getattr(fishervec, name))} | {"learn_gmm"}
    skipped = [
        test.name
        for module in MODULES
        for test in finder.find(importlib.import_module(module))
        for example in test.examples
        if doctest.SKIP in example.options
    ]
    assert skipped == []


@pytest.mark.parametrize("name", list(public()))
def test_numpydoc_finds_no_error(name):
    validate = pytest.importorskip("numpydoc.validate").validate
    off = set(OFF)
    if inspect.isclass(getattr(fishervec, name.split(".")[1])) and name.count(".") > 1:
        off |= set(OFF_FOR_MEMBERS)
    if name.startswith("fishervec.Statistics"):
        off |= set(OFF_FOR_COMPILED)
    assert [error for error in validate(name)["errors"] if error[0] not in off] == []


# ---- passages that several docstrings share --------------------------------------------------------------

CLASSES = _registry.estimators()


@pytest.mark.parametrize("name", CLASSES)
def test_help_describes_every_parameter(name):
    text = pydoc.render_doc(CLASSES[name], renderer=pydoc.plaintext)
    for parameter in inspect.signature(CLASSES[name]).parameters:
        assert re.search(rf"^ \|  {parameter} : .+\n \|      \w", text, re.MULTILINE), parameter
    assert not re.search(r"^[ |]*\{\w+\}$", text, re.MULTILINE)
    assert "<default>" not in text


@pytest.mark.parametrize("name", CLASSES)
def test_a_default_in_the_docs_is_that_of_the_signature(name):
    for parameter in inspect.signature(CLASSES[name]).parameters.values():
        (stated,) = re.findall(rf"^{parameter.name} : .*, default=(.+)$", inspect.getdoc(CLASSES[name]), re.MULTILINE)
        assert ast.literal_eval(stated) == parameter.default, parameter.name


TAKES_SETS = [name for name, entry in _registry.ESTIMATORS.items() if entry.kind in ("encoder", "projection")]


@pytest.mark.parametrize("name", TAKES_SETS)
def test_every_class_over_sets_says_which_sets_it_takes(name):
    text = inspect.getdoc(CLASSES[name])
    assert _docs.PASSAGES["sets"].strip() in text
    assert (ROOT / "docs/sets.md").read_text().startswith("# Sets of descriptors\n")


def docstrings():
    """Each docstring in the source, as it is written."""
    for path in sorted(Path(fishervec.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                yield f"{path.name}: {getattr(node, 'name', '')}", ast.get_docstring(node)


def test_no_passage_is_written_twice():
    places = collections.defaultdict(list)
    for where, text in docstrings():
        lines = [line.strip() for line in text.splitlines()]
        for part in zip(*(lines[i:] for i in range(4)), strict=False):
            # Names of sections and empty lines do not count as text.
            if sum(bool(re.search(r"\w \w", line)) for line in part) >= 3:
                places[part].append(where)
    assert {part: where for part, where in places.items() if len(where) > 1} == {}


def test_comment_lines_are_at_most_110_columns_wide():
    wide = []
    for path in sorted((ROOT / "python").glob("*/**/*.py*")):
        if path.suffix in (".py", ".pyi"):
            with path.open("rb") as file:
                comments = [token for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
            whole = [token for token in comments if token.line.lstrip().startswith("#")]
            wide += [f"{path.name}:{token.start[0]}" for token in whole if token.end[1] > 110]
    assert wide == []


def test_every_passage_is_used():
    used = {name for _, text in docstrings() for name in re.findall(r"^ *\{(\w+)\}$", text, re.MULTILINE)}
    assert used == set(_docs.PASSAGES)


def test_the_page_about_sets_quotes_errors_as_they_are():
    source = "".join(path.read_text() for path in Path(fishervec.__file__).parent.glob("*.py"))
    table = (ROOT / "docs/sets.md").read_text().partition("## Errors")[2]
    quoted = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    ours = [error for error in quoted if " must be " in error or " must have " in error]
    assert len(ours) >= 8
    for error in ours:
        # The words between what changes from call to call.
        words = re.split(r"set \d+|\(.*?\)|\d+|\bmixture\b|, got", error)
        longest = max((part.strip(" :") for part in words), key=len)
        assert longest in source, error
