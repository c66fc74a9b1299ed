"""
Which photograph is it from, and where?
=======================================

A search among photographs that finds the one a small, compressed part was cut from, and
a map of the places that match.

The photographs are files of scikit-image and scikit-learn. Nothing is labelled: a
mixture learns what local descriptors of photographs look like, and each image becomes
one vector.
"""

# %%
# From image files to vectors
# ---------------------------
# An ``ImageEncoder`` reads the files, computes dense SIFT at four sizes, projects it,
# fits the mixture and encodes. Thirteen images are few, so 32 components must do,
# instead of the default 64.

from gallery_data import photographs

from fishervec import FisherVector, ImageEncoder

files = photographs()
names = list(files)
encoder = ImageEncoder(
    FisherVector(32, rows="rootsift", pca=64, random_state=0), max_side=320
)
vectors = encoder.fit_transform(list(files.values()))
print(f"{len(names)} images, {vectors.shape[1]:,} numbers per vector")

# %%
# Parts of photographs to look for
# --------------------------------
# Four parts of each photograph, each with half of its sides, reduced by a fifth and
# compressed as JPEG: what a thumbnail or a copy on the web might be. They are kept in
# memory here; paths of files would do as well.

import io

from PIL import Image

corners = [
    (0.05, 0.1),
    (0.45, 0.4),
    (0.1, 0.45),
    (0.4, 0.05),
]  # left and top, as fractions of the sides
images = [Image.open(path).convert("RGB") for path in files.values()]
parts, answers, boxes = [], [], []
for name, image in zip(names, images, strict=True):
    width, height = image.size
    for x, y in corners:
        box = (
            int(x * width),
            int(y * height),
            int((x + 0.5) * width),
            int((y + 0.5) * height),
        )
        part = image.crop(box)
        part = part.resize((int(0.8 * part.width), int(0.8 * part.height)))
        memory = io.BytesIO()
        part.save(memory, "jpeg", quality=60)
        parts.append(Image.open(memory))
        answers.append(name)
        boxes.append(box)

# %%
# Nearest images
# --------------
# A vector has length 1, so the product of two vectors is their cosine similarity. Each
# part asks all photographs.

import numpy as np

queries = encoder.transform(parts)
similarities = queries @ vectors.T
order = np.argsort(-similarities, axis=1)
found = np.array(names)[order[:, 0]] == answers
print(f"Fisher vector: {found.sum()} of {len(parts)} parts find their photograph first")

# %%
# Is that much? The floor is what the mean and the standard deviation of the same
# descriptors find. All such vectors are alike, so the mean of the photographs is
# subtracted first; without that the floor is far lower.

from sklearn.preprocessing import normalize

from fishervec import Pooling

pooling = ImageEncoder(Pooling(rows="rootsift", pca=64, random_state=0), max_side=320)
pooled = pooling.fit_transform(list(files.values()))
centred = [
    normalize(x - pooled.mean(axis=0)) for x in (pooling.transform(parts), pooled)
]
found_by_pooling = (
    np.array(names)[np.argmax(centred[0] @ centred[1].T, axis=1)] == answers
)
print(f"Pooling:       {found_by_pooling.sum()} of {len(parts)}")

# %%
# Three of the parts, each with the photographs most similar to it, and the
# similarities.

import matplotlib.pyplot as plt

# sphinx_gallery_thumbnail_number = 2
shown = [4 * names.index(name) + 1 for name in ("coffee", "rocket", "china")]
figure, axes = plt.subplots(len(shown), 4, figsize=(7.2, 5.2), layout="constrained")
for row, i in zip(axes, shown, strict=True):
    row[0].imshow(parts[i])
    row[0].set_title(f"part of {answers[i]}")
    for ax, j in zip(row[1:], order[i], strict=False):
        ax.imshow(images[j])
        ax.set_title(f"{similarities[i, j]:.2f} {names[j]}", weight="normal")
    for ax in row:
        ax.set_axis_off()
plt.show()

# %%
# Which places match
# ------------------
# A similarity is a sum over the descriptors of the photograph: ``contributions`` says
# how much each adds. With ``smooth=True`` a share is spread over the square that its
# descriptor describes, so that shares which cancel do not clutter the map. Positions
# are in pixels of the image as it was described: at most ``max_side`` long.

from matplotlib.patches import Rectangle

from fishervec import plot

shares, places = [], []
for i, path in enumerate(files.values()):
    # Four scores of one image, one for each of its parts.
    (of_image,) = encoder.contributions([path], queries[4 * i : 4 * i + 4], smooth=True)
    shares += list(of_image.T)
    places += 4 * [encoder.positions([path])[0][:, :2]]
scales = [min(1, encoder.max_side / max(image.size)) for image in images]
boxes = np.array(boxes) * np.repeat(scales, 4)[:, np.newaxis]

figure, axes = plt.subplots(
    2, 2, figsize=(7.2, 5.2), layout="constrained", width_ratios=[1, 1.25]
)
for row, i in zip(axes, shown[::2], strict=True):
    box = boxes[i]
    row[0].imshow(
        images[i // 4].resize(
            [int(side * scales[i // 4]) for side in images[i // 4].size]
        )
    )
    row[0].set_title(f"part of {answers[i]}")
    plot.contributions(shares[i], places[i], ax=row[1])
    for ax in row:
        ax.set_axis_off()
        ax.add_patch(
            Rectangle(
                box[:2], *(box[2:] - box[:2]), fill=False, linewidth=2, linestyle="--"
            )
        )
plt.show()

# %%
# Orange places speak for the similarity, blue ones against it, and the box is where the
# part was cut, of which the computation knows nothing. Is the place of the largest
# share always in the box? A box has a quarter of the area.

largest = np.array(
    [where[np.argmax(values)] for where, values in zip(places, shares, strict=True)]
)
inside = ((boxes[:, :2] <= largest) & (largest <= boxes[:, 2:])).all(axis=1)
print(f"The largest share lies in the box for {inside.sum()} of {len(parts)} parts")

# %%
# Nothing here was tuned: the settings are the defaults but for the number of components
# and ``max_side``, which keep the example quick. The parts are easy, since they are cut
# from the very photographs; views from another side are harder.

# %%
# What to try next
# ----------------
# * Your own folder:
#   ``ImageEncoder().fit_transform(sorted(Path("photos").glob("*.jpg")))``.
# * ``FisherVector(64, rows="rootsift", pca=64, pyramid="1x1,2x2", norm="intra+l2")``
#   for objects that are always in the same part of the image.
# * The command draws the same map as a page: ``fishervec explain a.jpg -m
#   model.safetensors --against b.jpg -o why.html``.
