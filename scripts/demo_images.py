"""The second half of `make demo`: crops find the images that they are of; a contact sheet shows them."""

import csv
import shutil
import zipfile
from operator import mul

import demo_sheet
from demo_tools import FOLDER, cargo, npy, short, step, wheel

PACKAGE = "scikit-image==0.26.0"
IMAGES = [
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
]
WHOLE, CROPS, THUMBNAILS = FOLDER / "images", FOLDER / "crops", FOLDER / "thumbnails"
SHEET = FOLDER / "contact-sheet.html"
ENCODERS = {"fisher": [], "pooling": ["--encoder", "pooling", "--norm", "l2"]}


def download():
    """Leave the images in WHOLE; return None, or why that was not possible."""
    if all((WHOLE / name).is_file() for name in IMAGES):
        return None
    got = wheel(PACKAGE)
    if isinstance(got, str):
        return got
    WHOLE.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(got) as archive:
        for name in IMAGES:
            (WHOLE / name).write_bytes(archive.read(f"skimage/data/{name}"))
    shutil.rmtree(got.parent)
    return None


def vectors(path):
    """The names of the images and their vectors, as `encode` wrote them."""
    with open(path, "rb") as file:
        values, (n, p) = npy(file, "f")
    with open(path.with_suffix(".csv"), newline="") as file:
        names = [row["source"].rpartition("/")[2] for row in csv.DictReader(file)]
    return names, [values[i * p : (i + 1) * p] for i in range(n)]


def neighbours(queries, database):
    """For each crop the images as (cosine, name), the most similar first; the vectors have norm 1."""
    names, whole = database
    for crop, vector in zip(*queries, strict=True):
        similar = (sum(map(mul, vector, other)) for other in whole)
        yield crop, sorted(zip(similar, names, strict=True), reverse=True)


def stem(name):
    return name.rpartition(".")[0]


def is_of(crop, image):
    return stem(crop).rpartition("-")[0] == stem(image)


def job(binary, name, options):
    model = short(FOLDER / f"images-{name}.safetensors")
    fit, _ = step(binary, "fit", short(WHOLE), "-o", model, *options, "--quiet")
    seconds, found = 0.0, []
    for folder in (WHOLE, CROPS):
        out = FOLDER / f"{folder.name}-{name}.npy"
        seconds += step(binary, "encode", short(folder), "-m", model, "-o", short(out), "--quiet")[0]
        found.append(vectors(out))
    ranking = list(neighbours(found[1], found[0]))
    right = sum(is_of(crop, order[0][1]) for crop, order in ranking)
    n_images = sum(len(names) for names, _ in found)
    return {"right": right, "of": len(ranking), "fit": fit, "rate": n_images / seconds, "ranking": ranking}


def contact_sheet(done):
    """The page of the Fisher vector's neighbours; see demo_sheet.py."""
    crops = [
        demo_sheet.Crop(
            stem(crop), [(similarity, stem(name)) for similarity, name in order], stem(crop).rpartition("-")[0]
        )
        for crop, order in done["fisher"]["ranking"]
    ]
    thumbnails = {path.stem: path.read_bytes() for path in THUMBNAILS.glob("*.jpg")}
    about = (
        f"{len(crops)} crops, made smaller and compressed, of {len(IMAGES)} images. Nothing was learned from the crops."
    )
    return demo_sheet.sheet(crops, thumbnails, about, done["pooling"]["right"])


def images(binary):
    why = download()
    if why:
        print(f"\nThe images could not be downloaded ({why}): this part is left out.")
        return
    for folder in (CROPS, THUMBNAILS):
        shutil.rmtree(folder, ignore_errors=True)
    cargo(
        "run",
        "--release",
        "--quiet",
        "--package",
        "fishervec",
        "--features",
        "image",
        "--example",
        "crops",
        "--",
        str(WHOLE),
        str(CROPS),
        str(THUMBNAILS),
    )
    print(f"""
Images: {len(IMAGES)} from scikit-image ({short(WHOLE)}), and four crops of each, scaled down and compressed. Which
image is each crop from? Dense SIFT, RootSIFT, PCA to 64; the Fisher vector has 64 components. Nothing is learned from
the crops.
""")
    done = {name: job(binary, name, options) for name, options in ENCODERS.items()}
    SHEET.write_text(contact_sheet(done), encoding="utf-8")
    rows = [
        ("", "Fisher vector", "pooling"),
        ("crops that find their image", *(f"{r['right']} of {r['of']}" for r in done.values())),
        ("fit", *(f"{r['fit']:.2f} s" for r in done.values())),
        ("encode, images per second", *(f"{r['rate']:.1f}" for r in done.values())),
    ]
    print()
    print("\n".join(f"  {a:<28}{b:>15}{c:>15}" for a, b, c in rows))
    print(f"""
  A crop finds its image if no other image is more similar (cosine). Open the contact sheet in a browser:
  {short(SHEET)}""")
