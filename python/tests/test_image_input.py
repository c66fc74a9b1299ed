"""What is refused as an image, or as a list of images, and what the numbers of an image mean."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps, ImageSequence
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_sample_images

from fishervec import H2T, BagOfWords, DenseSift, FisherVector, ImageEncoder, Pooling, Vlad

PHOTOGRAPH = np.ascontiguousarray(load_sample_images().images[0][100:220, 200:360])
GREY = np.asarray(Image.fromarray(PHOTOGRAPH).convert("L"))


def describe(image):
    [descriptors] = DenseSift(bins=[6], color="rgb").transform([image])
    assert descriptors.any()
    return descriptors


def same(image, expected):
    np.testing.assert_array_equal(describe(image), describe(expected))


def encoder():
    return ImageEncoder(FisherVector(2, rows="rootsift", pca=8, random_state=0), bins=[6])


def every_method(images):
    """All that takes images."""
    sift, fitted = DenseSift(bins=[6]), encoder().fit([PHOTOGRAPH])
    return [
        lambda: sift.transform(images), lambda: sift.fit_transform(images), lambda: encoder().fit(images),
        lambda: encoder().fit_transform(images), lambda: fitted.transform(images),
    ]  # fmt: skip


# ---- files that are not whole ----------------------------------------------------------------------------


def jpeg(**settings):
    file = io.BytesIO()
    Image.fromarray(PHOTOGRAPH).save(file, "JPEG", **settings)
    return file.getvalue()


@pytest.mark.parametrize("settings", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}])
@pytest.mark.parametrize("share", [0.98, 0.9, 0.5, 0.1, 0.02])
def test_a_truncated_jpeg_is_an_error_everywhere(tmp_path, settings, share):
    whole = jpeg(**settings)
    path = tmp_path / "torn.jpg"
    path.write_bytes(whole[: int(share * len(whole))])
    for method in every_method([PHOTOGRAPH, path]):
        with pytest.raises(ValueError, match=r"torn\.jpg: not a valid image"):
            method()


def test_a_jpeg_without_its_end_marker_is_whole(tmp_path):
    for i, whole in enumerate([jpeg(), jpeg(progressive=True)]):
        for name, data in [("whole", whole), ("endless", whole[:-2]), ("long", whole + b"and so on")]:
            (tmp_path / f"{name}{i}.jpg").write_bytes(data)
        same(tmp_path / f"endless{i}.jpg", tmp_path / f"whole{i}.jpg")
        same(tmp_path / f"long{i}.jpg", tmp_path / f"whole{i}.jpg")


def test_a_truncated_pil_image_is_named(tmp_path, monkeypatch):
    path = tmp_path / "torn.jpg"
    path.write_bytes(jpeg()[:3000])
    with Image.open(path) as image:
        for method in every_method([PHOTOGRAPH, image]):
            with pytest.raises(OSError, match=r"image 1 \(.*torn\.jpg\): .*truncated"):
                method()
    with pytest.raises(OSError, match=r"image 0: .*truncated"):
        DenseSift().transform([Image.open(io.BytesIO(path.read_bytes()))])
    # Whoever asks PIL to fill up such images gets what PIL makes of them.
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with Image.open(path) as image:
        describe(image)


def test_an_image_after_the_first_256_is_named_by_its_own_number():
    images = [GREY[:30, :30]] * 299 + [np.full((30, 30), 2.0)]
    for call in (DenseSift(bins=[4]).transform, encoder().fit([PHOTOGRAPH]).transform):
        with pytest.raises(ValueError, match="image 299: expected values from 0 to 1, got 0 to 2"):
            call(images)


def test_a_file_of_several_images_is_refused(tmp_path):
    image = Image.fromarray(PHOTOGRAPH)
    for name in ("pages.tif", "film.webp", "film.png"):
        image.save(tmp_path / name, save_all=True, append_images=[ImageOps.mirror(image)])
        with pytest.raises(ValueError, match=rf"{name}: not a valid image: expected one image, got"):
            DenseSift().transform([tmp_path / name])
    # A PIL image is the frame that it stands at.
    with Image.open(tmp_path / "pages.tif") as pages:
        frames = DenseSift(bins=[6], color="rgb").transform(ImageSequence.Iterator(pages))
    for frame, expected in zip(frames, (PHOTOGRAPH, PHOTOGRAPH[:, ::-1]), strict=True):
        np.testing.assert_array_equal(frame, describe(expected))


# ---- what the numbers mean -------------------------------------------------------------------------------


def test_integers_of_16_bits_mean_the_same_in_every_form(tmp_path):
    wide = GREY.astype(np.uint16) * 257
    expected = describe(wide)
    np.testing.assert_allclose(expected, describe(GREY), atol=1e-4)
    for mode in ("I", "I;16", "I;16B", "I;16L"):
        image = Image.fromarray(wide.astype(np.int32)) if mode == "I" else Image.new(mode, wide.shape[::-1])
        if mode != "I":
            image.frombytes(wide.astype(">u2" if mode.endswith("B") else "<u2").tobytes())
        assert image.mode == mode
        np.testing.assert_array_equal(describe(image), expected)
    Image.fromarray(wide).save(tmp_path / "a.png")
    Image.fromarray(wide.astype(np.int32)).save(tmp_path / "a.tif")
    for form in (wide.astype(">u2"), tmp_path / "a.png", Image.open(tmp_path / "a.png"), tmp_path / "a.tif"):
        np.testing.assert_array_equal(describe(form), expected)


def test_floats_mean_the_same_in_every_form(tmp_path):
    floats = (GREY / 255).astype(np.float32)
    expected = describe(floats)
    np.testing.assert_allclose(expected, describe(GREY), atol=1e-4)
    Image.fromarray(floats).save(tmp_path / "a.tif")
    forms = [floats.astype(np.float64), floats.astype(np.longdouble), floats.astype(">f4"), floats[:, :, None]]
    for form in [*forms, Image.fromarray(floats), tmp_path / "a.tif", Image.open(tmp_path / "a.tif")]:
        np.testing.assert_array_equal(describe(form), expected)
    np.testing.assert_allclose(describe(floats.astype(np.float16)), expected, atol=0.02)
    with np.errstate(all="raise"):
        describe(np.where(GREY > 100, 1.0, 1e-300))


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (GREY.astype(np.float32), "expected values from 0 to 1, got 0 to .*: divide by 255"),
        (GREY.astype(np.float64) * 257, "expected values from 0 to 1, got 0 to .*: divide by 65535"),
        (PHOTOGRAPH / 127.5 - 1, "expected values from 0 to 1, got -1 to 1: scale them"),
        (np.dstack([PHOTOGRAPH / 255, GREY]), "expected values from 0 to 1, got 0 to .*: divide by 255"),
        (Image.fromarray(GREY.astype(np.float32)), "expected values from 0 to 1, got 0 to .*: divide by 255"),
        (Image.fromarray(GREY.astype(np.int32) * 1000), "expected values from 0 to 65535, got 0 to .*: scale them"),
        (Image.fromarray(GREY.astype(np.int32) - 300), "expected values from 0 to 65535, got -300 to -"),
        (np.full((40, 40), np.inf), "row 0, column 0 is inf"),
        (np.full((40, 40), 1e300), "row 0, column 0 is inf"),
        (np.where(np.arange(1600).reshape(40, 40) == 85, np.nan, 0.5), "row 2, column 5 is NaN"),
    ],
)
def test_numbers_outside_their_range_are_an_error_that_says_what_to_do(image, text):
    images = [PHOTOGRAPH, PHOTOGRAPH, PHOTOGRAPH, image]
    for method in every_method(images):
        with pytest.raises(ValueError, match=rf"^image 3: {text}"):
            method()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint32, np.uint64])
def test_integers_without_a_range_are_refused_by_name(dtype):
    with pytest.raises(TypeError, match=rf"image 0 must be .*got {np.dtype(dtype)}: .*astype\(np.uint8\)"):
        DenseSift().transform([GREY.astype(dtype)])


@pytest.mark.parametrize("image", [GREY.astype(complex), GREY.astype(str), GREY.astype(object)])
def test_what_has_no_numbers_is_refused_by_name(image):
    with pytest.raises(TypeError, match=f"image 0 must be .*got {image.dtype}"):
        DenseSift().transform([image])


@pytest.mark.parametrize("image", [None, b"\xff\xd8", io.BytesIO(), [GREY, PHOTOGRAPH], {"pixels": GREY}])
def test_what_is_no_image_is_refused_by_its_type(image):
    with pytest.raises(TypeError, match=f"image 1 must be .*got {type(image).__name__}"):
        DenseSift().transform([GREY, image])


def test_masked_pixels_are_refused():
    with pytest.raises(TypeError, match="image 0 has masked pixels"):
        DenseSift().transform([np.ma.masked_greater(GREY, 200)])
    same(np.ma.masked_array(GREY), GREY)


def test_modes_without_alpha_are_those_of_their_colours():
    image = Image.fromarray(PHOTOGRAPH)
    for mode in ("L", "P", "CMYK", "YCbCr", "HSV", "LAB", "RGBX"):
        if mode != "RGBX":
            image = Image.fromarray(PHOTOGRAPH).convert("RGB" if mode == "LAB" else mode)
        if mode == "LAB":
            image = Image.fromarray(np.dstack([GREY, np.full_like(PHOTOGRAPH[:, :, :2], 128)]), mode="LAB")
        same(image, np.asarray(image.convert("RGB")))
    bits = Image.fromarray(PHOTOGRAPH).convert("1")
    same(bits, np.asarray(bits))


def alpha():
    """Half of the image is transparent."""
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:60] = 0
    return alpha


@pytest.mark.parametrize("mode", ["RGBA", "RGBa", "LA", "La", "PA", "P"])
def test_every_mode_with_alpha_is_composited_onto_white(mode):
    colours = GREY if mode in ("LA", "La") else PHOTOGRAPH
    expected = colours.copy()
    expected[:60] = 255
    image = Image.fromarray(np.dstack([colours, alpha()]))
    if mode in ("PA", "P"):
        palette = Image.fromarray(PHOTOGRAPH).quantize(200)
        expected = np.asarray(palette.convert("RGB")).copy()
        expected[:60] = 255
        indices = np.asarray(palette).copy()
        if mode == "P":
            indices[:60] = 255
            image = Image.fromarray(indices)
        else:
            image = Image.fromarray(np.dstack([indices, alpha()]), mode="PA")
        image.putpalette(palette.getpalette() + [0] * (768 - len(palette.getpalette())))
        if mode == "P":
            image.info["transparency"] = 255
    elif mode in ("RGBa", "La"):
        image = image.convert(mode)
    assert image.mode == mode
    same(image, np.dstack([expected] * 3) if expected.ndim == 2 else expected)


@pytest.mark.parametrize("kind", ["grey", "colour", "16 bits"])
def test_one_transparent_colour_is_composited_as_in_a_file(tmp_path, kind):
    pixels = {"grey": GREY, "colour": PHOTOGRAPH, "16 bits": GREY.astype(np.uint16) * 257}[kind].copy()
    colour = (1, 2, 3) if kind == "colour" else 7
    pixels[pixels == 7] = 8
    pixels[:60] = colour
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=colour)
    image = Image.open(tmp_path / "a.png")
    assert "transparency" in image.info
    expected = pixels.copy()
    expected[:60] = np.iinfo(pixels.dtype).max
    np.testing.assert_allclose(describe(image), describe(tmp_path / "a.png"), atol=1e-4)
    np.testing.assert_allclose(describe(image), describe(expected), atol=1e-4)


def test_alpha_of_every_type_of_number_is_composited():
    pixels = np.dstack([PHOTOGRAPH, alpha()])
    expected = PHOTOGRAPH.copy()
    expected[:60] = 255
    for form in (pixels, pixels.astype(np.uint16) * 257, pixels / 255, (pixels / 255).astype(np.float32)):
        np.testing.assert_allclose(describe(form), describe(expected), atol=1e-4)


# ---- one image where a list of images belongs ------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "error", "text"),
    [
        (PHOTOGRAPH, ValueError, r"one image with 3 channels, or 120 grey images of 160 rows.*pass \[image\].*\[\.\."),
        (PHOTOGRAPH / 255, ValueError, r"pass \[image\]"),
        (np.dstack([PHOTOGRAPH, GREY]), ValueError, r"one image with 4 channels.*pass \[image\]"),
        (
            np.dstack([GREY, GREY]),
            ValueError,
            r"are 120 grey images of 160 rows and 2 columns: pass images\[\.\.\., None\]",
        ),
        (list(PHOTOGRAPH), ValueError, r"pass \[image\] for the one, \[np.asarray\(image\)\[\.\.\., None\] for"),
        (tuple(GREY), ValueError, r"pass \[image\]"),
        (GREY[:, :, None], ValueError, r"one image with 1 channels.*pass \[image\]"),
        (GREY, ValueError, r"one image of shape \(120, 160\): pass \[image\]"),
        (GREY.tolist(), ValueError, r"pass \[image\]"),
        ((PHOTOGRAPH / 255).tolist(), ValueError, r"pass \[image\]"),
        (Image.fromarray(PHOTOGRAPH), TypeError, r"got one image: pass \[image\]"),
        ("a.jpg", TypeError, r"got one image: pass \[image\]"),
        (b"a.jpg", TypeError, r"got one image: pass \[image\]"),
    ],
)
def test_one_image_is_refused_with_the_cure(images, error, text, tmp_path):
    for method in [*every_method(images), lambda: DenseSift().fit(images)]:
        with pytest.raises(error, match=text):
            method()
    with pytest.raises(TypeError, match=r"got one image: pass \[image\]"):
        DenseSift().transform(tmp_path / "a.jpg")


def test_an_array_of_images_is_a_list_of_them():
    sift, greys = DenseSift(bins=[6]), np.stack([GREY, GREY[::-1]])
    for images in (greys, greys[..., None], np.stack([PHOTOGRAPH, PHOTOGRAPH[::-1]]), iter([GREY, PHOTOGRAPH])):
        assert [len(descriptors) for descriptors in sift.transform(images)] == [len(describe(GREY))] * 2
    # What might be one image is a list with a fourth dimension: grey images of 3 columns have no descriptor.
    assert [len(descriptors) for descriptors in sift.transform(PHOTOGRAPH[..., None])] == [0] * 120
    with pytest.raises(ValueError, match=r"image 0 must have shape .*channels come last"):
        sift.transform(np.moveaxis(PHOTOGRAPH, 2, 0)[None])


# ---- scikit-learn ----------------------------------------------------------------------------------------


def test_the_first_argument_is_called_x_and_its_former_name_warns():
    images = [PHOTOGRAPH, PHOTOGRAPH[::-1].copy()]
    for estimator in (DenseSift(bins=[6]), encoder()):
        expected = estimator.fit(X=images).transform(X=images)
        with pytest.warns(FutureWarning, match="images= is deprecated and will be removed: write X="):
            former = estimator.fit(images=images).transform(images)
        for one, other in zip(former, expected, strict=True):
            np.testing.assert_array_equal(one, other)
        with pytest.raises(TypeError, match="takes X or images="):
            estimator.fit(images, images=images)


@pytest.mark.parametrize("columns", ["path", ["path"]])
def test_a_column_transformer_takes_a_column_of_images(columns, tmp_path):
    pd = pytest.importorskip("pandas")
    for i in range(3):
        Image.fromarray(PHOTOGRAPH[i * 10 :]).save(tmp_path / f"{i}.png")
    paths = [str(tmp_path / f"{i}.png") for i in range(3)]
    frame = pd.DataFrame({"path": paths, "age": [1, 2, 3]}, index=[7, 3, 9])
    transformer = ColumnTransformer([("image", encoder(), columns)], remainder="passthrough")
    vectors = transformer.fit_transform(frame)
    np.testing.assert_array_equal(vectors[:, :-1].astype(np.float32), encoder().fit_transform(paths))
    with_names = transformer.set_output(transform="pandas").fit_transform(frame)
    assert list(with_names.index) == [7, 3, 9]
    with pytest.raises(ValueError, match="one column of a frame, got 2 columns"):
        encoder().fit(frame)


@pytest.mark.parametrize("estimator", [FisherVector(2), Vlad(2), BagOfWords(2), H2T(2), Pooling()])
def test_an_image_encoder_takes_every_encoder(estimator):
    vectors = ImageEncoder(estimator, bins=[6]).fit_transform([PHOTOGRAPH, PHOTOGRAPH[::-1].copy()])
    assert vectors.shape[0] == 2
    assert np.isfinite(vectors).all()
