"""
From slides in HDF5 to a map of what decided
============================================

A linear classifier of slides whose patch features are in HDF5 files, and a map of the
patches that spoke for its answer.

The files have the layout of TRIDENT: ``features`` with one row per patch, ``coords``
with the corner of each patch. CLAM's and STAMP's are read in the same way.
"""

# %%
# Slides of a stained tissue
# --------------------------
# The tissue is real, an immunohistochemical stain that scikit-image brings along; whole
# slides would be too large here. Its left half is cut into 377 small slides, each an
# HDF5 file of 49 patches. The features are 26 numbers per patch: optical densities and
# texture, where a laboratory would take those of a foundation model.
#
# The label of a slide is whether it is stained strongly (brown). It is known of slides
# alone, never of patches.

import h5py
from gallery_data import new_folder, stained_tissue

from fishervec import open_sets

folder = new_folder("slides")
stained_tissue(folder)
slides = open_sets(folder / "slides", labels=folder / "labels.csv")
print(
    f"{len(slides)} slides; the first is {slides.names[0]}, {slides.labels[0]}, "
    f"with {len(slides[0])} patches"
)

# %%
# ``open_sets`` has read no patch yet. It is a sequence that reads what is asked for: an
# encoder reads a sample to fit, then one slide at a time, so a collection may be larger
# than memory.
#
# Fisher vectors and a linear classifier
# --------------------------------------
# Few components, since the slides are small; no setting was tuned. The classifier must
# be one of the vectors themselves, with no scaler between: then its score is a sum over
# patches.

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from fishervec import FisherVector

model = make_pipeline(
    FisherVector(8, pca=12, random_state=0), LogisticRegression(C=0.1, max_iter=2000)
)
model.fit(slides, slides.labels)
encoder, classifier = model

# %%
# Which patches decided
# ---------------------
# Now the whole tissue as one slide. Its right half is new to the model.
# ``contributions`` splits the score of the slide among its patches; they sum to the
# score without the intercept. ``smooth_contributions`` spreads each over its
# neighbours, which lets the noise of single patches cancel.

import numpy as np

from fishervec import smooth_contributions

whole = open_sets(folder / "tissue.h5")
(shares,) = encoder.contributions(whole, classifier)
with h5py.File(folder / "tissue.h5") as file:
    coords = file["coords"][:]
smooth = smooth_contributions(shares, coords)
score = model.decision_function(whole)[0] - classifier.intercept_[0]
print(
    f"{len(shares):,} patches; the shares sum to {shares.sum():.4f}, "
    f"smoothed to {smooth.sum():.4f}"
)
print(f"The score of the tissue is {score:.4f}")

# %%
# The map beside the tissue. Orange patches speak for strong staining, blue ones against
# it. The gland at the lower left is brown and yet blue on the map: "strong" was learned
# as "above the median of the slides", and it is paler than that.

import matplotlib.pyplot as plt
from PIL import Image

from fishervec import plot

with Image.open(folder / "tissue.png") as file:
    tissue = np.asarray(file)
middle = tissue.shape[1] // 2
figure, axes = plt.subplots(
    1, 2, figsize=(7.2, 3.4), layout="constrained", width_ratios=[1, 1.25]
)
axes[0].imshow(tissue)
axes[0].set_title("tissue: learned from | new")
plot.contributions(smooth, coords, ax=axes[1])
for ax in axes:
    ax.axvline(middle, color="black", linewidth=1.5, linestyle="--")
    ax.set_axis_off()
plt.show()

# %%
# Is the map right?
# -----------------
# Nobody told the classifier where the stain is. We can compute it: colour deconvolution
# separates the brown stain (DAB). In the right half, which was not learned from, does a
# larger share mean more stain? The area under the ROC curve is the probability that of
# two patches, one with more stain than the median and one with less, the first has the
# larger share; guessing has 0.5.

from skimage.color import rgb2hed
from sklearn.metrics import roc_auc_score

brown = rgb2hed(tissue)[:, :, 2]
side = 16
stain = np.array([brown[y : y + side, x : x + side].mean() for x, y in coords])
new = coords[:, 0] >= middle
is_stained = stain > np.median(stain[new])
for name, values in {"single shares": shares, "smoothed": smooth}.items():
    print(f"{name:<14} {roc_auc_score(is_stained[new], values[new]):.2f}")

# %%
# Patch by patch: the stain against the smoothed share, in the right half.

plt.scatter(stain[new], 1000 * smooth[new], s=8, alpha=0.5, linewidths=0)
plt.axhline(0, color="0.5", linewidth=1)
plt.xlabel("brown stain of a patch (optical density)")
plt.ylabel("share of the score, thousandths")
plt.title(f"{new.sum():,} patches of the right half")
plt.show()

# %%
# What to try next
# ----------------
# * Your own slides: ``open_sets("features/", labels="labels.csv", groups="patient")``,
#   then ``StratifiedGroupKFold`` with ``groups=slides.groups``, so that no patient is
#   in both parts of a split. Here such a score would say little: neighbouring slides
#   overlap.
# * One vector per patient, of all patches of all slides: ``encoder.transform(slides,
#   groups=slides.groups)``.
# * The command writes the map as a page and as GeoJSON for QuPath: ``fishervec explain
#   tissue.h5 -m model.safetensors --classifier coef.npz --image tissue.png -o
#   why.html``.
# * Whether the model is any good at all: ``encoder.report(slides,
#   slides.labels).save("report.html")``.
