"""docs/pathology.md is run, on files in the layouts that it speaks of."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fishervec import FisherVector, open_sets

PAGE = (Path(__file__).parents[2] / "docs" / "pathology.md").read_text()
COMMAND = Path(sys.executable).with_name("fishervec")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Twelve slides of six patients, two of each, in TRIDENT's layout; and a file of each of the other kinds."""
    h5py, pa = pytest.importorskip("h5py"), pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    Path("slides").mkdir()
    rows = []
    for i in range(12):
        n = 0 if i == 11 else int(rng.integers(300, 900))
        label = "luad" if i // 2 % 2 else "lusc"
        x = rng.normal(size=(n, 96)).astype(np.float32)
        x[: n // 3, :3] += 6 if label == "luad" else -6
        with h5py.File(f"slides/TCGA-{i:02}.h5", "w") as file:
            file.create_dataset("features", data=x, chunks=(1, 96), maxshape=(None, 96))
            coords = file.create_dataset(
                "coords", data=rng.integers(0, 9999, (n, 2)), chunks=(1, 2), maxshape=(None, 2)
            )
            coords.attrs["patch_size_level0"] = 512
        rows.append({"slide_id": f"TCGA-{i:02}", "patient": f"P{i // 2:02}", "label": label})
    pd.DataFrame(rows).to_csv("labels.csv", index=False)
    with h5py.File("feats-superpoint.h5", "w", libver="latest") as file:
        for i in range(5):
            group = file.create_group(f"db/street {i}.jpg")
            group.create_dataset("keypoints", data=rng.uniform(0, 640, (80 + i, 2)).astype(np.float32))
            group.create_dataset("descriptors", data=rng.normal(size=(16, 80 + i)).astype(np.float16))
            group.create_dataset("scores", data=rng.uniform(size=80 + i).astype(np.float16))
            group.create_dataset("image_size", data=np.array([640, 480]))
    with h5py.File("cells.h5ad", "w") as file:
        file.create_dataset("X", data=rng.poisson(1, (400, 30)).astype(np.float32))
        file.create_group("obsm").create_dataset("X_pca", data=rng.normal(size=(400, 8)))
        obs = file.create_group("obs")
        obs.attrs.update({"_index": "cell", "encoding-type": "dataframe", "column-order": ["sample", "condition"]})
        obs.create_dataset("cell", data=[f"c{i}" for i in range(400)])
        for name, values in (("sample", ["s0", "s1", "s2", "s3"]), ("condition", ["ill", "well"])):
            column = obs.create_group(name)
            column.attrs.update({"encoding-type": "categorical", "ordered": False})
            column.create_dataset("categories", data=values)
            column.create_dataset("codes", data=(np.arange(400) // (100 if name == "sample" else 200)).astype(np.int8))
    documents = [rng.normal(size=(int(n), 12)).astype(np.float32) for n in rng.integers(40, 90, 6)]
    ids = [f"doc{i}" for i in range(6)]
    table = pa.table({"doc_id": ids, "topic": ["a", "b"] * 3, "embeddings": [x.tolist() for x in documents]})
    pq.write_table(table, "documents.parquet")
    whose = [name for name, x in zip(ids, documents, strict=True) for _ in x]
    pq.write_table(pa.table({"doc_id": whose, "embeddings": np.concatenate(documents).tolist()}), "tokens.parquet")
    return tmp_path


def test_the_page_runs(files, capsys):
    names = {}
    for block in blocks("python"):
        exec(compile(block, "docs/pathology.md", "exec"), names)
    scores, images, samples, tokens = capsys.readouterr().out.strip().split("\n")
    assert np.fromstring(scores.strip("[]"), sep=" ").min() > 0.5
    assert names["vectors"].shape[0] == 12 and names["patients"].shape[0] == 6 and not names["vectors"][11].any()
    # The vector of a patient is that of all patches of the slides.
    slides, encoder = names["slides"], FisherVector(n_components=16, pca=64, random_state=0).fit(names["slides"])
    together = encoder.transform([np.concatenate([slides[2], slides[3]])])
    np.testing.assert_allclose(names["patients"][1], together[0], atol=1e-5)
    table = pd.read_parquet("slides.parquet")
    assert table["id"].tolist() == slides.names and table["label"].tolist() == slides.labels.tolist()
    np.testing.assert_array_equal(np.stack(table["vector"]), names["vectors"])
    check_maps(names["model"], slides)
    assert images == "['db/street 0.jpg', 'db/street 1.jpg'] (5, 132)"
    assert samples == "['s0', 's1', 's2', 's3'] ['ill' 'ill' 'well' 'well'] (4, 51)"
    assert tokens == "(6, 100) (6, 100)"
    np.testing.assert_allclose(
        names["encoder"].transform(names["tokens"]), names["encoder"].transform(names["documents"]), rtol=1e-6
    )


def check_maps(model, slides):
    """The files of shares have the rows of the slides, and sum to the decision."""
    h5py = pytest.importorskip("h5py")
    decisions = model.decision_function(slides)
    for i, name in enumerate(slides.names):
        with h5py.File(f"maps/{name}.h5") as file, h5py.File(f"slides/{name}.h5") as slide:
            shares = file["attention_scores"][:]
            assert shares.shape == (slides.sizes[i], 1)
            np.testing.assert_array_equal(file["coords"], slide["coords"])
            assert dict(file["coords"].attrs) == dict(slide["coords"].attrs) == {"patch_size_level0": 512}
        score = shares.sum() + model[-1].intercept_[0]
        np.testing.assert_allclose(score, decisions[i], atol=1e-6 * (1 + np.abs(shares).sum()))


def test_the_commands_of_the_page_run(files):
    (block,) = blocks("sh")
    for line in block.strip().split("\n"):
        _, *words = shlex.split(line)
        subprocess.run([COMMAND, *words], check=True, capture_output=True, text=True)
    patients = pd.read_csv("patients.csv")
    assert patients["set"].tolist() == [f"P{i:02}" for i in range(6)]
    assert patients["label"].tolist() == ["lusc", "luad"] * 3
    slides = open_sets("slides")
    assert pd.read_csv("slides.csv")["n"].tolist() == slides.sizes.tolist()
    assert len(pd.read_csv("neighbours.csv")) >= 11
