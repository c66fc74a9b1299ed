"""The README's Python is the example that it names; the scores of the guide were measured."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_first_example_is_the_file_and_has_fifteen_lines():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert (ROOT / "python/examples/digits.py").read_text().endswith(code)
    assert len([line for line in code.splitlines() if line]) <= 15


GUIDE = (ROOT / "docs/guide.md").read_text()


def test_the_guides_scores_are_those_that_were_measured():
    measured = (ROOT / "docs/accuracy.md").read_text()
    scores = re.findall(r"\d+\.\d\d(?= %)", GUIDE)
    assert len(scores) > 20
    assert not [score for score in scores if score not in measured]
