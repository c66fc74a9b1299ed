"""The README's Python is the example that it names; the guide's Python runs, and its scores were measured."""

import re
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, load_sample_images

from fishervec._fishervec import run

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_first_example_is_the_file_and_has_fifteen_lines():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert (ROOT / "python/examples/digits.py").read_text().endswith(code)
    assert len([line for line in code.splitlines() if line]) <= 15


def test_every_file_the_readme_names_is_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r' src(?:set)?="([^"]+)"', README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


GUIDE = (ROOT / "docs/guide.md").read_text()


def test_the_guides_scores_are_those_that_were_measured():
    measured = (ROOT / "docs/accuracy.md").read_text()
    scores = re.findall(r"\d+\.\d\d(?= %)", GUIDE)
    assert len(scores) > 20
    assert not [score for score in scores if score not in measured]


def test_the_guides_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert len(blocks) == 6
    digits, labels = load_digits(return_X_y=True)
    photographs = [np.ascontiguousarray(image[::3, ::3]) for image in load_sample_images().images]
    # An image of 8 x 8 pixels as a set of 16 half rows.
    names = {"sets": digits[:200].reshape(200, 16, 4), "labels": labels[:200], "images": photographs}
    for code in blocks:
        exec(code, names)
    assert names["search"].best_score_ > 0.5
    assert [x.shape for x in names["shares"]] == [(16, 10)] * 200
    assert names["report"].numbers["report"]["labelled"] == 200
    assert 0 < (tmp_path / "report.html").stat().st_size < 2e6
    assert abs(names["parts"].sum() - names["query"] @ names["other"]) < 1e-5
    assert 0 < names["x"] < photographs[1].shape[1] and 0 < names["y"] < photographs[1].shape[0]
    # The command reads what a block wrote, and says the same.
    np.save("set.npy", names["sets"][3])
    line = "explain set.npy -m model.safetensors --classifier coef.npz -o why.html -q"
    assert run(["fishervec", *line.split()]) == 0
    written = np.genfromtxt("why.csv", delimiter=",", names=True)["contribution"]
    (shares,) = names["encoder"].contributions(names["sets"][3:4], names["model"])
    chosen = names["model"].predict(names["vectors"][3:4])
    np.testing.assert_allclose(written, shares[:, chosen[0]], atol=1e-6)
