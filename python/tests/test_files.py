"""Files: a loaded estimator is the saved one, and the command and the package read each other's models."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture as Sklearn

import fishervec
from fishervec import DescriptorPCA, FisherVector, GaussianMixture, ImageEncoder, Pooling, _registry

pytestmark = pytest.mark.filterwarnings("ignore:.*(descriptors per component|empirical information)")
COMMAND = Path(sys.executable).with_name("fishervec")


@pytest.fixture
def folder(tmp_path, sets):
    """A folder with the sets as files for the command."""
    (tmp_path / "sets").mkdir()
    for i, x in enumerate(sets):
        np.save(tmp_path / "sets" / f"{i:02}.npy", x)
    return tmp_path


def command(*arguments, code=0):
    done = subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return done


ESTIMATORS = {
    "default": FisherVector(3, random_state=0),
    "all settings": FisherVector(
        3,
        pca=2,
        rows="l2",
        whiten=True,
        convention="scikit-image",
        gradients="v,m",
        information="empirical-centred",
        power=0.7,
        norm="intra+l2",
        threshold=1e-3,
        sample=300,
        information_sets=9,
        random_state=4,
        n_jobs=1,
    ),
    "template": FisherVector(mixture=GaussianMixture(2, random_state=1, means_init=None, tol=1e-2)),
    "template of scikit-learn's": FisherVector(mixture=Sklearn(2, covariance_type="diag", random_state=1)),
    "generator": FisherVector(2, random_state=np.random.RandomState(0)),
    "pooling": Pooling(),
    "pooling of a projection": Pooling(pca=2, power=0.5, norm="l2", random_state=0),
    "projection": DescriptorPCA(3, rows="rootsift", whiten=True),
}


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS.keys())
def test_a_loaded_estimator_is_the_saved_one(estimator, sets, tmp_path):
    estimator.fit(sets).save(tmp_path / "a.safetensors")
    again = fishervec.load(str(tmp_path / "a.safetensors"))
    assert type(again) is type(estimator)
    for name, value in estimator.get_params(deep=False).items():
        if isinstance(value, Sklearn | GaussianMixture):
            # A mixture of scikit-learn's is loaded as one of ours.
            template = getattr(again, name).get_params()
            assert template.items() >= {key: x for key, x in value.get_params().items() if key in template}.items()
        elif name != "random_state" or isinstance(value, int):
            assert getattr(again, name) == value
    for x, y in zip(again.transform(sets), estimator.transform(sets), strict=True):
        assert_array_equal(x, y)
    again.save(tmp_path / "b.safetensors")
    if not isinstance(estimator.get_params().get("random_state"), np.random.RandomState) and (
        not isinstance(estimator.get_params().get("mixture"), Sklearn)
    ):
        assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


def test_a_given_mixture_and_a_given_projection_are_loaded_fitted(sets, tmp_path):
    pca = DescriptorPCA(2).fit(sets)
    mixture = GaussianMixture(2, random_state=0).fit(np.concatenate(pca.transform(sets)))
    for given in (mixture, FrozenEstimator(mixture)):
        encoder = FisherVector(mixture=given, pca=pca).fit(sets)
        encoder.save(tmp_path / "m.safetensors")
        again = fishervec.load(tmp_path / "m.safetensors")
        assert type(again.mixture) is type(given)
        assert_array_equal(again.fit(sets).transform(sets), encoder.transform(sets))


def test_a_mixture_is_loaded_with_its_report(sets, tmp_path):
    mixture = GaussianMixture(3, random_state=0, tol=1e-4).fit(np.concatenate(sets))
    mixture.save(tmp_path / "m.safetensors")
    again = fishervec.load(tmp_path / "m.safetensors")
    assert again.get_params() == mixture.get_params()
    for name in ("weights_", "means_", "covariances_", "lower_bounds_", "n_iter_", "converged_", "softness_"):
        assert_array_equal(getattr(again, name), getattr(mixture, name))
    assert again.n_features_in_ == 5


def test_the_commands_models_load_and_encode_to_the_commands_bits(folder, sets):
    options = ["--components", "3", "--pca", "2", "--whiten", "--rows", "l2", "--norm", "intra+l2", "--power", "0.8"]
    command("fit", folder / "sets", "-o", folder / "m.safetensors", *options)
    command("encode", folder / "sets", "-m", folder / "m.safetensors", "-o", folder / "v.npy")
    encoder = fishervec.load(folder / "m.safetensors")
    assert isinstance(encoder, FisherVector)
    assert (encoder.n_components, encoder.pca, encoder.whiten, encoder.rows) == (3, 2, True, "l2")
    assert (encoder.norm, encoder.power, encoder.convention) == ("intra+l2", 0.8, "sanchez")
    assert_array_equal(encoder.transform(sets).astype(np.float32), np.load(folder / "v.npy"))
    command("fit", folder / "sets", "-o", folder / "p.safetensors", "--encoder", "pooling")
    pooling = fishervec.load(folder / "p.safetensors")
    assert isinstance(pooling, Pooling)
    assert_array_equal(pooling.transform(sets), Pooling().fit_transform(sets))


@pytest.mark.parametrize("name", ["default", "all settings", "pooling of a projection"])
def test_the_command_encodes_with_the_packages_models(folder, sets, name):
    ESTIMATORS[name].fit(sets).save(folder / "m.safetensors")
    command("encode", folder / "sets", "-m", folder / "m.safetensors", "-o", folder / "v.npy")
    assert_array_equal(np.load(folder / "v.npy"), ESTIMATORS[name].transform(sets).astype(np.float32))
    assert "5 columns" in command("inspect", folder / "m.safetensors").stdout


def test_the_command_encodes_with_a_saved_mixture(folder, sets):
    mixture = GaussianMixture(2, random_state=0).fit(np.concatenate(sets))
    mixture.save(folder / "m.safetensors")
    command("encode", folder / "sets", "-m", folder / "m.safetensors", "-o", folder / "v.npy")
    expected = FisherVector(mixture=mixture).fit(sets).transform(sets)
    assert_array_equal(np.load(folder / "v.npy"), expected.astype(np.float32))


@pytest.mark.parametrize(
    ("options", "params"),
    [
        ([], {}),
        (["--rows", "l2", "--pca", "3"], {"rows": "l2", "pca": 3}),
        (
            ["--information", "empirical", "--information-sets", "7"],
            {"information": "empirical", "information_sets": 7},
        ),
        (["--sample", "200"], {"sample": 200}),
    ],
)
def test_the_command_and_the_package_fit_the_same_model(folder, sets, options, params):
    command("fit", folder / "sets", "-o", folder / "m.safetensors", "--components", "3", "--seed", "5", *options)
    of_command = fishervec.load(folder / "m.safetensors")
    of_package = FisherVector(3, random_state=5, **params).fit(sets)
    for name in ("weights_", "means_", "covariances_"):
        assert_array_equal(getattr(of_package.mixture_, name), getattr(of_command.mixture_, name))
    assert_array_equal(of_package.transform(sets), of_command.transform(sets))


def test_the_command_has_its_exit_codes(folder):
    assert "fit" in command("--help").stdout
    command("fit", code=2)
    command("inspect", folder / "missing.safetensors", code=1)
    assert command("--version").stdout.split() == ["fishervec", fishervec.__version__]


# ---- files that load for ever ----------------------------------------------------------------------------

FIXTURES = Path(__file__).resolve().parents[2] / "crates/fishervec/testdata/models"
MODELS = sorted(path.stem for path in FIXTURES.glob("*.safetensors"))


def fixture_rows(n, seed):
    """The rows of crates/fishervec/tests/fixtures.rs."""
    state = (seed * 0x9E37_79B9_7F4A_7C15) % 2**64 | 1

    def draw():
        nonlocal state
        state ^= state << 13 & 2**64 - 1
        state ^= state >> 7
        state ^= state << 17 & 2**64 - 1
        return (state >> 40) / 2**24

    rows = np.empty((n, 6))
    for i, j in np.ndindex(rows.shape):
        cluster = (i * 7 + 3) % 5
        bell = draw() + draw() + draw() + draw() - 2.0
        rows[i, j] = draw() if j > 3 else cluster * (j + 2) % 7 + bell * (1.0 + 0.8 * ((cluster + j) % 3))
    return rows


@pytest.fixture(scope="module")
def fixture_sets():
    return [fixture_rows(n, seed) for seed, n in enumerate([0, 1, 37, 1500], 1)]


def test_there_is_a_fixture_for_each_encoder():
    kinds = {cls._kind for cls in _registry.estimators("encoder").values()}
    assert kinds <= {name.partition("-")[0] for name in MODELS}


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("images")])
def test_a_model_of_an_earlier_version_encodes_what_it_did(name, fixture_sets):
    encoder = fishervec.load(FIXTURES / f"{name}.safetensors")
    assert encoder._kind == name.partition("-")[0]
    vectors = json.loads((FIXTURES / "vectors.json").read_text())
    # Instruction sets differ in the last digits; the bits of each are tested in Rust.
    assert_allclose(encoder.transform(fixture_sets), vectors[f"{name}/f64"], rtol=1e-6, atol=1e-9)
    single = encoder.transform([x.astype(np.float32) for x in fixture_sets])
    assert_allclose(single, vectors[f"{name}/f32"], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("images")])
def test_a_model_of_images_of_an_earlier_version_loads(name):
    encoder = fishervec.load(FIXTURES / f"{name}.safetensors")
    assert isinstance(encoder, ImageEncoder)
    assert np.isfinite(encoder.transform([np.eye(60)])).all()


# ---- bad files -------------------------------------------------------------------------------------------


@pytest.fixture
def model(sets, tmp_path):
    path = tmp_path / "m.safetensors"
    FisherVector(2, random_state=0).fit(sets).save(path)
    return path


def rewrite(path, change):
    """The file with its settings changed."""
    data = path.read_bytes()
    n = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + n])
    settings = json.loads(header["__metadata__"]["fishervec"])
    change(settings)
    header["__metadata__"]["fishervec"] = json.dumps(settings)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + n :])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s["estimator"].update({"class": "os.system"}),
            "class must be one of .*FisherVector, .*got 'os.system'",
        ),
        (lambda s: s["estimator"]["params"].update(colour=1), "unexpected keyword argument 'colour'"),
        (lambda s: s["estimator"].pop("params"), "params"),
        (lambda s: s.update(estimator=[1]), "estimator"),
        (lambda s: s.update(estimator="x"), "estimator"),
        (lambda s: s["estimator"]["params"].update(mixture={"class": "Pooling"}), "estimator"),
        (lambda s: s["estimator"].update({"class": "DescriptorPCA", "params": {}}), "estimator"),
        (lambda s: s["estimator"].update({"class": "Pooling", "params": {}}), "estimator"),
        (lambda s: s.update(schema=2), "model schema version 2 is not known"),
    ],
)
def test_an_invalid_note_is_an_error_with_the_path(model, change, message):
    rewrite(model, change)
    with pytest.raises(ValueError, match=message) as error:
        fishervec.load(model)
    assert str(model) in str(error.value)


def test_a_file_without_a_note_is_a_plain_model(model, sets):
    expected = fishervec.load(model).transform(sets)
    rewrite(model, lambda settings: settings.pop("estimator"))
    assert_array_equal(fishervec.load(model).transform(sets), expected)


def test_missing_and_corrupt_files(model, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        fishervec.load(tmp_path / "none.safetensors")
    assert error.value.filename == str(tmp_path / "none.safetensors")
    data = model.read_bytes()
    for damaged in (b"", b"text", data[:20], data[:-1], data + b"0"):
        model.write_bytes(damaged)
        with pytest.raises(ValueError, match="not a valid model"):
            fishervec.load(model)


def test_a_failed_save_keeps_the_old_file(model, sets, tmp_path):
    before = model.read_bytes()
    with pytest.raises(FileNotFoundError):
        FisherVector(2, random_state=1).fit(sets).save(tmp_path / "nowhere" / "m.safetensors")
    if os.geteuid() != 0:
        model.parent.chmod(0o500)
        with pytest.raises(PermissionError):
            FisherVector(2, random_state=1).fit(sets).save(model)
        model.parent.chmod(0o700)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="not a regular file"):
        FisherVector(2, random_state=1).fit(sets).save(tmp_path / "folder")
    assert model.read_bytes() == before
