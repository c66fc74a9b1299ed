#!/usr/bin/env python3
"""Draw docs/pictures/plots-light.webp and -dark.webp: the plots of `fishervec.plot` for the digits of scikit-learn. It
needs the installed package, with matplotlib.

    python scripts/plots.py
"""

import matplotlib as mpl
import numpy as np
from drawing import DARK, DOCS, LIGHT
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_digits
from sklearn.svm import LinearSVC

from fishervec import FisherVector, plot

mpl.use("Agg")
from matplotlib import pyplot

THEMES = {"light": LIGHT, "dark": DARK}
#: The digits that are told apart, and the one whose shares are shown.
DIGITS, SHOWN = (0, 1, 2), 2


def learned():
    """The sets of patches of 4 x 4 pixels of some digits, their labels, an encoder and its vectors."""
    images, labels = load_digits(return_X_y=True)
    kept = np.isin(labels, DIGITS)
    sets = sliding_window_view(images[kept].reshape(-1, 8, 8), (4, 4), axis=(1, 2)).reshape(-1, 25, 16)
    encoder = FisherVector(16, pca=8, random_state=0)
    return sets, labels[kept], encoder, encoder.fit_transform(sets)


def draw(theme, sets, labels, encoder, vectors):
    classifier = LinearSVC(C=10, random_state=0).fit(vectors, labels == SHOWN)
    of_one = int(np.flatnonzero(labels == SHOWN)[0])
    shares = encoder.contributions(sets[of_one : of_one + 1], classifier)[0]
    positions = np.stack(np.divmod(np.arange(25), 5)[::-1], axis=1)
    colours = {"figure.facecolor": THEMES[theme]["raised"], "axes.facecolor": THEMES[theme]["raised"]}
    with mpl.rc_context(colours):
        figure, axes = pyplot.subplots(2, 2, figsize=(10, 8), layout="constrained")
        plot.components(encoder, shape=(4, 4), ax=axes[0, 0])
        plot.likelihood(encoder, ax=axes[0, 1])
        plot.contributions(shares, positions, ax=axes[1, 0])
        plot.embedding(vectors, labels, ax=axes[1, 1])
        path = DOCS / "pictures" / f"plots-{theme}.webp"
        figure.savefig(path, dpi=100, pil_kwargs={"quality": 80, "method": 6})
    print(f"Wrote docs/pictures/{path.name}, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    found = learned()
    for theme in THEMES:
        draw(theme, *found)
