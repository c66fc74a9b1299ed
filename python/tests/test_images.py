"""Dense SIFT against its definition, the forms of an image, and the pipeline from images to vectors."""

import json
import pickle
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_sample_images

import fishervec
from fishervec import DenseSift, FisherVector, ImageEncoder, Pooling


@pytest.fixture(scope="module")
def images():
    """Twelve crops of the two sample images of scikit-learn."""
    return [
        np.ascontiguousarray(image[y : y + 100, x : x + 120])
        for image in load_sample_images().images
        for y in (0, 150, 300)
        for x in (100, 400)
    ]


@pytest.fixture
def folder(tmp_path, images):
    """The same as files, in two folders."""
    for i, image in enumerate(images):
        path = tmp_path / ("china", "flower")[i // 6] / f"{i:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    return tmp_path


def encoder(**settings):
    return ImageEncoder(FisherVector(4, rows="rootsift", pca=16, random_state=0), **settings)


# ---- dense SIFT ------------------------------------------------------------------------------------------


def grey(image):
    return image.astype(np.float64) @ [0.299, 0.587, 0.114] / 255


def smoothed(image, sigma):
    """A Gaussian cut off at four sigma; borders replicate the edge pixels."""
    reach = int(np.ceil(4 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for _ in range(2):
        padded = np.pad(image, ((reach, reach), (0, 0)), "edge")
        image = sum(k * padded[t : t + len(image)] for t, k in enumerate(kernel)).T
    return image


def naive(image, bins, step, window, window_size, magnification, bounds, contrast_threshold):
    """The definition, one pixel of one bin of one descriptor at a time; angles are exact."""
    descriptors, centres = [], []
    height, width = image.shape
    for size in bins:
        plane = smoothed(image, size / magnification) if magnification else image
        dy, dx = np.gradient(plane)
        # Differences are one-sided at the edges, as in np.gradient.
        angle, length = np.arctan2(dy, dx) % (2 * np.pi) * 4 / np.pi, np.hypot(dx, dy)
        length[length < 1e-4] = 0
        apart = np.abs(angle[:, :, None] - np.arange(8))
        energy = np.clip(1 - np.minimum(apart, 8 - apart), 0, None) * length[:, :, None]
        offsets = np.arange(-size + 1, size)
        kernels = []
        for i in range(4):
            gauss = np.exp(-0.5 * ((offsets + size * (i - 1.5)) / (size * window_size)) ** 2)
            kernels.append((1 - np.abs(offsets) / size) * (gauss if window == "gaussian" else gauss.mean()))
        inset = 3 * (max(bins) - size) // 2
        left, top, right, bottom = (0, 0, width - 1, height - 1) if bounds is None else bounds
        for y in range(top + inset, min(bottom, height - 1) - 3 * size + 1, step):
            for x in range(left + inset, min(right, width - 1) - 3 * size + 1, step):
                bin_ = np.zeros((4, 4, 8))
                for i in range(4):
                    for j in range(4):
                        rows = np.clip(y + i * size + offsets, 0, height - 1)
                        columns = np.clip(x + j * size + offsets, 0, width - 1)
                        weights = kernels[i][:, None] * kernels[j]
                        bin_[i, j] = np.einsum("yx,yxt->t", weights, energy[np.ix_(rows, columns)])
                norm = np.linalg.norm(bin_)
                flat = np.minimum(bin_.ravel() / max(norm, 1e-12), 0.2)
                flat /= max(np.linalg.norm(flat), 1e-12)
                if norm / (3 * size + 1) ** 2 < contrast_threshold:
                    flat[:] = 0
                descriptors.append(flat)
                centres.append([x + 1.5 * size, y + 1.5 * size, size])
    return np.array(descriptors).reshape(-1, 128), np.array(centres).reshape(-1, 3)


@pytest.mark.parametrize(
    "settings",
    [
        {"bins": [4], "step": 7},
        {"bins": [3, 5], "step": 9, "window": "gaussian"},
        {"bins": [4], "step": 11, "window": "gaussian", "window_size": 1.0, "magnification": 0.0},
        {"bins": [1, 2], "step": 17, "magnification": 3.0},
        {"bins": [4, 7], "step": 5, "bounds": (20, 10, 70, 60)},
        {"bins": [6], "step": 6, "contrast_threshold": 0.01},
    ],
)
def test_dense_sift_agrees_with_its_definition(images, settings):
    sift = DenseSift(**settings)
    for image in images[::5]:
        expected, centres = naive(grey(image), **{k: getattr(sift, k) for k in NAIVE})
        [got] = sift.fit([]).transform([image])
        np.testing.assert_allclose(sift.positions(image.shape), centres)
        assert got.shape == expected.shape and len(got) > 0
        # The angle is approximated as in VLFeat, with an error of up to 0.013 orientations.
        np.testing.assert_allclose(got, expected, atol=0.02)
        assert np.abs(got - expected).mean() < 1e-3


NAIVE = ["bins", "step", "window", "window_size", "magnification", "bounds", "contrast_threshold"]


def test_a_brighter_image_has_the_same_descriptors(images):
    sift = DenseSift(bins=[4], contrast_threshold=0.005)
    image = grey(images[0]).astype(np.float32) / 2
    [dark], [bright] = sift.transform([image]), sift.transform([image + 0.5])
    np.testing.assert_allclose(dark, bright, atol=1e-3)


def test_three_channels_are_concatenated(images):
    image = images[0]
    [colour] = DenseSift(bins=[6], color="rgb").transform([image])
    for c, part in enumerate(np.split(colour, 3, axis=1)):
        [alone] = DenseSift(bins=[6]).transform([np.ascontiguousarray(image[:, :, c])])
        np.testing.assert_array_equal(part, alone)


def test_a_small_image_has_no_descriptors():
    images = [np.zeros((36, 90)), np.zeros((37, 37)), np.zeros((0, 5))]
    assert [len(x) for x in DenseSift(bins=[12]).transform(images)] == [0, 1, 0]
    assert DenseSift().transform([]) == []


def test_a_flat_image_has_zero_descriptors():
    [descriptors] = DenseSift(bins=[2]).transform([np.full((30, 30), 0.25)])
    assert len(descriptors) and not descriptors.any()


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_threads_do_not_matter(images, n_jobs):
    expected = DenseSift(n_jobs=1).transform(images)
    for one, other in zip(expected, DenseSift(n_jobs=n_jobs).transform(images), strict=True):
        np.testing.assert_array_equal(one, other)


# ---- the forms of an image -------------------------------------------------------------------------------


def describe(image):
    [descriptors] = DenseSift(bins=[6], color="rgb").transform([image])
    return descriptors


def test_forms_of_one_image(images, tmp_path):
    image = images[3]
    expected = describe(image)
    Image.fromarray(image).save(tmp_path / "a.png")
    Image.fromarray(image).save(tmp_path / "a.tif")
    Image.fromarray(image).save(tmp_path / "a.webp", lossless=True)
    opaque = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    forms = [
        Image.fromarray(image), str(tmp_path / "a.png"), tmp_path / "a.tif", tmp_path / "a.webp", image.tolist, opaque,
        np.asfortranarray(image), image[:, ::-1][:, ::-1],
    ]  # fmt: skip
    for form in [form for form in forms if not callable(form)]:
        np.testing.assert_array_equal(describe(form), expected)
    for form in [image / 255, (image / 255).astype(np.float16), image.astype(np.uint16) * 257]:
        np.testing.assert_allclose(describe(form), expected, atol=2e-2)


def test_an_image_is_rotated_as_its_exif_data_say(images, tmp_path):
    image = images[4]
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(image)))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(describe(tmp_path / "turned.png"), describe(image))
    np.testing.assert_array_equal(describe(Image.open(tmp_path / "turned.png")), describe(image))


def test_transparency_is_composited_onto_white(tmp_path, images):
    image = images[5].copy()
    alpha = np.full(image.shape[:2], 255, np.uint8)
    alpha[:50] = 0
    Image.fromarray(np.dstack([image, alpha])).save(tmp_path / "a.png")
    image[:50] = 255
    np.testing.assert_array_equal(describe(tmp_path / "a.png"), describe(image))
    np.testing.assert_array_equal(describe(Image.open(tmp_path / "a.png")), describe(image))


def test_a_large_image_is_scaled_down(images):
    image = np.ascontiguousarray(np.kron(images[0], np.ones((8, 8, 1), np.uint8)))
    [descriptors] = DenseSift(bins=[4], max_side=120).transform([image])
    [expected] = DenseSift(bins=[4]).transform([images[0]])
    assert descriptors.shape == expected.shape
    assert np.abs(descriptors - expected).mean() < 0.02
    assert DenseSift(bins=[4], max_side=120).positions(image.shape).shape == (len(expected), 3)


@pytest.mark.parametrize(
    ("images", "error", "text"),
    [
        ([np.zeros((9, 9), np.int64)], TypeError, "image 0 must be uint8"),
        ([np.zeros((9, 9)), np.zeros(9)], ValueError, "image 1 must have shape"),
        ([np.zeros((9, 9, 2))], ValueError, "image 0 must have shape"),
        ([np.full((60, 60), np.nan)], ValueError, "image 0"),
        (["no such file.png"], OSError, "no such file.png"),
        ("photograph.png", TypeError, "got one image"),
        (3, TypeError, "got int"),
    ],
)
def test_what_is_not_an_image_is_named(images, error, text):
    with pytest.raises(error, match=text):
        DenseSift().transform(images)
    with pytest.raises(error, match=text):
        encoder().fit(images)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"bins": []}, ValueError), ({"bins": [0]}, ValueError), ({"bins": "4"}, TypeError), ({"bins": 4}, TypeError),
        ({"step": 0}, ValueError), ({"window": "round"}, ValueError), ({"window_size": 0.0}, ValueError),
        ({"magnification": -1.0}, ValueError), ({"bounds": (5, 0, 1, 9)}, ValueError), ({"color": "lab"}, ValueError),
        ({"contrast_threshold": float("nan")}, ValueError), ({"max_side": -1}, ValueError),
    ],
)  # fmt: skip
def test_settings_are_checked(settings, error):
    with pytest.raises(error, match=next(iter(settings))):
        DenseSift(**settings).fit()


