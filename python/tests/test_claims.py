"""What the pages of docs/ say about other files: every kind of error is there, and scores were measured."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def page(name):
    return (ROOT / "docs" / name).read_text()


def test_every_variant_of_the_error_is_on_the_page():
    source = (ROOT / "crates/fishervec/src/error.rs").read_text()
    enum = source[source.index("pub enum Error {") : source.index("pub type Result")]
    variants = set(re.findall(r"^    ([A-Z]\w+)[ ,]", enum, re.MULTILINE))
    named = set(re.findall(r"\*\*`(\w+)`\*\*", page("troubleshooting.md")))
    assert len(variants) > 15
    assert variants == named


def test_the_scores_against_a_fisher_vector_were_measured():
    measured = page("accuracy.md") + page("reranking.md")
    scores = re.findall(r"\d+\.\d+(?= %)", page("why-not.md"))
    assert len(scores) > 15
    assert not [score for score in scores if score not in measured]
