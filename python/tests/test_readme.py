"""The README is short, and the scores of the guide were measured."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_start_has_three_lines():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 3


def test_a_result_is_seen_within_two_screens():
    # The first picture of a result; a screen has about 50 lines of text.
    before = README[: README.index("docs/pictures/")].splitlines()
    assert len(before) <= 100
    assert len(re.findall(r"<img src=", README)) == 5, "the hero and four pictures"


GUIDE = (ROOT / "docs/guide.md").read_text()


def test_the_guides_scores_are_those_that_were_measured():
    measured = (ROOT / "docs/accuracy.md").read_text()
    scores = re.findall(r"\d+\.\d\d(?= %)", GUIDE)
    assert len(scores) > 20
    assert not [score for score in scores if score not in measured]
