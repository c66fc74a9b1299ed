"""The examples run as a user runs them, and their accuracy is at least that in the README, to a point."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name):
    """The output of an example, which must not warn."""
    command = [sys.executable, "-W", "error", EXAMPLES / f"{name}.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "fisher", "pooling"),
    [("digits", 98.0, 94.0), ("japanese_vowels", 98.9, 98.4), ("spoken_digits", 99.4, 93.5)],
)
def test_an_example_is_as_accurate_as_the_readme_says(name, fisher, pooling):
    shares = {encoder: float(share) for encoder, share in re.findall(r"^(\w+) +([\d.]+)%", run(name), re.MULTILINE)}
    assert shares["FisherVector"] >= fisher
    assert shares["Pooling"] >= pooling
    assert shares["FisherVector"] > shares["Pooling"]


def test_the_gist_example_gives_the_gists_numbers():
    assert "same to 1e-12" in run("gist")


def test_a_sweep_encodes_without_the_data():
    rows = [line.split() for line in run("sweep").splitlines()[1:]]
    assert [int(row[0]) for row in rows] == [8, 16, 32, 64]
    for row in rows:
        assert min(float(share.rstrip("%")) for share in row[5:]) > 98.0
