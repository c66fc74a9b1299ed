"""Real data for example pages (scripts/example_pages.py), of what packages bring along: a stained tissue, photographs and
handwritten digits from scikit-image and scikit-learn, and spoken digits, which are downloaded once.
"""

import sys
from pathlib import Path

import h5py
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image
from scipy.fft import dctn
from skimage import color, data
from sklearn.datasets import load_digits

sys.path.append(str(Path(__file__).resolve().parents[1] / "python/examples"))
from datasets import spoken_digits, with_deltas

#: Side and step of a patch of tissue in pixels; side and step of the slides that teach.
PATCH, STEP = 16, 8
TILE, APART = 64, 16
#: The parts of photographs that are looked for: left, upper, right, lower.
PARTS = {"chelsea": (150, 60, 310, 180), "coffee": (180, 60, 420, 260)}


def patches(image, side, step):
    """The square patches of an image, (n, side, side, channels), and where each begins, (n, 2) as x and y."""
    windows = sliding_window_view(image, (side, side), axis=(0, 1))[::step, ::step]
    rows, columns = windows.shape[:2]
    y, x = np.mgrid[:rows, :columns] * step
    return np.moveaxis(windows, 2, -1).reshape(-1, side, side, image.shape[2]), np.stack([x.ravel(), y.ravel()], axis=1)


def features(tissue):
    """26 numbers per patch: means and deviations of the optical densities of red, green and blue, and the texture of their
    mean, as the 20 lowest frequencies of its cosine transform, by size.
    """
    density = -np.log((tissue.astype(float) + 1) / 256)
    waves = np.abs(dctn(density.mean(axis=3), axes=(1, 2), norm="ortho"))
    low = sorted(((i, j) for i in range(6) for j in range(6) if 0 < i + j < 6), key=sum)[:20]
    texture = np.stack([waves[:, i, j] for i, j in low], axis=1)
    return np.hstack([density.mean(axis=(1, 2)), density.std(axis=(1, 2)), texture]).astype(np.float32)


def write_slide(path, tissue):
    squares, corners = patches(tissue, PATCH, STEP)
    with h5py.File(path, "w") as file:
        file["features"] = features(squares)
        file["coords"] = corners
        file["coords"].attrs.update(patch_size=PATCH, patch_size_level0=PATCH)


def tissue(folder):
    """A stained tissue, `tissue.png`, cut into patches as a slide is, in TRIDENT's layout: all of it as `tissue.h5`.

    Its left half is cut into small slides, in `slides`, which teach a classifier what strong staining is, by `labels.csv`;
    the right half it has not seen.
    """
    whole = data.immunohistochemistry()
    Image.fromarray(whole).save(folder / "tissue.png")
    write_slide(folder / "tissue.h5", whole)
    (folder / "slides").mkdir()
    left = whole[:, : whole.shape[1] // 2]
    # The brown stain (DAB) alone, as colour deconvolution finds it.
    stain = color.rgb2hed(left)[:, :, 2]
    corners = [
        (x, y) for y in range(0, left.shape[0] - TILE + 1, APART) for x in range(0, left.shape[1] - TILE + 1, APART)
    ]
    strength = np.array([stain[y : y + TILE, x : x + TILE].mean() for x, y in corners])
    labels = np.where(strength > np.median(strength), "stained", "pale")
    lines = ["slide_id,label"]
    for (x, y), label in zip(corners, labels, strict=True):
        name = f"x{x:03}-y{y:03}"
        write_slide(folder / f"slides/{name}.h5", left[y : y + TILE, x : x + TILE])
        lines.append(f"{name},{label}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def photographs(folder):
    """Photographs in `photographs`, and parts of two of them, 0.7 times as large and compressed, in `parts`."""
    for name in ("photographs", "parts"):
        (folder / name).mkdir()
    for name in ("astronaut", "brick", "camera", "chelsea", "coffee", "coins", "gravel", "moon", "rocket"):
        image = Image.fromarray(getattr(data, name)())
        image.save(folder / f"photographs/{name}.png")
        if name in PARTS:
            part = image.crop(PARTS[name])
            part.resize([round(0.7 * side) for side in part.size]).save(folder / f"parts/{name}.jpg", quality=70)


def recordings(folder):
    """Spoken digits, of which each clip is a set of frames: 500 to learn from, and a seven among others."""
    clips, labels = spoken_digits()
    clips = with_deltas(clips[::3])
    learned, kept = clips[::2], clips[1::2]
    is_seven = labels[::3][1::2] == 7
    lengths = [len(clip) for clip in learned]
    np.savez(folder / "clips.npz", X=np.concatenate(learned), lengths=lengths, y=labels[::3][::2])
    np.save(folder / "seven.npy", kept[int(np.argmax(is_seven))])


def digits(folder):
    """Every other handwritten digit: each image of 8 x 8 pixels is a set of 25 patches of 4 x 4."""
    images, labels = (x[::2] for x in load_digits(return_X_y=True))
    sets = sliding_window_view(images.reshape(-1, 8, 8), (4, 4), axis=(1, 2)).reshape(-1, 16)
    np.savez(folder / "digits.npz", X=sets.astype(np.float32), lengths=np.full(len(images), 25), y=labels)
