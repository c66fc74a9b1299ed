"""docs/troubleshooting.md names every kind of error there is."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_variant_of_the_error_is_on_the_page():
    source = (ROOT / "crates/fishervec/src/error.rs").read_text()
    enum = source[source.index("pub enum Error {") : source.index("pub type Result")]
    variants = set(re.findall(r"^    ([A-Z]\w+)[ ,]", enum, re.MULTILINE))
    named = set(re.findall(r"\*\*`(\w+)`\*\*", (ROOT / "docs/troubleshooting.md").read_text()))
    assert len(variants) > 15
    assert variants == named
