"""VLAD and the bag of words, against their definitions; their files and those of the command line."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture as Sklearn

import fishervec
from fishervec import BagOfWords, FisherVector, GaussianMixture, Vlad

COMMAND = Path(sys.executable).with_name("fishervec")
pytestmark = pytest.mark.filterwarnings("ignore:.*descriptors a component")
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


def test_the_bag_of_words_is_the_shares(sets, kmeans):
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


ENCODERS = {
    "vlad": Vlad(3, random_state=0),
    "mass": Vlad(3, mass=True, norm="l2", rows="l2", pca=4, random_state=0),
    "residual": Vlad(3, residual=True, carry=2, pca=2, random_state=0),
    "soft": Vlad(3, assignment="soft", random_state=0),
    "bow": BagOfWords(3, random_state=0),
    "soft bow": BagOfWords(3, assignment="soft", threshold=0.01, random_state=0),
}


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS.keys())
def test_an_encoder_comes_back(sets, tmp_path, encoder):
    encoder = clone(encoder).fit(sets)
    vectors = encoder.transform(sets)
    assert vectors.shape == (len(sets), encoder.n_features_out_) == (len(sets), len(encoder.get_feature_names_out()))
    assert np.isfinite(vectors).all() and not vectors[4].any()
    np.testing.assert_allclose(np.linalg.norm(np.delete(vectors, [4, 10], axis=0), axis=1), 1, atol=1e-9)
    encoder.save(tmp_path / "model.safetensors")
    again = fishervec.load(tmp_path / "model.safetensors")
    assert repr(again) == repr(encoder)
    for other in (again, pickle.loads(pickle.dumps(encoder)), clone(encoder).set_params(n_jobs=2).fit(sets)):
        np.testing.assert_array_equal(other.transform(sets), vectors)
        np.testing.assert_array_equal(other.cluster_centers_, encoder.cluster_centers_)


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
        ({"codebook": np.zeros((2, 4))}, ValueError, "expected 5"),
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


@pytest.mark.parametrize("encoder", [FisherVector(3, pca=3, random_state=0), *list(ENCODERS.values())[:3]])
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
