"""Position columns: spatial Fisher vectors and spatial pyramids."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture as Sklearn

import fishervec
from fishervec import BagOfWords, FisherVector, GaussianMixture, ImageEncoder, Vlad

pytestmark = pytest.mark.filterwarnings("ignore:.*(descriptors per component|empirical information)")


@pytest.fixture
def located():
    """Sets with 3 columns of descriptors and 2 position columns, which depend on them."""
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
def test_a_spatial_fisher_vector_against_numpy(located, c):
    encoder = FisherVector(4, position_columns=2, spatial=c, power=1.0, norm=None, random_state=0).fit(located)
    plain = FisherVector(mixture=encoder.mixture_, power=1.0, norm=None).fit([x[:, :3] for x in located])
    got = encoder.transform(located)
    assert_allclose(got[:, :28], plain.transform([x[:, :3] for x in located]), atol=1e-12)
    w, location = encoder.mixture_.weights_, encoder.location_
    for x, vector in zip(located, got, strict=True):
        if not len(x):
            assert not vector.any()
            continue
        q, r = posteriors(encoder.mixture_, x[:, :3]), posteriors(location, x[:, 3:])
        u = (x[:, None, 3:] - location.means_) / np.sqrt(location.covariances_)
        scale = np.sqrt(w[:, None] * location.weights_)
        shares = np.einsum("nk,nc->kc", q, r - location.weights_) / len(x) / scale
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
def test_a_pyramid_is_one_vector_per_cell(located, encoder):
    encoder = clone(encoder).set_params(position_columns=2, pyramid="1x1,1x2")
    got = encoder.fit_transform(located)
    names = encoder.get_feature_names_out()
    p = len(names) // 3
    assert names[0] == "cell_0_" + names[2 * p].removeprefix("cell_2_")
    # The whole and its halves, as the same encoder without a pyramid encodes them.
    whole = pickle.loads(pickle.dumps(encoder))
    low, high = (function(np.concatenate(located)[:, 4]) for function in (np.min, np.max))
    lower = [x[:, 4] < (low + high) / 2 for x in located]
    for cell, parts in enumerate([located, [x[m] for x, m in zip(located, lower, strict=True)]]):
        # Cell 0 of a set within the lower half is that half.
        assert_allclose(whole.transform(parts)[:, :p], got[:, cell * p : (cell + 1) * p], atol=1e-9)
    assert encoder.n_features_out_ == 3 * p


def test_a_fitted_location_model_is_used_as_it_is(located, tmp_path):
    uniform = GaussianMixture(1)
    uniform.weights_, uniform.means_, uniform.covariances_ = np.ones(1), np.zeros((1, 2)), np.full((1, 2), 1 / 12)
    encoder = FisherVector(3, position_columns=2, spatial=uniform, random_state=0).fit(located)
    assert_array_equal(encoder.location_.covariances_, uniform.covariances_)
    other = Sklearn(1, covariance_type="diag").fit(np.concatenate(located)[:, 3:])
    assert_allclose(
        FisherVector(3, position_columns=2, spatial=other, random_state=0).fit(located).location_.means_, other.means_
    )
    vectors = encoder.transform(located)
    # These statistics include positions: they are those of the joint mixture.
    statistics = encoder.statistics(located)
    assert_allclose(encoder.transform(statistics), vectors, atol=1e-12)
    again = FisherVector(mixture=encoder.mixture_, position_columns=2, spatial=uniform).fit(statistics)
    assert_allclose(again.transform(statistics), vectors, atol=1e-12)
    assert_allclose(again.transform(located), vectors, atol=1e-12)
    projected = FisherVector(3, pca=2, position_columns=2, spatial=uniform, random_state=0).fit(located)
    params = {"mixture": projected.mixture_, "pca": projected.pca_, "position_columns": 2}
    again = FisherVector(**params, spatial=uniform).fit(projected.statistics(located))
    assert_allclose(again.transform(located), projected.transform(located), atol=1e-12)
    encoder.save(tmp_path / "model.safetensors")
    loaded = fishervec.load(tmp_path / "model.safetensors")
    assert_array_equal(loaded.transform(located), vectors)
    assert_array_equal(loaded.spatial.covariances_, uniform.covariances_)
    kept = clone(encoder.set_params(spatial=FrozenEstimator(uniform))).fit(located)
    assert_array_equal(kept.location_.covariances_, uniform.covariances_)


@pytest.mark.parametrize(
    ("encoder", "error", "message"),
    [
        (FisherVector(3, spatial=1), ValueError, "spatial.* 1 .*columns.*got 0"),
        (FisherVector(3, spatial=0, position_columns=2), ValueError, "spatial must be an integer of at least 1"),
        (FisherVector(3, spatial="x", position_columns=2), TypeError, "spatial must be an integer"),
        (FisherVector(3, pyramid="2x2x2", position_columns=2), ValueError, "pyramid.* 3 .*columns.*got 2"),
        (FisherVector(3, pyramid="2x", position_columns=2), ValueError, "pyramid.* grids such as 1x1,2x2"),
        (FisherVector(3, pyramid=[2, 2], position_columns=2), TypeError, "pyramid must be a string"),
        (Vlad(3, pyramid="1", position_columns=2), ValueError, "pyramid.* 1 .*columns"),
        (BagOfWords(3, information="full"), ValueError, "information.* one of none"),
    ],
)
def test_an_invalid_layout_is_named(located, encoder, error, message):
    with pytest.raises(error, match=message):
        encoder.fit(located)


def test_a_pyramid_has_no_statistics_and_no_windows(located):
    encoder = FisherVector(3, position_columns=2, pyramid="1x1,2x2", random_state=0).fit(located)
    with pytest.raises(ValueError, match=r"pyramid.* none for statistics"):
        encoder.statistics(located)
    with pytest.raises(ValueError, match=r"pyramid.* none for windows"):
        encoder.transform_windows(located, 10)
    statistics = FisherVector(mixture=encoder.mixture_).fit([x[:, :3] for x in located]).statistics([located[0][:, :3]])
    for params in ({"spatial": 1}, {"pyramid": "1x1"}):
        with pytest.raises(
            ValueError, match=f"sets must be descriptors to fit {next(iter(params))} to, got statistics"
        ):
            FisherVector(mixture=encoder.mixture_, position_columns=2, **params).fit(statistics)


@pytest.mark.parametrize("params", [{"spatial": 1}, {"pyramid": "1x1,2x2"}, {"spatial": 2, "pyramid": "1x3"}])
def test_image_descriptors_have_their_positions(params, tmp_path):
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
