"""Frames have names of columns and an index: an order that can be meant two ways is an error, as in scikit-learn."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

import cases
import fishervec
from fishervec import DescriptorPCA, FisherVector, GaussianMixture, Vlad

pytestmark = pytest.mark.filterwarnings("ignore:only .*(descriptors per component|empirical information)")

NAMES = list("edcba")
SHUFFLED = list("ecdba")
ENCODERS = cases.instances(cases.kinds("encoder"))
TAKE_SETS = cases.instances(cases.kinds("encoder", "projection"))
ORDER = (
    "The feature names should match those that were passed during fit.\n"
    "Feature names must be in the same order as they were in fit."
)
FRAMES = {
    "pandas": lambda x, names: pd.DataFrame(x, columns=names),
    "polars": lambda x, names: pl.DataFrame(x, schema=names),
    "pyarrow": lambda x, names: pa.table({name: x[:, i] for i, name in enumerate(names)}),
}


@pytest.fixture(params=FRAMES.values(), ids=FRAMES.keys())
def frame(request):
    return request.param


def frames_of(sets, names=NAMES, frame=FRAMES["pandas"]):
    return [frame(x, names) for x in sets]


def shuffled(frames):
    return [one[SHUFFLED] for one in frames]


def parametrize(instances):
    return pytest.mark.parametrize("estimator", [pytest.param(one, id=name) for name, one in instances.items()])


@parametrize(TAKE_SETS)
def test_shuffled_columns_are_an_error_that_names_the_set_in_every_method(estimator, sets):
    fitted, frames = clone(estimator).fit(frames_of(sets)), frames_of(sets)
    assert fitted.feature_names_in_.tolist() == NAMES
    assert_array_equal(cases.output_of(fitted, frames), cases.output_of(clone(estimator).fit(sets), sets))
    spoiled = [*frames[:2], frames[2][SHUFFLED], *frames[3:]]
    calls = [fitted.transform]
    if hasattr(fitted, "statistics"):
        calls += [fitted.statistics, lambda X: fitted.transform_windows(X, 10)]
    for call in calls:
        try:
            call(frames)
        except (TypeError, ValueError):
            continue  # No statistics, or no windows, whatever the names are.
        with pytest.raises(ValueError, match="^set 2: " + ORDER):
            call(spoiled)
    for call in (clone(estimator).fit, clone(estimator).fit_transform):
        with pytest.raises(ValueError, match=r"^set 2: The feature names should match those of set 0.\n.* as in set 0"):
            call(spoiled)


def test_frames_of_every_library_are_compared(frame, sets):
    encoder = FisherVector(3, random_state=0).fit(frames_of(sets, NAMES, frame))
    expected = FisherVector(3, random_state=0).fit(sets).transform(sets)
    for other in FRAMES.values():
        assert_array_equal(encoder.transform(frames_of(sets, NAMES, other)), expected)
    with pytest.raises(ValueError, match="^set 0: " + ORDER):
        encoder.transform(frames_of(sets, SHUFFLED, frame))


@pytest.mark.parametrize("names", [list("edcbx"), list("edcb"), [f"n{i}" for i in range(12)], SHUFFLED])
def test_the_words_are_those_of_scikit_learn(names, sets):
    frames = frames_of(sets)
    encoder, scaler = FisherVector(2, random_state=0).fit(frames), StandardScaler().fit(frames[0])
    other = pd.DataFrame(np.zeros((3, len(names))), columns=names)
    with pytest.raises(ValueError, match="feature names") as theirs:
        scaler.transform(other)
    with pytest.raises(ValueError, match=r"^set 0: The feature names") as ours:
        encoder.transform([other])
    assert str(ours.value) == f"set 0: {theirs.value}"


@pytest.mark.parametrize(("fitted_to", "given"), [("frames", "arrays"), ("arrays", "frames")])
def test_names_on_one_side_alone_warn_once_in_the_words_of_scikit_learn(fitted_to, given, sets):
    data = {"arrays": sets * 30, "frames": frames_of(sets) * 30}
    encoder, scaler = FisherVector(2, random_state=0).fit(data[fitted_to]), StandardScaler().fit(data[fitted_to][0])
    with pytest.warns(UserWarning) as theirs:
        scaler.transform(data[given][0])
    expected = str(theirs[0].message).replace("StandardScaler", "FisherVector")
    # An iterator of 360 sets is encoded in two parts, of which the user is not told.
    for X in (data[given], iter(data[given])):
        with warnings.catch_warnings(record=True) as ours:
            warnings.simplefilter("always")
            encoder.transform(X)
        assert [str(warning.message) for warning in ours] == [expected]
        assert ours[0].filename == __file__


def test_an_array_among_frames_warns_and_leaves_the_fit_without_names(sets):
    with pytest.warns(UserWarning, match="set 1 does not have valid feature names, but set 0 has feature names"):
        encoder = FisherVector(2, random_state=0).fit([frames_of(sets)[0], sets[2]])
    assert not hasattr(encoder, "feature_names_in_")


def test_empty_sets_need_no_names(sets):
    frames = frames_of(sets)
    encoder = FisherVector(2, random_state=0).fit([[], *frames, np.empty((0, 5))])
    assert encoder.feature_names_in_.tolist() == NAMES
    assert not encoder.transform([[], np.empty((0, 5))]).any()


def test_the_next_fit_forgets_the_names(sets):
    encoder = FisherVector(2, random_state=0).fit(frames_of(sets))
    assert not hasattr(encoder.fit(sets), "feature_names_in_")
    assert not hasattr(clone(encoder.fit(frames_of(sets))), "feature_names_in_")


def test_names_in_other_containers(sets):
    frames = frames_of(sets)
    encoder = FisherVector(2, random_state=0).fit(frames)
    values, offsets = pd.concat(frames), np.cumsum([0, *map(len, sets)])
    assert_array_equal(encoder.transform((values, offsets)), encoder.transform(frames))
    with pytest.raises(ValueError, match="^values: " + ORDER):
        encoder.transform((values[SHUFFLED], offsets))
    column = pd.Series(shuffled(frames))
    for X in (column, column.to_frame(), column.to_numpy(), tuple(column)):
        with pytest.raises(ValueError, match="^set 0: " + ORDER):
            encoder.transform(X)


def test_an_iterator_counts_sets_from_its_start(sets):
    frames = frames_of(sets)
    encoder = FisherVector(2, random_state=0).fit(frames)
    with pytest.raises(ValueError, match=r"^set 300: The feature names"):
        encoder.transform(frames[0][SHUFFLED] if i == 300 else frames[0] for i in range(400))


def test_a_name_may_occur_twice(sets):
    frames = frames_of(sets, list("aabbc"))
    encoder = FisherVector(2, random_state=0).fit(frames)
    assert_array_equal(encoder.transform(frames), FisherVector(2, random_state=0).fit_transform(sets))
    with pytest.raises(ValueError, match=r"^set 0: " + ORDER):
        encoder.transform(frames_of(sets, list("ababc")))


def test_names_that_are_in_part_strings_are_an_error_that_names_the_set(sets):
    with pytest.raises(TypeError, match=r"^set 0: Feature names are only supported if all input features have string"):
        FisherVector(2).fit([pd.DataFrame(sets[2], columns=["a", "b", 2, 3, 4])])


@parametrize(TAKE_SETS)
def test_copies_and_files_know_the_names(estimator, sets, tmp_path):
    fitted = clone(estimator).fit(frames_of(sets))
    fitted.save(tmp_path / "model.safetensors")
    loaded = fishervec.load(tmp_path / "model.safetensors")
    loaded.save(tmp_path / "again.safetensors")
    for again in (loaded, fishervec.load(tmp_path / "again.safetensors"), pickle.loads(pickle.dumps(fitted))):
        assert again.feature_names_in_.tolist() == NAMES
        with pytest.raises(ValueError, match="^set 0: " + ORDER):
            again.transform(shuffled(frames_of(sets)))


def test_a_file_of_a_mixture_knows_the_names(sets, tmp_path):
    rows = pd.concat(frames_of(sets))
    GaussianMixture(2, random_state=0).fit(rows).save(tmp_path / "m.safetensors")
    again = fishervec.load(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match=ORDER):
        again.predict(rows[SHUFFLED])
    with pytest.raises(ValueError, match="^set 0: " + ORDER):
        again.statistics(shuffled(frames_of(sets)))


def test_parts_that_are_given_fitted_are_compared_with_the_sets(sets):
    frames = frames_of(sets)
    rows = pd.concat(frames)
    mixture = GaussianMixture(2, random_state=0).fit(rows)
    kmeans = KMeans(2, n_init=1, random_state=0).fit(rows)
    whole = FisherVector(2, random_state=0).fit(frames)
    projected = FisherVector(2, pca=3, random_state=0).fit(frames)
    for encoder, part in (
        (FisherVector(mixture=mixture), "mixture"),
        (FisherVector(mixture=FrozenEstimator(mixture)), "mixture"),
        (FisherVector(mixture=whole.mixture_), "mixture"),
        (FisherVector(2, pca=DescriptorPCA(2).fit(frames)), "pca"),
        (FisherVector(2, pca=projected.pca_), "pca"),
        (Vlad(codebook=kmeans), "codebook"),
        (Vlad(codebook=pd.DataFrame(kmeans.cluster_centers_, columns=NAMES)), "codebook"),
    ):
        encoder.fit(frames)
        with pytest.raises(ValueError, match=f"^columns do not fit {part}: {ORDER}"):
            encoder.fit(shuffled(frames))


def test_entries_are_named_after_the_columns_of_the_fit(sets):
    encoder = FisherVector(2, gradients="m", random_state=0).fit(frames_of(sets))
    expected = [f"mean_{k}_{name}" for k in range(2) for name in NAMES]
    assert encoder.get_feature_names_out().tolist() == expected
    assert encoder.get_feature_names_out(NAMES).tolist() == expected
    # A ColumnTransformer passes the name of the column of sets.
    assert encoder.get_feature_names_out(["descriptors"]).tolist() == expected
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        encoder.get_feature_names_out(SHUFFLED)
    projected = FisherVector(2, gradients="m", pca=2, random_state=0).fit(frames_of(sets))
    assert projected.get_feature_names_out().tolist() == ["mean_0_0", "mean_0_1", "mean_1_0", "mean_1_1"]


# ---- the index -------------------------------------------------------------------------------------------


def test_weights_with_the_labels_of_a_set_in_another_order_are_an_error(sets):
    frames, encoder = frames_of(sets), FisherVector(2, random_state=0).fit(frames_of(sets))
    weights = [pd.Series(np.linspace(0, 1, len(x))) for x in sets]
    expected = encoder.transform(frames, weights=[w.to_numpy() for w in weights])
    assert_array_equal(encoder.transform(frames, weights=weights), expected)
    # Labels that the set does not have cannot be meant: rows are counted.
    moved = [w.set_axis(w.index + 1000) for w in weights]
    assert_array_equal(encoder.transform(frames, weights=moved), expected)
    turned = [*weights[:2], weights[2][::-1], *weights[3:]]
    with pytest.raises(ValueError, match=r"^weights of set 2 must have the index of set 2 .*reindex\(x.index\)"):
        encoder.transform(frames, weights=turned)
    cured = [w.reindex(x.index) for w, x in zip(turned, frames, strict=True)]
    assert_array_equal(encoder.transform(frames, weights=cured), expected)


def test_columns_of_sets_and_of_weights_in_another_order_are_an_error(sets):
    column = pd.Series(list(sets))
    weights = pd.Series([np.ones(len(x)) for x in sets])
    encoder = FisherVector(2, random_state=0).fit(column, weights=weights)
    with pytest.raises(ValueError, match=r"^weights must have the index of the sets in the same order"):
        encoder.transform(column, weights=weights.sample(frac=1, random_state=0))
    values, offsets = pd.DataFrame(np.concatenate(sets)), np.cumsum([0, *map(len, sets)])
    with pytest.raises(ValueError, match=r"^weights must have the index of the values in the same order"):
        encoder.transform((values, offsets), weights=pd.Series(np.ones(len(values)))[::-1])


def test_weights_of_a_mixture_with_the_labels_of_its_rows_in_another_order_are_an_error(sets):
    rows = pd.concat(frames_of(sets), ignore_index=True)
    weights = pd.Series(np.linspace(0, 1, len(rows)))
    expected = GaussianMixture(2, random_state=0).fit(rows, sample_weight=weights)
    with pytest.raises(ValueError, match=r"^sample_weight must have the index of X in the same order"):
        GaussianMixture(2, random_state=0).fit(rows, sample_weight=weights[::-1])
    again = GaussianMixture(2, random_state=0).fit(rows, sample_weight=weights.to_numpy())
    assert_array_equal(again.means_, expected.means_)
