"""Docstrings: their examples run, and they have the sections that numpydoc expects."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import fishervec

MODULES = ["fishervec", *(f"fishervec.{module.name}" for module in pkgutil.iter_modules(fishervec.__path__))]

# The codes of numpydoc that are off, everywhere and for what is not at the top.
OFF = {
    "ES01": "a summary of one sentence is often all there is to say",
    "RT02": "what is returned has a name, as in scikit-learn's own docs",
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
    assert with_example >= {name for name in fishervec.__all__ if callable(getattr(fishervec, name))}
    skipped = [
        test.name
        for module in MODULES
        for test in finder.find(importlib.import_module(module))
        for example in test.examples
        if doctest.SKIP in example.options
    ]
    assert skipped == []


@pytest.mark.parametrize("name", list(public()))
def test_numpydoc_has_nothing_to_say(name):
    validate = pytest.importorskip("numpydoc.validate").validate
    off = set(OFF)
    if name.count(".") > 1:
        off |= set(OFF_FOR_MEMBERS)
    if name.startswith("fishervec.Statistics"):
        off |= set(OFF_FOR_COMPILED)
    assert [error for error in validate(name)["errors"] if error[0] not in off] == []


@pytest.mark.parametrize("cls", [fishervec.FisherVector, fishervec.Pooling])
def test_every_encoder_says_which_sets_it_takes(cls):
    def forms(cls):
        text = inspect.getdoc(cls)
        return text[text.index("Sets are given as one of") : text.index("one set is ``[x]``.")]

    assert forms(cls) == forms(fishervec.FisherVector)
