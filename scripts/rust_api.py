"""Compares the public interface of the Rust crates with what their api.txt list. After `cargo doc --workspace`.

The pages of rustdoc are read, since rustdoc knows what is public: macros are expanded, re-exports resolved, hidden items
left out. Listed are every item that can be reached from the root of a crate, with its declaration (fields, variants,
methods of traits; `..` stands for private fields), its own methods, the traits it implements with their associated
types, and whether it is Send and Sync. Not listed are bodies, documentation, values of constants, and traits that hold
for every type. The crates have all features on, as the command turns them on in the library.
"""

import difflib
import os
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CRATES = ("fishervec", "fishervec-cli")
ACCEPT = "FISHERVEC_WRITE_FIXTURES=1 make api"
#: What rustdoc shows of a derive, though no code can name it.
UNNAMED = "StructuralPartialEq"
#: Auto traits on which programs with threads rely.
AUTO = re.compile(r"\b!?(Send|Sync) for ")


class Piece(NamedTuple):
    """A line of code on a page: below which heading, in what kind of section, and its text."""

    heading: str
    section: str
    text: str


class Page(HTMLParser):
    """The pieces of code of a page of rustdoc, and its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pieces: list[Piece] = []
        self.links: list[str] = []
        self.heading = self.section = ""
        self.code: list[str] | None = None
        self.closing = ""
        self.unread = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        kinds = (given.get("class") or "").split()
        if tag == "a":
            self.links.append(given.get("href") or "")
        elif tag == "h2" and "section-header" in kinds:
            self.heading = given.get("id") or ""
        elif tag == "section":
            self.section = kinds[0] if kinds else ""
        if self.code is None:
            if "item-decl" in kinds or "code-header" in kinds or tag == "dt":
                self.code, self.closing = [], tag
        # Notes such as "Show 18 variants" and "/* private fields */" are not code.
        elif tag not in ("br", "wbr") and (self.unread or tag == "summary" or "comment" in kinds):
            self.unread += 1
            self.code.append(" .. " if "comment" in kinds else "")
        elif tag in ("br", "div"):
            self.code.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self.unread:
            self.unread -= 1
        elif self.code is not None and tag == "div":
            self.code.append(" ")
        elif self.code is not None and tag == self.closing:
            self.pieces.append(Piece(self.heading, self.section, one_line("".join(self.code))))
            self.code = None

    def handle_data(self, data: str) -> None:
        if self.code is not None and not self.unread:
            self.code.append(data)


def one_line(code: str) -> str:
    """Code without comments and with one space between words: how lines are broken is rustdoc's affair."""
    code = " ".join(re.sub(r"//[^\n]*", "", code).split())
    code = re.sub(r"([(\[<]) ", r"\1", code)
    code = re.sub(r",? ([)\]>])|,( })", r"\1\2", code)
    return re.sub(r"(\bconst \w+: [^=]*[^= ]) = .*", r"\1", code).rstrip(",;")


def parts(declaration: str) -> list[str]:
    """The head of a declaration, and each field, variant or method on a line of its own."""
    head, brace, body = declaration.partition(" { ")
    if not brace or body == ".. }":
        return [declaration]
    is_trait = " trait " in f" {head}"
    lines, depth, start = [], 0, 0
    body = body.removesuffix("}")
    for index, letter in enumerate(body):
        depth += (letter in "({[<") - (letter in ")}]>" and body[index - 1] != "-")
        if depth == 0 and letter in (";}" if is_trait else ","):
            lines.append(body[start : index + 1].strip(" ,;"))
            start = index + 1
    lines = [line for line in (*lines, body[start:].strip(" ,;")) if line]
    return [head, *("    " + line for line in (sorted(lines) if is_trait else lines))]


def item(page: Page, kind: str) -> Iterator[str]:
    """The lines of one item: its declaration, then each impl and what belongs to it, in the order of the alphabet."""
    declarations = [piece.text for piece in page.pieces if not piece.heading]
    if not declarations:
        raise SystemExit(
            "this page of rustdoc has no declaration: scripts/rust_api.py must learn how it is written now"
        )
    yield from parts(declarations[0])
    impls: dict[str, set[str]] = {}
    inner: set[str] = set()
    for heading, section, text in page.pieces:
        own = heading == "implementations" and kind in ("struct", "enum", "union")
        traits = heading == "trait-implementations" or (heading == "foreign-impls" and kind == "trait")
        if section == "impl":
            inner = set()
            listed = own or (traits and UNNAMED not in text)
            if listed or (heading == "synthetic-implementations" and AUTO.search(text)):
                inner = impls.setdefault(text, inner)
        elif own or (traits and section.startswith("associated")):
            inner.add(text)
    for header in sorted(impls):
        yield header
        yield from ("    " + line for line in sorted(impls[header]))


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def listing(folder: Path) -> str:
    """The public interface of the crate whose pages lie in the folder."""
    crate = folder.name
    links = {link for link in read(folder / "all.html").links if re.fullmatch(r"([\w/]+/)?\w+\.\w+\.html", link)}
    items = sorted(links, key=lambda link: (Path(link).parts[:-1], Path(link).name.split(".")[1]))
    if not items:
        raise SystemExit(f"{folder}/all.html names no item: scripts/rust_api.py must learn how it is written now")
    modules = {Path(), *(parent for link in items for parent in Path(link).parents)}
    lines = []
    for module in sorted(modules):
        path = "::".join((crate, *module.parts))
        uses = [piece.text for piece in read(folder / module / "index.html").pieces if piece.heading == "reexports"]
        lines += [f"{path}", *(f"    {line}" for line in sorted(uses))] if uses else []
    for link in items:
        kind, name = Path(link).name.split(".")[:2]
        lines.append("::".join((crate, *Path(link).parts[:-1], name)))
        lines += ["    " + line for line in item(read(folder / link), kind)]
    return "\n".join(lines) + "\n"


def named(text: str) -> list[str]:
    """Each line after the item it belongs to."""
    name, lines = "", []
    for line in text.splitlines():
        name = name if line.startswith(" ") else line.split("(")[0]
        lines.append(f"{name}: {line.strip()}" if line.startswith(" ") else line)
    return lines


def changes(listed: str, now: str) -> list[str]:
    """What went (-) and what came (+), each with the item that it belongs to."""
    lines = list(difflib.unified_diff(named(listed), named(now), n=0, lineterm=""))[2:]
    return [f"{line[0]} {line[1:]}" for line in lines if line[0] in "-+"]


def main() -> int:
    pages = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "doc"
    changed = False
    for crate in CRATES:
        file = ROOT / "crates" / crate / "api.txt"
        now = listing(pages / crate.replace("-", "_"))
        if os.environ.get("FISHERVEC_WRITE_FIXTURES"):
            file.write_text(now, encoding="utf-8")
        if lines := changes(file.read_text(encoding="utf-8") if file.exists() else "", now):
            changed = True
            print(f"The public interface of {crate} is not what {file.relative_to(ROOT)} lists:", *lines, sep="\n")
    if changed:
        print(f'If this is meant (CONTRIBUTING.md, "What may change"): {ACCEPT}')
    return int(changed)


if __name__ == "__main__":
    sys.exit(main())