def test_a_corrupt_file_is_named(folder):
    path = folder / "china" / "00.png"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"00\.png.*not a valid image"):
        DenseSift().transform([path])


# ---- from images to vectors ------------------------------------------------------------------------------


def test_files_of_the_command_line_and_ours_are_the_same(folder, tmp_path):
    files = sorted(folder.glob("*/*.png"))
    options = ["--components", "4", "--pca", "16", "--augment", "xy", "--quiet"]
    command = [str(Path(sys.executable).with_name("fishervec"))]
    subprocess.run([*command, "fit", str(folder), "-o", str(tmp_path / "cli.safetensors"), *options], check=True)
    ours = encoder(augment="xy").fit(files)
    theirs = fishervec.load(tmp_path / "cli.safetensors")
    vectors = ours.transform(files)
    assert isinstance(theirs, ImageEncoder) and theirs.augment == "xy"
    np.testing.assert_array_equal(theirs.transform(files), vectors)
    ours.save(tmp_path / "ours.safetensors")
    out = tmp_path / "vectors.npy"
    subprocess.run(
        [*command, "encode", str(folder), "-m", str(tmp_path / "ours.safetensors"), "-o", str(out), "--quiet"],
        check=True,
    )
    np.testing.assert_array_equal(np.load(out), vectors)
    assert np.load(tmp_path / "vectors.labels.npy").tolist() == [0] * 6 + [1] * 6


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"augment": "xy"}, {"features": "patches", "step": 3}, {"color": "rgb", "bins": (8,)}, {"max_side": 64},
    ],
)  # fmt: skip
def test_an_encoder_comes_back_from_its_file(images, tmp_path, settings):
    fitted = encoder(**settings).fit(images)
    vectors = fitted.transform(images)
    assert vectors.shape == (12, fitted.n_features_out_) == (12, len(fitted.get_feature_names_out()))
    assert vectors.dtype == np.float32 and np.isfinite(vectors).all()
    fitted.save(tmp_path / "model.safetensors")
    again = fishervec.load(tmp_path / "model.safetensors")
    assert repr(again) == repr(fitted)
    for other in (again, pickle.loads(pickle.dumps(fitted)), clone(fitted).fit(images)):
        np.testing.assert_array_equal(other.transform(iter(images)), vectors)


