"""`make contributions`: what the shares of descriptors in scores cost, in encodings of the same set.

Descriptors are those of `make sampling`, D = 64; K = 64. Times are CPU time of one thread, the least of several runs.
The shares are first held against the scores.
"""

import numpy as np
from costs import least
from sampling import descriptors

from fishervec import FisherVector

ROWS = 50_000
#: What is asked for: the number of scores, and what each share is divided by.
CASES = ((1, None), (3, None), (1, "component"), (1, "block"), (1, "dimension"))


def main():
    x = descriptors()[0][:ROWS]
    encoder = FisherVector(64, random_state=0, n_jobs=1).fit([x])
    (vector,) = encoder.transform([x])
    encoding = least(lambda: encoder.transform([x]))
    coef = np.random.default_rng(0).normal(size=(3, len(vector)))
    print("| scores | by | encodings |\n|---|---|---|")
    for n, by in CASES:
        asked = coef[0] if n == 1 else coef[:n]
        (shares,) = encoder.contributions([x], asked, by=by)
        sums = shares.reshape(len(x), n, -1).sum(axis=(0, 2))
        np.testing.assert_allclose(sums, coef[:n] @ vector, atol=1e-5)
        time = least(lambda asked=asked, by=by: encoder.contributions([x], asked, by=by))
        print(f"| {n} | {by or 'nothing'} | {time / encoding:.1f} |", flush=True)


if __name__ == "__main__":
    main()
