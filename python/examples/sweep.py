"""One pass over the data for each K; then every encoding is computed from statistics, without the data."""

import time

from datasets import spoken_digits, with_deltas
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

from fishervec import FisherVector

sets, labels = spoken_digits()
sets = with_deltas(sets)
train, test, train_labels, test_labels = train_test_split(sets, labels, train_size=0.5, stratify=labels, random_state=0)
ENCODINGS = {
    "closed form, power, L2": {},
    "closed form, L2": {"power": 1.0},
    "closed form, power, intra-L2": {"norm": "intra+l2"},
    "empirical, power, L2": {"information": "empirical"},
    "means only, power, L2": {"gradients": "m"},
}
print(f"{'K':>4}  {'statistics':>10}  {'5 encodings':>11}  " + "  ".join(ENCODINGS))
for k in (8, 16, 32, 64):
    base = FisherVector(k, random_state=0).fit(train)
    started = time.perf_counter()
    train_statistics, test_statistics = base.statistics(train), base.statistics(test)
    pass_over_data = time.perf_counter() - started

    encoding, scores = 0.0, []
    for params in ENCODINGS.values():
        started = time.perf_counter()
        encoder = FisherVector(mixture=base.mixture_, random_state=0, **params).fit(train_statistics)
        vectors = encoder.transform(train_statistics), encoder.transform(test_statistics)
        encoding += time.perf_counter() - started
        scores.append(LinearSVC(C=10).fit(vectors[0], train_labels).score(vectors[1], test_labels))
    columns = "  ".join(f"{score:>{len(name)}.2%}" for score, name in zip(scores, ENCODINGS, strict=True))
    print(f"{k:>4}  {pass_over_data:>8.2f} s  {encoding:>9.2f} s  {columns}")
