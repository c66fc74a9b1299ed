"""
Who is speaking, and when?
==========================

A classifier of short utterances, and by sliding windows the speaker at each moment of a
long conversation.

The data are the Japanese vowels, a classic of time series classification: nine
speakers, and 12 cepstral coefficients per frame.
"""

# %%
# Utterances
# ----------
# The published split has 270 utterances for training and 370 for the test. With the
# slopes of the coefficients an utterance is a set of 7 to 29 frames of 24 columns. With
# 270 sets, few components are enough; K = 8 is the advice of the user guide for so few
# sets, which was found on these very data.

import numpy as np
from gallery_data import japanese_vowels, with_deltas
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from fishervec import FisherVector, Pooling

(train, train_speakers), (test, test_speakers) = japanese_vowels()
train, test = with_deltas(train), with_deltas(test)
fisher = make_pipeline(FisherVector(8, random_state=0), LinearSVC(C=10))
pooling = make_pipeline(Pooling(), StandardScaler(), LinearSVC(C=0.1))
for name, model in {"Fisher vector": fisher, "pooling": pooling}.items():
    model.fit(train, train_speakers)
    print(
        f"{name:<14} {model.score(test, test_speakers):.2%} of {len(test)} utterances"
    )

# %%
# That is hardly a difference. Where a whole utterance is given, mean and standard
# deviation of frames and slopes say who speaks; for such data take pooling. The next
# question is harder.
#
# A conversation
# --------------
# Forty turns of four test utterances each, one after the other. Where a turn ends is
# not given, and no pause marks it.

rng = np.random.default_rng(0)
frames, speaker_of_frame = [], []
for _ in range(40):
    speaker = rng.integers(1, 10)
    for i in rng.choice(np.flatnonzero(test_speakers == speaker), 4, replace=False):
        frames.append(test[i])
        speaker_of_frame += len(test[i]) * [speaker]
conversation = np.concatenate(frames)
speaker_of_frame = np.array(speaker_of_frame)
print(f"{len(conversation):,} frames")

# %%
# Sliding windows
# ---------------
# ``transform_windows`` encodes windows of a set, here of 24 frames, one every 2 frames.
# Each frame is read once, however many windows it is in, so that long windows cost no
# more than short ones.

LENGTH, STEP = 24, 2
(windows,) = fisher[0].transform_windows([conversation], LENGTH, STEP)
heard = fisher[-1].predict(windows)
centre = np.arange(len(heard)) * STEP + LENGTH // 2
right = heard == speaker_of_frame[centre]
print(
    f"{len(windows):,} windows of {LENGTH} frames; "
    f"{right.mean():.1%} name the speaker of their middle frame"
)

# %%
# The first 800 frames. Grey lines show who spoke, dots whom the windows heard. They err
# where they hold two speakers.

from itertools import pairwise

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
turns = np.flatnonzero(np.diff(speaker_of_frame, prepend=0, append=0))
for start, end in pairwise(turns):
    ax.hlines(speaker_of_frame[start], start, end, color="0.8", linewidth=8)
ax.plot(centre[right], heard[right], "o", markersize=3.5, label="right")
ax.plot(centre[~right], heard[~right], "X", markersize=7, color="C2", label="wrong")
ax.set(
    xlim=(0, 800),
    ylim=(9.6, 0.4),
    yticks=range(1, 10),
    xlabel="frame",
    ylabel="speaker",
)
ax.set_title("Who spoke (grey), and whom windows of 24 frames heard")
figure.legend(*ax.get_legend_handles_labels(), loc="outside lower right", ncols=2)
plt.show()

# %%
# How long should a window be?
# ----------------------------
# A short window has little to go by; a long one mixes speakers. The classifiers stay
# those of whole utterances. Pooling, by the same windows, is the comparison: its
# vectors are the mean and the standard deviation of the frames.

lengths = [4, 8, 12, 16, 24, 32, 48, 64]
scores = {"Fisher vector": [], "pooling": []}
for length in lengths:
    starts = np.arange(0, len(conversation) - length + 1, STEP)
    truth = speaker_of_frame[starts + length // 2]
    (windows,) = fisher[0].transform_windows([conversation], length, STEP)
    scores["Fisher vector"].append(np.mean(fisher[-1].predict(windows) == truth))
    pieces = [conversation[start : start + length] for start in starts]
    scores["pooling"].append(np.mean(pooling.predict(pieces) == truth))

figure, ax = plt.subplots(layout="constrained")
for (name, score), marker in zip(scores.items(), "os", strict=True):
    ax.plot(lengths, 100 * np.array(score), marker=marker, label=name)
    ax.annotate(
        name,
        (lengths[-1], 100 * score[-1]),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
    )
ax.set(
    xscale="log",
    xticks=lengths,
    xticklabels=lengths,
    xlabel="frames in a window",
    ylabel="right, %",
)
ax.minorticks_off()
ax.grid(axis="y")
ax.set_title("The speaker of the middle frame")
ax.margins(x=0.2)
plt.show()
for name, score in scores.items():
    print(
        f"{name:<14} "
        + "  ".join(
            f"{length}: {x:.1%}" for length, x in zip(lengths, score, strict=True)
        )
    )

# %%
# These lengths are compared on the test data: to choose one, make a conversation of
# training utterances. The conversation is made of recordings, not recorded as one; real
# turns overlap.

# %%
# What to try next
# ----------------
# * Your series: an array (n_series, length, d), or padded with NaN:
#   ``FisherVector(padding="nan")``. aeon's arrays are (n_series, d, length): pass
#   ``X.transpose(0, 2, 1)``.
# * The time as a position: ``positions=[np.arange(len(x))[:, None] / len(x) for x in
#   sets]`` and ``FisherVector(spatial=1)``.
# * Which frames decided: ``fisher[0].contributions(test[:1], fisher)``, as in the
#   example before this one.
