"""Where descriptors are: spatial Fisher vectors and spatial pyramids, as a user of Python meets them."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture as Sklearn

import fishervec
from fishervec import BagOfWords, FisherVector, GaussianMixture, ImageEncoder, Vlad

pytestmark = pytest.mark.filterwarnings("ignore:.*(descriptors a component|empirical information)")


@pytest.fixture
def placed():
    """Sets of 3 columns and a place of 2, which depends on them."""
    rng = np.random.default_rng(0)
    sets = [rng.normal(size=(n, 3)) for n in (200, 300, 0, 250)]
    return [np.hstack([x, 0.2 * np.tanh(x[:, :2]) + rng.uniform(-0.25, 0.25, (len(x), 2))]) for x in sets]


def posteriors(mixture, x):
    logs = np.log(mixture.weights_) - 0.5 * (
        np.log(2 * np.pi * mixture.covariances_) + (x[:, None] - mixture.means_) ** 2 / mixture.covariances_
    ).sum(-1)
    q = np.exp(logs - logs.max(1, keepdims=True))
    return q / q.sum(1, keepdims=True)


@pytest.mark.parametrize("c", [1, 2])
def test_the_place_of_each_component_by_numpy(placed, c):
    encoder = FisherVector(4, carry=2, spatial=c, power=1.0, norm=None, random_state=0).fit(placed)
    plain = FisherVector(mixture=encoder.mixture_, power=1.0, norm=None).fit([x[:, :3] for x in placed])
    got = encoder.transform(placed)
    assert_allclose(got[:, :28], plain.transform([x[:, :3] for x in placed]), atol=1e-12)
    w, place = encoder.mixture_.weights_, encoder.location_
    for x, vector in zip(placed, got, strict=True):
        if not len(x):
            assert not vector.any()
            continue
        q, r = posteriors(encoder.mixture_, x[:, :3]), posteriors(place, x[:, 3:])
        u = (x[:, None, 3:] - place.means_) / np.sqrt(place.covariances_)
        scale = np.sqrt(w[:, None] * place.weights_)
        shares = np.einsum("nk,nc->kc", q, r - place.weights_) / len(x) / scale
        means = np.einsum("nk,nc,ncl->kcl", q, r, u) / len(x) / scale[..., None]
        spreads = np.einsum("nk,nc,ncl->kcl", q, r, u**2 - 1) / len(x) / scale[..., None] / np.sqrt(2)
        expected = [block.ravel() for block in (shares, means, spreads)][0 if c > 1 else 1 :]
        assert_allclose(vector[28:], np.concatenate(expected), atol=1e-10)
    assert len(encoder.get_feature_names_out()) == encoder.n_features_out_ == got.shape[1]
    assert encoder.get_feature_names_out(list("abcxy"))[-1] == f"place_variance_3_{c - 1}_y"


@pytest.mark.parametrize(
    "encoder",
    [
        FisherVector(3, random_state=0),
        FisherVector(3, spatial=2, random_state=0),
        FisherVector(3, pca=2, information="empirical", random_state=0),
        BagOfWords(3, spatial=1, random_state=0),
        BagOfWords(3, spatial=2, assignment="soft", information="empirical-centred", random_state=0),
        Vlad(3, random_state=0),
    ],
)
def test_a_pyramid_is_a_vector_a_cell(placed, encoder):
    encoder = clone(encoder).set_params(carry=2, pyramid="1x1,1x2")
    got = encoder.fit_transform(placed)
    names = encoder.get_feature_names_out()
    p = len(names) // 3
    assert names[0] == "cell_0_" + names[2 * p].removeprefix("cell_2_")
    # The whole and its halves, as an encoder of the same parts without a pyramid sees them.
    whole = pickle.loads(pickle.dumps(encoder))
    low, high = (function(np.concatenate(placed)[:, 4]) for function in (np.min, np.max))
    lower = [x[:, 4] < (low + high) / 2 for x in placed]
    for cell, parts in enumerate([placed, [x[m] for x, m in zip(placed, lower, strict=True)]]):
        # Cell 0 of a set that is within the lower half is that half.
        assert_allclose(whole.transform(parts)[:, :p], got[:, cell * p : (cell + 1) * p], atol=1e-9)
    assert encoder.n_features_out_ == 3 * p


def test_a_fitted_model_of_the_place_is_used_as_it_is(placed, tmp_path):
    uniform = GaussianMixture(1)
    uniform.weights_, uniform.means_, uniform.covariances_ = np.ones(1), np.zeros((1, 2)), np.full((1, 2), 1 / 12)
    encoder = FisherVector(3, carry=2, spatial=uniform, random_state=0).fit(placed)
    assert_array_equal(encoder.location_.covariances_, uniform.covariances_)
    other = Sklearn(1, covariance_type="diag").fit(np.concatenate(placed)[:, 3:])
    assert_allclose(FisherVector(3, carry=2, spatial=other, random_state=0).fit(placed).location_.means_, other.means_)
    vectors = encoder.transform(placed)
    # Statistics know the place, too: those of the mixture of descriptors at locations.
    statistics = encoder.statistics(placed)
    assert_allclose(encoder.transform(statistics), vectors, atol=1e-12)
    again = FisherVector(mixture=encoder.mixture_, carry=2, spatial=uniform).fit(statistics)
    assert_allclose(again.transform(statistics), vectors, atol=1e-12)
    assert_allclose(again.transform(placed), vectors, atol=1e-12)
    projected = FisherVector(3, pca=2, carry=2, spatial=uniform, random_state=0).fit(placed)
    params = {"mixture": projected.mixture_, "pca": projected.pca_, "carry": 2}
    again = FisherVector(**params, spatial=uniform).fit(projected.statistics(placed))
    assert_allclose(again.transform(placed), projected.transform(placed), atol=1e-12)
    encoder.save(tmp_path / "model.safetensors")
    loaded = fishervec.load(tmp_path / "model.safetensors")
    assert_array_equal(loaded.transform(placed), vectors)
    assert_array_equal(loaded.spatial.covariances_, uniform.covariances_)
    kept = clone(encoder.set_params(spatial=FrozenEstimator(uniform))).fit(placed)
    assert_array_equal(kept.location_.covariances_, uniform.covariances_)


@pytest.mark.parametrize(
    ("encoder", "error", "message"),
    [
        (FisherVector(3, spatial=1), ValueError, "spatial: expected 1 carried columns .carry., got 0"),
        (FisherVector(3, spatial=0, carry=2), ValueError, "spatial: expected an integer of at least 1"),
        (FisherVector(3, spatial="x", carry=2), TypeError, "spatial: expected an integer"),
        (FisherVector(3, pyramid="2x2x2", carry=2), ValueError, "pyramid: expected 3 carried columns .carry., got 2"),
        (FisherVector(3, pyramid="2x", carry=2), ValueError, "pyramid: expected grids such as 1x1,2x2"),
        (FisherVector(3, pyramid=[2, 2], carry=2), TypeError, "pyramid: expected a string"),
        (Vlad(3, pyramid="1", carry=2), ValueError, "pyramid: expected 1 carried columns"),
        (BagOfWords(3, information="full"), ValueError, "information: expected one of none"),
    ],
)
def test_what_does_not_fit_is_named(placed, encoder, error, message):
    with pytest.raises(error, match=message):
        encoder.fit(placed)


def test_a_pyramid_has_no_statistics_and_no_windows(placed):
    encoder = FisherVector(3, carry=2, pyramid="1x1,2x2", random_state=0).fit(placed)
    with pytest.raises(ValueError, match="pyramid: expected none for statistics"):
        encoder.statistics(placed)
    with pytest.raises(ValueError, match="pyramid: expected none for windows"):
        encoder.transform_windows(placed, 10)
    statistics = FisherVector(mixture=encoder.mixture_).fit([x[:, :3] for x in placed]).statistics([placed[0][:, :3]])
    for params in ({"spatial": 1}, {"pyramid": "1x1"}):
        with pytest.raises(ValueError, match="sets: expected descriptors, which have a place, got statistics"):
            FisherVector(mixture=encoder.mixture_, carry=2, **params).fit(statistics)


@pytest.mark.parametrize("params", [{"spatial": 1}, {"pyramid": "1x1,2x2"}, {"spatial": 2, "pyramid": "1x3"}])
def test_images_say_where_their_descriptors_are(params, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 40, 50), dtype=np.uint8)
    encoder = ImageEncoder(FisherVector(3, pca=4, random_state=0, **params), bins=[4], step=4).fit(images)
    vectors = encoder.transform(images)
    per_cell = 3 * (1 + 2 * 4) + (
        3 * 4 * params["spatial"] + 3 * params["spatial"] * (params["spatial"] > 1) if "spatial" in params else 0
    )
    assert vectors.shape == (5, {"1x1,2x2": 5, "1x3": 3}.get(params.get("pyramid"), 1) * per_cell)
    encoder.save(tmp_path / "model.safetensors")
    assert_array_equal(fishervec.load(tmp_path / "model.safetensors").transform(images), vectors)
    assert len(encoder.get_feature_names_out()) == vectors.shape[1]
