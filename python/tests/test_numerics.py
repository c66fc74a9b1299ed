"""What must not change a vector: spikes outside a window, rows of weight 0, rounding noise."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fishervec
from fishervec import BagOfWords, DescriptorPCA, FisherVector, GaussianMixture, Pooling, Vlad


def recording(n=600, d=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + 3.0 * rng.integers(0, 3, size=(n, 1))


# ---- windows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "spike"),
    # In single precision a larger one has no likelihood: an error in each window that holds it.
    [(np.float32, 1e8), (np.float32, -1e15), (np.float64, 1e8), (np.float64, 1e20), (np.float64, -1e140)],
)
@pytest.mark.parametrize("make", [FisherVector, Vlad, BagOfWords])
def test_windows_after_a_spike_are_those_of_their_own_rows(make, dtype, spike):
    x = recording()
    encoder = make(4, power=1, norm=None, random_state=0).fit([x])
    x[100, 2] = spike
    x = x.astype(dtype)
    (windows,) = encoder.transform_windows([x], 50, 20)
    direct = encoder.transform([x[i : i + 50] for i in range(0, 551, 20)])
    scale = np.abs(direct).max(axis=1, keepdims=True)
    assert np.max(np.abs(windows - direct) / scale) < (1e-5 if dtype == np.float32 else 1e-9)


def test_an_error_in_a_window_names_set_and_row():
    clean = recording()
    encoder = FisherVector(4, random_state=0).fit([clean])
    for value, message in [(np.nan, "set 1: row 137, column 2 is NaN"), (1e300, "set 1: row 137 is too far")]:
        bad = clean.copy()
        bad[137, 2] = value
        with pytest.raises(ValueError, match=message):
            encoder.transform_windows([clean, bad], 40, 20)
        with pytest.raises(ValueError, match=message):
            encoder.transform([clean, bad])
        with pytest.raises(ValueError, match=message.replace("set 1", "set 301")):
            encoder.transform(iter([clean[:3]] * 301 + [bad]))


@pytest.mark.parametrize("sample", [790, 1000])
def test_an_error_in_a_fit_to_a_sample_names_set_and_row(sample):
    sets = [recording(200, seed=i).astype(np.float32) for i in range(4)]
    sets[2][17, 1] = 1e30
    given = {"means_init": np.zeros((2, 4)), "weights_init": [0.5, 0.5], "precisions_init": np.ones((2, 4))}
    start = GaussianMixture(2, **given, random_state=0)
    named = 0
    for seed in range(6):
        encoder = FisherVector(mixture=start, sample=sample, random_state=seed)
        try:
            encoder.fit(sets)
        except ValueError as error:
            assert str(error).startswith("set 2: row 17 is too far from every component"), error
            named += 1
    assert named >= 3, "the row is in most samples"
    with pytest.raises(ValueError, match=r"^row 17 is too far from every component"):
        start.fit(sets[2])


# ---- weights ---------------------------------------------------------------------------------------------

GARBAGE = [np.nan, np.inf, -999.0, 1e30]


def padded(garbage):
    """A cube (n_series, longest, d), its weights, and the series without padding."""
    series = [recording(n, seed=n) for n in (60, 150, 90, 10)]
    cube = np.full((4, 150, 4), garbage)
    weights = np.zeros((4, 150))
    for i, x in enumerate(series):
        cube[i, : len(x)] = x
        weights[i, : len(x)] = 1
    return cube, weights, series


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize(
    "encoder",
    [
        FisherVector(3, random_state=0),
        FisherVector(3, norm="intra+l2", rows="l2", pca=3, random_state=0),
        FisherVector(3, information="empirical-centred", random_state=0),
        FisherVector(3, position_columns=1, pyramid="1,2", random_state=0),
        FisherVector(3, position_columns=1, spatial=2, random_state=0),
        Vlad(3, random_state=0),
        Vlad(3, residual=True, random_state=0),
        Vlad(3, assignment="soft", random_state=0),
        BagOfWords(3, random_state=0),
        Pooling(),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_padding_of_weight_zero_is_never_looked_at(encoder, garbage):
    cube, weights, series = padded(garbage)
    got = encoder.fit_transform(cube, weights=weights)
    expected = encoder.fit_transform(series)
    assert_allclose(got, expected, atol=1e-6)
    if not isinstance(encoder, Pooling) and getattr(encoder, "pyramid", None) is None:
        for windows, x in zip(encoder.transform_windows(cube, 30, 15, weights=weights), series, strict=True):
            if len(x) >= 30:
                direct = encoder.transform([x[:30]])
                assert_allclose(windows[0], direct[0], atol=1e-6)
    with pytest.raises(ValueError, match="row"):
        encoder.transform(np.full((1, 5, 4), np.nan), weights=np.ones((1, 5)))


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random_from_data"])
def test_a_mixture_is_fitted_to_the_rows_of_positive_weight(garbage, init_params):
    cube, weights, series = padded(garbage)
    rows, kept = cube.reshape(-1, 4), np.concatenate(series)
    mixture = GaussianMixture(3, init_params=init_params, max_iter=30, tol=1e-4, random_state=0)
    expected = mixture.fit(kept).means_
    got = mixture.fit(rows, sample_weight=weights.reshape(-1)).means_
    assert_allclose(got, expected, atol=1e-6)
    statistics = mixture.statistics(cube, weights=weights)
    assert_allclose([one.n for one in statistics], [len(x) for x in series])
    pca = DescriptorPCA(2).fit(cube, weights=weights)
    assert_allclose(pca.mean_, kept.mean(axis=0))


def test_a_given_start_and_scores_of_padded_rows():
    cube, weights, _ = padded(np.nan)
    rows = cube.reshape(-1, 4)
    mixture = GaussianMixture(2, means_init=np.repeat([[0.0], [6.0]], 4, axis=1), random_state=0)
    mixture.fit(rows, sample_weight=weights.reshape(-1))
    assert np.isfinite(mixture.means_).all()
    with pytest.raises(ValueError, match="row 60, column 0 is NaN"):
        mixture.score_samples(rows)
    with pytest.raises(ValueError, match="row 60, column 0 is NaN"):
        mixture.fit(rows, sample_weight=np.ones(len(rows)))


def test_if_all_weights_are_zero_the_vector_is_zero_and_a_fit_has_too_few_rows():
    x = recording(300)
    encoder = FisherVector(3, random_state=0).fit([x])
    nothing = np.full((2, 5, 4), np.nan)
    assert_array_equal(encoder.transform(nothing, weights=np.zeros((2, 5))), np.zeros((2, encoder.n_features_out_)))
    with pytest.raises(ValueError, match="too few rows"):
        FisherVector(3).fit(nothing, weights=np.zeros((2, 5)))


def test_a_wrong_weight_of_a_row_is_named_without_a_set():
    with pytest.raises(ValueError, match=r"^the weight of row 3 is -1"):
        GaussianMixture(2).fit(recording(50), sample_weight=[1, 1, 1, -1] + [1] * 46)
    with pytest.raises(ValueError, match=r"^set 1: the weight of row 3 is -1"):
        FisherVector(2).fit([recording(5)] * 2, weights=[[1] * 5, [1, 1, 1, -1, 1]])


# ---- rounding noise --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm", ["l2", "intra+l2"])
def test_one_component_on_its_own_training_set_is_zero(norm, dtype):
    x = recording(900, 6).astype(dtype)
    assert_array_equal(Vlad(1, norm=norm, random_state=0).fit_transform([x]), np.zeros((1, 6)))
    fisher = FisherVector(1, gradients="m", norm=norm, random_state=0).fit([x])
    assert_array_equal(fisher.transform([x]), np.zeros((1, 6)))
    assert_allclose(np.linalg.norm(fisher.transform([x[:100]])), 1, rtol=1e-6)
    mean, variance = x.mean(axis=0, dtype=np.float64), x.var(axis=0, dtype=np.float64)
    own = fishervec.GaussianMixture(1)
    own.weights_, own.means_, own.covariances_ = np.ones(1), mean[None], variance[None]
    assert_array_equal(FisherVector(mixture=own, norm=norm).fit_transform([x]), np.zeros((1, 13)))


@pytest.mark.parametrize("n_components", [16, 64])
@pytest.mark.parametrize("convention", ["sanchez", "vlfeat"])
def test_single_and_double_precision_agree_over_components_nobody_visited(convention, n_components):
    digits = pytest.importorskip("sklearn.datasets").load_digits().images
    patches = np.lib.stride_tricks.sliding_window_view(digits, (4, 4), axis=(1, 2)).reshape(-1, 25, 16)
    encoders = [
        FisherVector(n_components, convention=convention, norm="intra+l2", random_state=0),
        Vlad(n_components, assignment="soft", random_state=0),
    ]
    for encoder in encoders:
        encoder.fit(patches[:600])
        double = encoder.transform(patches[600:])
        single = encoder.transform(patches[600:].astype(np.float32))
        cosine = np.sum(double * single, axis=1) / np.linalg.norm(double, axis=1) / np.linalg.norm(single, axis=1)
        assert cosine.min() > 0.9999