def test_an_image_encoder_is_the_encoder_of_its_descriptors(images):
    sets = DenseSift(max_side=640).transform(images)
    expected = FisherVector(4, rows="rootsift", pca=16, random_state=0).fit(sets).transform(sets)
    np.testing.assert_array_equal(encoder().fit(images).transform(images), expected)


def test_position_columns_bypass_the_preprocessing(images):
    sift = DenseSift(bins=[6])
    sets = sift.transform(images)
    height, width, _ = images[0].shape
    xy = (sift.positions(images[0].shape)[:, :2] + 0.5) / np.float32([width, height]) - np.float32(0.5)
    augmented = [np.hstack([x, xy]).astype(np.float32) for x in sets]
    by_hand = FisherVector(4, rows="rootsift", pca=16, position_columns=2, random_state=0).fit(augmented)
    ours = encoder(bins=[6], augment="xy").fit(images)
    np.testing.assert_allclose(ours.transform(images), by_hand.transform(augmented), atol=1e-6)
    projected = fishervec.DescriptorPCA(16, rows="rootsift", sample=4000, random_state=0).fit(sets).transform(sets)
    assert by_hand.mixture_.means_.shape == (4, 18)
    assert projected[0].shape[1] + 2 == 18


def test_an_empirical_information_is_learned_from_whole_images(images):
    template = FisherVector(2, rows="rootsift", pca=4, information="empirical", random_state=0)
    with pytest.warns(UserWarning, match="empirical"):
        fitted = ImageEncoder(template, bins=[8]).fit(images)
    assert np.isfinite(fitted.transform(images)).all()


