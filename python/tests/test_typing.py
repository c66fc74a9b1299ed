"""mypy finds no error, the stub is that of the compiled module, and a user's code gets the types it should."""

import importlib.util
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from fishervec import _registry

ROOT = Path(__file__).parents[2]
EXAMPLE = Path(__file__).with_name("typing_example.py")

needs_mypy = pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")


def python(*arguments):
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_mypy
def test_the_package_is_strictly_typed():
    python("-m", "mypy")


@needs_mypy
def test_a_users_code_is_strictly_typed():
    python("-m", "mypy", "--strict", str(EXAMPLE))


@needs_mypy
def test_every_public_name_has_its_type(tmp_path):
    # They are imported lazily, so a name that the type checker is not told of would have none.
    lines = ["from typing import assert_type", "import fishervec"]
    lines += [f"assert_type(fishervec.{name}(), fishervec.{name})" for name in _registry.ESTIMATORS]
    lines += [f"fishervec.{name}" for name in _registry.OTHERS]
    lines += ["fishervec.FisherVectors  # type: ignore[attr-defined]"]
    (tmp_path / "names.py").write_text("\n".join(lines))
    python("-m", "mypy", "--strict", str(tmp_path / "names.py"))


@needs_mypy
def test_the_stub_is_that_of_the_compiled_module():
    python("-m", "mypy.stubtest", "fishervec._fishervec", "--mypy-config-file", "pyproject.toml")


def test_the_users_code_runs():
    runpy.run_path(str(EXAMPLE))
