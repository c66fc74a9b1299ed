"""Spoken digits: a recording is a set of frames, which a Fisher vector encodes as one point for a linear classifier."""

import numpy as np
from datasets import spoken_digits, with_deltas
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from fishervec import FisherVector, Pooling

sets, labels = spoken_digits()
sets = with_deltas(sets)
splits = StratifiedShuffleSplit(5, train_size=0.5, random_state=0)
models = {
    "FisherVector": make_pipeline(FisherVector(64, random_state=0), LinearSVC(C=10)),
    "Pooling": make_pipeline(Pooling(), StandardScaler(), LinearSVC(C=0.1)),
}
for name, model in models.items():
    scores = cross_val_score(model, sets, labels, cv=splits)
    print(f"{name:<14} {scores.mean():.2%} +- {np.std(scores):.2%} over 5 splits in halves")