def test_pooling_is_an_encoder_of_images_too(images):
    assert ImageEncoder(Pooling(rows="rootsift")).fit(images).transform(images).shape == (12, 256)
    with pytest.raises(TypeError, match="encoder"):
        ImageEncoder(DenseSift()).fit(images)


def test_a_small_image_has_the_zero_vector(images):
    vectors = encoder().fit(images).transform([np.zeros((9, 9))])
    assert not vectors.any()


def test_a_corrupt_note_is_an_error(images, tmp_path):
    fitted = encoder().fit(images)
    fitted.save(tmp_path / "model.safetensors")
    data = (tmp_path / "model.safetensors").read_bytes()
    for before, after in [
        (b'\\"step\\":4', b'\\"step\\":0'),
        (b'\\"dsift\\"', b'\\"sifty\\"'),
        (b'\\"grey\\"', b'\\"grau\\"'),
    ]:
        assert before in data
        (tmp_path / "bad.safetensors").write_bytes(data.replace(before, after))
        with pytest.raises(ValueError, match=r"bad\.safetensors"):
            fishervec.load(tmp_path / "bad.safetensors")
    assert json.loads(fitted.encoder_._pipeline.images)["max_side"] == 640


def test_an_iterator_of_images_is_fitted_to_without_all_of_them_in_memory():
    photograph = load_sample_images().images[0][::4, ::4]
    images = [np.roll(photograph, 7 * i, axis=1) for i in range(40)]
    encoder = ImageEncoder(FisherVector(n_components=2, random_state=0, sample=3000, pca=8))
    alive, most = weakref.WeakSet(), 0

    class Pixels(np.ndarray):
        """An array that can be counted."""

        __hash__ = object.__hash__

    def each():
        nonlocal most
        for image in images:
            copy = image.copy().view(Pixels)
            alive.add(copy)
            yield copy
            del copy
            most = max(most, len(alive))

    encoder.fit(each())
    assert 0 < most < 20
    expected = encoder.transform(images)
    np.testing.assert_array_equal(encoder.transform(iter(images)), expected)
    out = np.empty(expected.shape, np.float32)
    assert encoder.transform(images, out=out) is out
    np.testing.assert_array_equal(out, expected)
