"""Pages that `fishervec explain` and `fishervec report` write of real data: what the tests read and the pictures show."""

import csv
import subprocess
from typing import NamedTuple

import example_data
import numpy as np
from sklearn.linear_model import LogisticRegression


class Page(NamedTuple):
    """A page, what it answers, about which data, and the commands that write it."""

    file: str
    question: str
    about: str
    commands: list[str]


PAGES = {
    "slide": Page(
        "slide.html",
        "Which patches of a slide decided?",
        "Patches of a tissue, with their coords. A classifier has learned what strong (brown) staining is, from small slides of "
        "the left half; the page shows what speaks for it in all of the tissue. Nobody told it where.",
        [
            "fit slides -o tissue.safetensors -k 8 --pca 12 --seed 0",
            "encode slides -m tissue.safetensors -o slides.npy --labels labels.csv",
            "explain tissue.h5 -m tissue.safetensors --classifier slides.coef.npz --class stained --image tissue.png "
            "-o slide.html",
        ],
    ),
    "photographs": Page(
        "photographs.html",
        "Why do two photographs match?",
        "A part of a photograph, made smaller and compressed, and the photograph that it was found in.",
        [
            "fit photographs -o photographs.safetensors -k 32 --seed 0",
            "explain parts/coffee.jpg --against photographs/coffee.png -m photographs.safetensors -o photographs.html",
        ],
    ),
    "recording": Page(
        "recording.html",
        "When was it heard?",
        "A spoken digit, frame by frame, and a classifier of ten digits that has not heard this recording.",
        [
            "fit clips.npz -o clips.safetensors -k 16 --seed 0",
            "encode clips.npz -m clips.safetensors -o clips.npy",
            "explain seven.npy -m clips.safetensors --classifier clips.coef.npz -o recording.html",
        ],
    ),
    "report": Page(
        "report.html",
        "Is the model any good?",
        "Handwritten digits, each a set of patches of its pixels.",
        [
            "fit digits.npz -o digits.safetensors -k 32 --pca 8 --seed 0",
            "report digits.safetensors --sets digits.npz -o report.html",
        ],
    ),
}
#: What makes the data of a page.
DATA = {
    "slide": example_data.tissue,
    "photographs": example_data.photographs,
    "recording": example_data.recordings,
    "report": example_data.digits,
}


def make(name, folder, command):
    """Write a page into a folder, with its data beside it, by `command` (a list of words), and return its path."""
    DATA[name](folder)
    page = PAGES[name]
    for line in page.commands:
        words = line.split()
        run(command, folder, words)
        if words[0] == "encode":
            learn(folder / words[words.index("-o") + 1])
    return folder / page.file


def run(command, folder, words):
    """What the command printed; an error, if it failed."""
    done = subprocess.run([*command, *words, "--quiet"], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"fishervec {' '.join(words)}\n{done.stderr}")
    return done.stdout


def learn(vectors):
    """A classifier of the vectors that `encode` wrote, with the labels beside them, as `explain` reads it."""
    with open(vectors.with_suffix(".csv"), newline="", encoding="utf-8") as table:
        labels = [row["label"] for row in csv.DictReader(table)]
    model = LogisticRegression(C=0.1, max_iter=2000).fit(np.load(vectors), labels)
    np.savez(vectors.with_suffix(".coef.npz"), coef=model.coef_, intercept=model.intercept_, classes=model.classes_)
