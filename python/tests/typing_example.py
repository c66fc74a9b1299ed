"""What a user writes, for mypy --strict: test_typing.py checks and runs it.

`assert_type` says what mypy should find. Under --strict a `type: ignore` that nothing needs is an error too, so each
marks a mistake that mypy must find.
"""

import os
import tempfile
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from fishervec import (
    DescriptorPCA,
    FisherVector,
    GaussianMixture,
    Pooling,
    Statistics,
    fisher_vector,
    gist,
    load,
    skimage,
)

Floats = NDArray[np.floating[Any]]

rng = np.random.default_rng(0)
sets: list[NDArray[np.float64]] = [rng.normal(size=(100, 3)) for _ in range(4)]
rows = np.concatenate(sets)
offsets = np.arange(5, dtype=np.int64) * 100

# Encoders, and every form of sets.
encoder = FisherVector(n_components=2, random_state=0).fit(sets)
assert_type(encoder, FisherVector)
assert_type(encoder.transform(sets), Floats)
assert_type(FisherVector(n_components=2, random_state=rng, pca=2).fit(sets).transform(sets), Floats)
assert_type(Pooling(position_columns=1, power=None, norm=None).fit_transform(sets), Floats)
assert_type(Pooling().fit_transform(sets, weights=[np.ones(100)] * 4), Floats)
spatial = FisherVector(2, spatial=1, missing="empty", padding="nan", random_state=0)
positions = [rng.uniform(size=(100, 2)) for _ in sets]
assert_type(spatial.fit(sets, positions=positions).transform(X=sets, positions=positions), Floats)
encoder.transform((rows, offsets))
encoder.transform(rows.reshape(4, 100, 3))
encoder.transform(x for x in sets)
assert_type(encoder.n_features_out_, int)
assert_type(encoder.n_features_in_, int)
assert_type(encoder.mixture_, GaussianMixture)
assert_type(encoder.pca_, DescriptorPCA | None)

# Statistics.
statistics = encoder.statistics(sets)
assert_type(statistics, list[Statistics])
assert_type(encoder.transform(statistics), Floats)
assert_type(FisherVector(mixture=encoder.mixture_).fit_transform(statistics), Floats)
assert_type(statistics[0] + 2 * statistics[1], Statistics)
assert_type(statistics[0].s1(encoder.mixture_), NDArray[np.float64])
assert_type(statistics[0].softness, float | None)

# The mixture and the function.
gmm = GaussianMixture(n_components=2, random_state=0, tol=1e-2).fit(rows)
assert_type(gmm, GaussianMixture)
assert_type(gmm.means_, NDArray[np.float64])
assert_type(gmm.predict(rows), NDArray[np.int64])
assert_type(gmm.score(rows), float)
assert_type(GaussianMixture.from_sklearn(gmm.to_sklearn()), GaussianMixture)
assert_type(fisher_vector(rows, gmm, convention="gist"), Floats)

# The functions of other libraries.
assert_type(gist.fisher_vector(rows, gmm), Floats)
assert_type(skimage.fisher_vector(rows, gmm, improved=True, alpha=0.3), Floats)
assert skimage.learn_gmm(sets, n_modes=2, gm_args={"random_state": 0}).converged_

# Projections: sets are returned in the form in which they were given.
pca = DescriptorPCA(n_components=2).fit(sets)
assert_type(pca.transform(sets), list[Floats])
assert_type(pca.transform((rows, offsets)), tuple[Floats, NDArray[np.int64]])
assert_type(pca.components_, NDArray[np.float64])

# Files: the file alone decides which class is loaded.
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "model.safetensors")
    encoder.save(path)
    again: FisherVector = load(path)
assert np.array_equal(again.transform(sets), encoder.transform(sets))


def mistakes() -> None:
    """Never called; each line is wrong."""
    FisherVector(n_components="64")  # type: ignore[arg-type]
    FisherVector(64, "mixture")  # type: ignore[call-arg]
    FisherVector(64, improved=True)  # type: ignore[call-arg]
    fisher_vector(rows, gmm, improved=True)  # type: ignore[call-arg]
    gist.fisher_vector(rows, gmm, "gist")  # type: ignore[call-arg]
    skimage.fisher_vector(rows, gmm, True)  # type: ignore[call-arg]
    encoder.fit(3)  # type: ignore[arg-type]
    Pooling(norm=2)  # type: ignore[arg-type]
    Pooling(position_columns=None)  # type: ignore[arg-type]
    Pooling(missing=None)  # type: ignore[arg-type]
    encoder.fit(sets=sets)  # type: ignore[call-arg]
    GaussianMixture(2, tol="small")  # type: ignore[arg-type]
    fisher_vector(rows, gmm, power="half")  # type: ignore[arg-type]
    statistics[0] + 3  # type: ignore[operator]
