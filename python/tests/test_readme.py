"""The README's Python is the example that it names; the guide's Python runs, and its scores were measured."""

import re
from pathlib import Path

from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_first_example_is_the_file_and_has_fifteen_lines():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert (ROOT / "python/examples/digits.py").read_text().endswith(code)
    assert len([line for line in code.splitlines() if line]) <= 15


def test_every_file_the_readme_names_is_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


GUIDE = (ROOT / "docs/guide.md").read_text()


def test_the_guides_scores_are_those_that_were_measured():
    measured = (ROOT / "docs/accuracy.md").read_text()
    scores = re.findall(r"\d+\.\d\d(?= %)", GUIDE)
    assert len(scores) > 20
    assert not [score for score in scores if score not in measured]


def test_the_guides_code_runs(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert len(blocks) == 3
    monkeypatch.chdir(tmp_path)
    images, labels = load_digits(return_X_y=True)
    # An image of 8 x 8 pixels as a set of 16 half rows.
    names = {"sets": images[:200].reshape(200, 16, 4), "labels": labels[:200]}
    for code in blocks:
        exec(code, names)
    assert names["search"].best_score_ > 0.5
    assert [x.shape for x in names["shares"]] == [(16, 10)] * 200
    assert names["report"].numbers["report"]["labelled"] == 200
    assert 0 < (tmp_path / "report.html").stat().st_size < 2e6
