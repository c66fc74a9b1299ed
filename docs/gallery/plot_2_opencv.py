"""
OpenCV's SIFT, and images in which it finds nothing
===================================================

A classifier of image tiles by OpenCV's SIFT that also takes the tiles for which OpenCV
returns None.

``detectAndCompute`` returns None in place of descriptors where it finds no keypoint: in
the sky, on a wall, out of focus. Most code meets this for the first time in the
ten-thousandth image.
"""

# %%
# Sets of descriptors, and None
# -----------------------------
# Thirteen photographs are cut into tiles of 64 x 64 pixels. The question is which
# photograph a tile is from. Tiles of the left halves are for training, those of the
# right halves for the test, so no tile shows what another one shows.

import cv2
import numpy as np
from gallery_data import photographs
from PIL import Image

SIDE = 64
sift = cv2.SIFT_create()


def described(half):
    """The tiles of one half, their descriptors, and the photographs they are from."""
    tiles, sets, labels = [], [], []
    for name, path in photographs().items():
        with Image.open(path) as image:
            grey = np.asarray(image.convert("L"))
        middle = grey.shape[1] // 2
        grey = grey[:, :middle] if half == "left" else grey[:, middle:]
        for y in range(0, grey.shape[0] - SIDE + 1, SIDE):
            for x in range(0, grey.shape[1] - SIDE + 1, SIDE):
                tile = np.ascontiguousarray(grey[y : y + SIDE, x : x + SIDE])
                _, descriptors = sift.detectAndCompute(tile, None)
                tiles.append(tile)
                sets.append(descriptors)
                labels.append(name)
    return tiles, sets, np.array(labels)


train_tiles, train, train_labels = described("left")
test_tiles, test, test_labels = described("right")
n_found = np.array([0 if x is None else len(x) for x in test])
print(
    f"{len(train)} tiles for training, {len(test)} for the test; "
    f"OpenCV found nothing in {(n_found == 0).sum()} of the latter"
)

# %%
# Tiles with and without keypoints, with the number of descriptors. Those with None are
# not broken: they are smooth, or have nothing but an edge.

import matplotlib.pyplot as plt

rng = np.random.default_rng(0)
shown = np.concatenate(
    [
        rng.choice(np.flatnonzero(where), 6, replace=False)
        for where in (n_found == 0, n_found > 0)
    ]
)
figure, axes = plt.subplots(2, 6, figsize=(7.2, 2.9), layout="constrained")
for ax, i in zip(axes.flat, shown, strict=True):
    ax.imshow(test_tiles[i], cmap="gray", vmin=0, vmax=255)
    ax.set_title("None" if test[i] is None else f"{n_found[i]} found", weight="normal")
    ax.set_axis_off()
plt.show()

# %%
# What happens by default
# -----------------------
# A None among the sets may be an empty image or a lost file. So it is an error, which
# says what can be done:

from fishervec import FisherVector

try:
    FisherVector(16, random_state=0).fit(train)
except ValueError as error:
    print(error)

# %%
# Missing means empty
# -------------------
# With ``missing="empty"`` None is a set without descriptors. Its vector is zero, and
# the fit ignores it. C is chosen by cross-validation on the training tiles; K = 16 was
# not tuned: there are few descriptors to learn from.

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from fishervec import Pooling

fisher = FisherVector(16, rows="rootsift", pca=32, missing="empty", random_state=0)
search = GridSearchCV(
    make_pipeline(fisher, LinearSVC(max_iter=10_000)),
    {"linearsvc__C": [0.1, 1, 10]},
    cv=3,
)
search.fit(train, train_labels)

pooling = Pooling(rows="rootsift", missing="empty")
floor = GridSearchCV(
    make_pipeline(pooling, StandardScaler(), LinearSVC(max_iter=10_000)),
    {"linearsvc__C": [0.001, 0.01, 0.1]},
    cv=3,
)
floor.fit(train, train_labels)
for name, model in {"Fisher vector": search, "pooling": floor}.items():
    right = model.predict(test) == test_labels
    print(
        f"{name:<14} {right.mean():.1%} of all tiles, "
        f"{right[n_found > 0].mean():.1%} of those with descriptors"
    )

# %%
# What a zero vector is taken for
# -------------------------------
# A linear classifier has only its intercept for a zero vector, so all tiles without
# descriptors get the same answer. An accuracy over all images hides this: look at both
# parts, by the number of descriptors, say.

predicted = search.predict(test)
print(
    "Tiles without descriptors are all taken for:", *np.unique(predicted[n_found == 0])
)

bins = [0, 1, 5, 15, 40, n_found.max() + 1]
names = ["none", "1 to 4", "5 to 14", "15 to 39", "40 and more"]
bin_of = np.digitize(n_found, bins) - 1
width = 0.38
for shift, (name, model) in zip(
    (-0.5, 0.5), {"Fisher vector": search, "pooling": floor}.items(), strict=True
):
    right = model.predict(test) == test_labels
    scores = [100 * right[bin_of == i].mean() for i in range(len(names))]
    bars = plt.bar(np.arange(len(names)) + shift * width, scores, width, label=name)
    plt.bar_label(bars, fmt="%.0f")
plt.xticks(
    range(len(names)),
    [f"{name}\n({(bin_of == i).sum()} tiles)" for i, name in enumerate(names)],
)
plt.xlabel("descriptors in a tile")
plt.ylabel("right, %")
plt.title("Accuracy on the right halves by the number of descriptors")
plt.legend(loc="upper left")
plt.show()

# %%
# What to try next
# ----------------
# * Where None must not count as an answer, set such images aside: ``has_any = [x is not
#   None for x in sets]``.
# * Dense descriptors exist in every image: ``ImageEncoder`` computes SIFT on a grid, so
#   nothing is ever missing.
# * SIFT descriptors do not say where they are. ``positions=[[keypoint.pt for keypoint
#   in keypoints], ...]`` does, and ``FisherVector(spatial=1)`` makes use of it.
# * The same parameter reads None, NaN and null in columns of pandas, polars and Arrow:
#   the forms of sets are in the user guide.
