"""Who is speaking? Japanese vowels of 9 speakers, with the customary training and test sets."""

import numpy as np
from datasets import japanese_vowels, with_deltas
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from fishervec import FisherVector, Pooling

(train, train_labels), (test, test_labels) = japanese_vowels()
train, test = with_deltas(train), with_deltas(test)
models = {
    "FisherVector": lambda seed: make_pipeline(FisherVector(16, random_state=seed), LinearSVC(C=10)),
    "Pooling": lambda seed: make_pipeline(Pooling(), StandardScaler(), LinearSVC(C=0.1)),
}
for name, make in models.items():
    scores = [make(seed).fit(train, train_labels).score(test, test_labels) for seed in range(5)]
    print(f"{name:<14} {np.mean(scores):.2%} +- {np.std(scores):.2%} over 5 seeds")
