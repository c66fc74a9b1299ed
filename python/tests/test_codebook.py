"""VLAD and the bag of words against their definitions, and against the command."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture as Sklearn

import fishervec
from fishervec import H2T, BagOfWords, FisherVector, GaussianMixture, Vlad

COMMAND = Path(sys.executable).with_name("fishervec")
pytestmark = pytest.mark.filterwarnings("ignore:.*descriptors per component")
PLAIN = {"power": 1.0, "norm": None}


@pytest.fixture(scope="module")
def kmeans(sets):
    return KMeans(4, n_init=1, random_state=0).fit(np.concatenate(sets))


def test_vlad_is_the_sum_of_residuals(sets, kmeans):
    vectors = Vlad(codebook=kmeans, **PLAIN).fit(sets).transform(sets)
    units = Vlad(codebook=kmeans.cluster_centers_, residual=True, **PLAIN).fit_transform(sets)
    means = Vlad(codebook=kmeans, mass=True, **PLAIN).fit_transform(sets)
    for x, vector, unit, mean in zip(sets, vectors, units, means, strict=True):
        labels = kmeans.predict(x) if len(x) else np.empty(0, int)
        residuals = x - kmeans.cluster_centers_[labels]
        for k in range(4):
            own = residuals[labels == k]
            np.testing.assert_allclose(vector.reshape(4, -1)[k], own.sum(axis=0), atol=1e-10)
            norms = np.linalg.norm(own, axis=1, keepdims=True)
            np.testing.assert_allclose(unit.reshape(4, -1)[k], (own / norms).sum(axis=0), atol=1e-8)
            np.testing.assert_allclose(mean.reshape(4, -1)[k], own.sum(axis=0) / max(len(own), 1), atol=1e-10)


def test_a_bag_of_words_is_the_share_of_each_centre(sets, kmeans):
    vectors = BagOfWords(codebook=kmeans, **PLAIN).fit_transform(sets)
    for x, vector in zip(sets, vectors, strict=True):
        counts = np.bincount(kmeans.predict(x), minlength=4) if len(x) else np.zeros(4)
        np.testing.assert_allclose(vector, counts / max(len(x), 1), atol=1e-12)


@pytest.mark.parametrize("mixture", [GaussianMixture, Sklearn])
def test_soft_encodings_are_blocks_of_statistics(sets, mixture):
    settings = {"covariance_type": "diag"} if mixture is Sklearn else {}
    fitted = mixture(3, random_state=0, **settings).fit(np.concatenate(sets))
    bag = BagOfWords(codebook=fitted, assignment="soft", threshold=0.0, **PLAIN).fit_transform(sets)
    vlad = Vlad(codebook=fitted, assignment="soft", threshold=0.0, **PLAIN).fit_transform(sets)
    for x, shares, sums in zip(sets, bag, vlad, strict=True):
        q = fitted.predict_proba(x) if len(x) else np.empty((0, 3))
        np.testing.assert_allclose(shares, q.sum(axis=0) / max(len(x), 1), atol=1e-9)
        expected = q.T @ x - q.sum(axis=0)[:, None] * fitted.means_
        np.testing.assert_allclose(sums.reshape(3, -1), expected, atol=1e-7)


def test_vectors_have_norm_one(sets):
    for encoder in (Vlad(3, random_state=0), BagOfWords(3, random_state=0), BagOfWords(3, assignment="soft")):
        vectors = encoder.fit(sets).transform(sets)
        np.testing.assert_allclose(np.linalg.norm(np.delete(vectors, [4, 10], axis=0), axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("options", [[], ["--mass"], ["--residual"], ["--assignment", "soft"]])
@pytest.mark.parametrize("kind", ["vlad", "bow"])
def test_the_command_line_writes_the_same(sets, tmp_path, kind, options):
    if kind == "bow" and options and options[0] != "--assignment":
        pytest.skip("of VLAD alone")
    full = [x for x in sets if len(x)]
    for i, x in enumerate(full):
        np.save(tmp_path / f"{i:02}.npy", x)
    model = tmp_path / "model.safetensors"
    arguments = ["fit", tmp_path, "-o", model, "--encoder", kind, "--components", "3", *options, "--quiet"]
    subprocess.run([COMMAND, *arguments], check=True)
    settings = {"assignment": "soft"} if "soft" in options else {name[2:]: True for name in options}
    ours = {"vlad": Vlad, "bow": BagOfWords}[kind](3, random_state=0, **settings).fit(full)
    theirs = fishervec.load(model)
    assert type(theirs) is type(ours)
    np.testing.assert_array_equal(theirs.transform(full), ours.transform(full))


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"assignment": "fuzzy"}, ValueError, "assignment"),
        ({"codebook": np.zeros(3)}, ValueError, "codebook"),
        ({"codebook": np.zeros((2, 4))}, ValueError, "5"),
        ({"residual": True, "mass": True}, ValueError, "residual"),
        ({"residual": True, "assignment": "soft"}, ValueError, "residual"),
        ({"n_clusters": 0}, ValueError, "n_clusters"),
        ({"mass": 1}, TypeError, "mass"),
    ],
)
def test_settings_are_checked(sets, settings, error, text):
    with pytest.raises(error, match=text):
        Vlad(**{"n_clusters": 3, "random_state": 0} | settings).fit(sets)


def test_images_take_any_encoder():
    images = np.random.default_rng(0).integers(0, 256, (4, 50, 60), dtype=np.uint8)
    encoder = fishervec.ImageEncoder(Vlad(2, pca=4, random_state=0), bins=(4,)).fit(images)
    assert encoder.transform(images).shape == (4, 8)
    assert FisherVector(2).get_params()["n_components"] == 2


@pytest.mark.parametrize(
    "encoder",
    [
        FisherVector(3, pca=3, random_state=0),
        Vlad(3, random_state=0),
        Vlad(3, mass=True, norm="l2", rows="l2", pca=4, random_state=0),
        Vlad(3, residual=True, position_columns=2, pca=2, random_state=0),
        BagOfWords(3, random_state=0),
    ],
)
def test_windows_are_sets(sets, encoder):
    encoder = clone(encoder).fit(sets)
    windows = encoder.transform_windows(sets, 20, 5)
    for x, vectors in zip(sets, windows, strict=True):
        starts = range(0, len(x) - 19, 5) if len(x) >= 20 else [0]
        np.testing.assert_allclose(vectors, encoder.transform([x[i : i + 20] for i in starts]), atol=1e-8)
    assert [len(v) for v in encoder.transform_windows(sets, 30)] == [max(1, len(x) // 30) for x in sets]
    with pytest.raises(ValueError, match="length"):
        encoder.transform_windows(sets, 0)
    with pytest.raises(ValueError, match="pooling"):
        fishervec.Pooling().fit(sets).transform_windows(sets, 5)


def test_a_codebook_that_is_not_fitted_is_an_error_that_says_how_to_keep_a_fit(sets, kmeans):
    with pytest.raises(NotFittedError, match=r"codebook must be fitted centres, got KMeans; .* in a FrozenEstimator"):
        clone(Vlad(codebook=kmeans)).fit(sets)
    kept = clone(Vlad(codebook=FrozenEstimator(kmeans))).fit(sets)
    np.testing.assert_array_equal(kept.cluster_centers_, kmeans.cluster_centers_)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_k_means_is_saved_by_its_centres(sets, kmeans, tmp_path, frozen):
    encoder = BagOfWords(codebook=FrozenEstimator(kmeans) if frozen else kmeans).fit(sets)
    encoder.save(tmp_path / "model.safetensors")
    again = fishervec.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.codebook, kmeans.cluster_centers_)
    np.testing.assert_array_equal(again.fit(sets).transform(sets), encoder.transform(sets))


@pytest.mark.parametrize("cls", [Vlad, BagOfWords])
def test_the_fit_of_a_soft_codebook_warns_like_that_of_a_fisher_vector(sets, cls):
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        cls(codebook=GaussianMixture(3, max_iter=1, tol=0.0, random_state=0), assignment="soft").fit(sets)
    with pytest.warns(UserWarning, match="descriptors per component"):
        cls(20, assignment="soft", random_state=0).fit(sets)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_h2t_is_the_mean_at_each_prototype(sets, dtype):
    """The definition of Vu et al. 2023, one prototype at a time; with rows of norm 1 as PANTHER computes it."""
    prototypes = np.concatenate(sets)[::7][:5].astype(np.float64)
    prototypes /= np.linalg.norm(prototypes, axis=1, keepdims=True)
    sets = [np.asarray(one, dtype) for one in sets] + [np.empty((0, prototypes.shape[1]), dtype)]
    vectors = H2T(codebook=prototypes, rows="l2").fit_transform(sets)
    assert vectors.dtype == dtype
    for vector, one in zip(vectors, sets, strict=True):
        unit = one.astype(np.float64)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        nearest = ((unit[:, None] - prototypes) ** 2).sum(-1).argmin(1)
        members = [unit[nearest == k] for k in range(len(prototypes))]
        expected = [rows.mean(0) if len(rows) else np.zeros(unit.shape[1]) for rows in members]
        np.testing.assert_allclose(
            vector, np.concatenate(expected), rtol=0, atol=1e-6 if dtype == np.float32 else 1e-12
        )
    assert not vectors[-1].any()


def test_the_counts_of_h2t_are_a_bag_of_words(sets):
    """Its documented settings give the share of each prototype, as one vector of norm 1."""
    h2t = H2T(4, random_state=0).fit(sets)
    words = BagOfWords(codebook=h2t.cluster_centers_, assignment="hard", power=1, norm="l2").fit_transform(sets)
    for vector, counts in zip(h2t.transform(sets), words, strict=True):
        np.testing.assert_array_equal(counts > 0, vector.reshape(4, -1).any(1))
        np.testing.assert_allclose(np.linalg.norm(counts), float(counts.any()), rtol=1e-6)
    assert words.any()
