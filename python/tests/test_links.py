"""Links of README, ARCHITECTURE and all pages lead to files and headings that are there; no page asks the network."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import docs_checks
import pytest

import fishervec

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("docs/api/generated/", "docs/examples/")
PAGES = sorted(
    path
    for folder in (ROOT, ROOT / "docs", ROOT / "benchmarks", ROOT / "fuzz", ROOT / "python", ROOT / "crates")
    for path in folder.glob("*.md" if folder == ROOT else "**/*.md")
    if not str(path.relative_to(ROOT)).startswith(GENERATED) and "target" not in path.parts
)
#: What the build puts beside the pages, with what it is made of.
BUILT = {"docs/explore.html": "crates/fishervec-cli/src/explore/page.html"}


def named(path):
    return str(path.relative_to(ROOT))


def text_of(path):
    """The text of a page, without its code."""
    text = re.sub(r"^( *)(`{3,}).*?^\1\2", "", path.read_text(), flags=re.S | re.M)
    return re.sub(r"(`+).+?\1", lambda code: "x" * len(code[0]), text)


def anchors(path):
    """The names that code hosts, and MyST, give to the headings of a page; those of terms in a glossary; its ids."""
    source = re.sub(r"^( *)(`{3,}).*?^\1\2", "", path.read_text(), flags=re.S | re.M)
    found, seen = set(re.findall(r'\bid="([^"]+)"', source)), Counter()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", source, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found | set(re.findall(r"^\(([\w-]+)\)=$", source, re.M))


def links(path):
    """The targets of links and pictures, in the syntax of Markdown and of HTML."""
    text = text_of(path)
    yield from re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", text)
    yield from re.findall(r"^\[[^\]]+\]: +(\S+)", text, re.M)
    yield from re.findall(r'\b(?:src|srcset|href)="([^"]+)"', text)


def wrong(path, target):
    """What is wrong with a link, or None."""
    if re.match(r"\w+:", target):
        address = urlsplit(target)
        host = address.hostname or ""
        good = address.scheme == "https" and re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", host) and " " not in target
        return None if good else "must be an https address with a host"
    file, _, anchor = target.partition("#")
    there = (path.parent / file).resolve() if file else path
    if not there.is_relative_to(ROOT):
        return "is outside of the repository"
    if named(there) in BUILT:
        there = ROOT / BUILT[named(there)]
    if not there.exists():
        return "is not there"
    if not anchor:
        return None
    if there.suffix == ".html":
        return None if f'id="{anchor}"' in there.read_text() else "has no element of this id"
    return None if anchor in anchors(there) else "has no heading of this name"


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_of_a_page_leads_somewhere(path):
    found = {target: wrong(path, target) for target in links(path)}
    assert {target: what for target, what in found.items() if what} == {}


def test_links_are_found_and_wrong_ones_told(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# A `b` & C\n## Twice\n## Twice\n```\n# not this\n```\n")
    page.write_text(
        "# Own\n[a](other.md#a-b--c) [b](other.md#twice-1) [c](#own) `[d](no.md)`\n"
        "```text\n[e](no.md)\n```\n<img src='x' src=\"no.svg\"> [f](other.md#not-this) [g](../up.md)\n[h](http://x.org)\n"
        '[i](https://x.org/a) [j](none.md "title")\n\n[k]: https://nohost\n'
    )
    assert {target: wrong(page, target) for target in links(page)} == {
        "other.md#a-b--c": None,
        "other.md#twice-1": None,
        "#own": None,
        "other.md#not-this": "has no heading of this name",
        "../up.md": "is outside of the repository",
        "http://x.org": "must be an https address with a host",
        "https://x.org/a": None,
        "none.md": "is not there",
        "https://nohost": "must be an https address with a host",
        "no.svg": "is not there",
    }


def test_pages_that_docstrings_and_messages_name_are_there():
    package = Path(fishervec.__file__).parent
    texts = {path.name: path.read_text() for path in package.glob("*.py")}
    pages = {(name, page) for name, text in texts.items() for page in re.findall(r"\bdocs/[\w./-]+\.\w+", text)}
    assert len(pages) > 10
    assert {(name, page) for name, page in pages if not (ROOT / page).exists()} == set()


def test_built_pages_that_are_wrong_are_told(tmp_path):
    good = (
        '<a href="b.html#x">b</a><a href="#own"></a><p id="own"></p><img src="data:,"><a href="https://localhost"></a>'
    )
    (tmp_path / "a.html").write_text(good)
    (tmp_path / "b.html").write_text('<h2 id="x"></h2>')
    assert list(docs_checks.links(tmp_path, docs_checks.pages_of(tmp_path))) == []
    (tmp_path / "b.html").write_text(
        '<a href="#y"></a><a href="c.html"></a><script src="https://localhost/x.js"></script>'
    )
    (tmp_path / "c.css").write_text('a { b: url("https://localhost/font") } c { d: url(own.svg) }')
    told = [(path.name, fault) for path, fault in docs_checks.links(tmp_path, docs_checks.pages_of(tmp_path))]
    assert sorted(told) == [
        ("a.html", "leads to b.html#x, which has no such element"),
        ("b.html", "leads to #y, which has no such element"),
        ("b.html", "leads to c.html, which is not there"),
        ("b.html", "loads https://localhost/x.js"),
        ("c.css", "loads https://localhost/font"),
    ]
