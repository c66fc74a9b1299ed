"""
Spoken digits: recordings of any length
=======================================

A cross-validated classifier of 3,000 recordings of different lengths, compared with
pooling, and which moments decided.

A recording is a set of frames. It has 6 to 92 of them, and each has 13 cepstral
coefficients (MFCC). A linear classifier needs one vector of one length per recording.
"""

# %%
# Ragged sets
# -----------
# The sets are a list of arrays of shape (n_i, d); nothing is padded or cut. Each frame
# also gets its slopes, a regression over five frames: the only thing that the order of
# frames tells a set.

import numpy as np
from gallery_data import spoken_digits, with_deltas
from sklearn.model_selection import train_test_split

recordings, digits = spoken_digits()
sets = with_deltas(recordings)
train, test, train_digits, test_digits = train_test_split(
    sets, digits, train_size=0.5, stratify=digits, random_state=0
)
lengths = [len(x) for x in sets]
print(
    f"{len(sets):,} recordings of {min(lengths)} to {max(lengths)} frames; "
    f"a frame has {sets[0].shape[1]} columns"
)

# %%
# Cross-validation
# ----------------
# One half of the recordings is for everything that is learned or chosen, by
# cross-validation in three folds; each fold fits its own mixture. The other half is
# asked once, at the end. Speakers are in both halves, as is customary for these data:
# the scores say nothing about new speakers.

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from fishervec import FisherVector, Pooling

fisher = GridSearchCV(
    make_pipeline(FisherVector(random_state=0), LinearSVC()),
    {"fishervector__n_components": [8, 32]},
    cv=3,
)
pooling = GridSearchCV(
    make_pipeline(Pooling(), StandardScaler(), LinearSVC()),
    {"linearsvc__C": [0.01, 0.1, 1]},
    cv=3,
)
models = {"Fisher vector": fisher, "pooling": pooling}
for name, search in models.items():
    search.fit(train, train_digits)
    score = search.score(test, test_digits)
    print(
        f"{name:<14} folds {search.best_score_:.2%}, test {score:.2%}; "
        f"chosen: {search.best_params_}"
    )

# %%
# Pooling is the mean and the standard deviation of the frames. It costs next to nothing
# and is the number that any encoder must beat. What is gained here is gained for every
# digit:

import matplotlib.pyplot as plt
from sklearn.metrics import recall_score

figure, ax = plt.subplots(layout="constrained")
for (name, search), marker in zip(models.items(), "os", strict=True):
    recall = recall_score(test_digits, search.predict(test), average=None)
    ax.plot(100 * recall, range(10), marker, markersize=9, label=name)
ax.set(
    yticks=range(10),
    ylabel="digit",
    xlabel="recognised, % of the recordings of a digit",
)
ax.set_title("Recognised in the half that was not learned from")
ax.invert_yaxis()
ax.grid(axis="x")
figure.legend(loc="outside lower right", ncols=2)
plt.show()

# %%
# The vectors in a plane
# ----------------------
# ``plot.embedding`` draws the plane in which the means of the labels are farthest
# apart, here of the digits 0 to 4. It shows recordings of the test alone, which neither
# the encoder nor the classifier has learned from. A plane shows two of many directions:
# digits that overlap in it may be well apart in others.

from fishervec import plot

# sphinx_gallery_thumbnail_number = 2

encoder, classifier = fisher.best_estimator_
shown = test_digits < 5
figure, ax = plt.subplots(figsize=(7.2, 5), layout="constrained")
plot.embedding(encoder.transform(test)[shown], test_digits[shown], ax=ax)
plt.show()

# %%
# When was it heard?
# ------------------
# The score of a digit is a sum over frames. Of the longest "seven" of the test, the
# picture has the coefficients above, each scaled to its own range, and below the share
# of each frame in the score of "seven": upward speaks for it.

sevens = np.flatnonzero(test_digits == 7)
longest = max(sevens, key=lambda i: len(test[i]))
recording = test[longest : longest + 1]
(shares,) = encoder.contributions(recording, classifier)
taken_for = fisher.predict(recording)[0]

figure, axes = plt.subplots(2, 1, figsize=(7.2, 4.6), sharex=True, layout="constrained")
axes[0].imshow(
    StandardScaler().fit_transform(recording[0][:, :13]).T,
    aspect="auto",
    origin="lower",
    cmap="gray",
)
axes[0].set(
    ylabel="coefficient",
    yticks=[0, 6, 12],
    title=f"A recording of 7, taken for {taken_for}",
)
plot.contributions(shares[:, 7], ax=axes[1])
axes[1].set_xlabel("frame")
plt.show()

# %%
# What to try next
# ----------------
# * More components, and all ways to encode them without a second pass over the data:
#   ``python/examples/sweep.py``.
# * Your recordings: MFCC of librosa or torchaudio, transposed to (frames,
#   coefficients), or archives of Kaldi by ``open_sets("feats.scp")``.
# * New speakers: ``GroupKFold`` with the speaker of each recording as ``groups``.
# * Long recordings: the next example encodes sliding windows.
