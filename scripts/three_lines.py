"""The three lines that a wheel has to run wherever it was installed: what they print is compared between machines."""

import numpy as np

from fishervec import FisherVector

sets = [np.random.default_rng(i).normal(size=(40 + i, 3)) for i in range(8)]
vectors = FisherVector(4, random_state=0).fit_transform(sets)
print(vectors.shape, vectors[:, :4].round(5).tolist())
