#!/usr/bin/env python3
"""Are the built pages of the documentation whole, and good for everybody?

    python3 scripts/docs_checks.py FOLDER     what is wrong with its pages; needs NumPy and Pillow

Of every page: links lead to files and elements that are there, and nothing is loaded from elsewhere. In Chromium, if it is
installed: nothing is asked for but files, no complaint, no scrolling sideways on a phone, a tablet and a desk; and of some
pages in both themes, texts that stand out from what is behind them. The theme's own files are taken as they are.
"""

import re
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from browser import Browser, find
from page_checks import PHONE, WIDTHS, contrast

#: Kinds of pages, as patterns: the colours of one of each are looked at.
KINDS = (
    "index.html",
    "start.html",
    "derivation.html",
    "encoders.html",
    "scaling.html",
    "project/decisions.html",
    "api/index.html",
    "api/command.html",
    "api/generated/fishervec.FisherVector.html",
    "examples/index.html",
    "examples/plot_1*.html",
)
#: Attributes that load what they name; others lead there.
LOADING = {
    ("script", "src"),
    ("img", "src"),
    ("source", "srcset"),
    ("iframe", "src"),
    ("video", "src"),
    ("link", "href"),
}
#: What is not there for the eye: formulas as screen readers have them, and colours on their way.
STILL = """Promise.all(document.getAnimations().map(one => one.finished)).then(() =>
    document.querySelectorAll("mjx-assistive-mml").forEach(element => element.remove()))"""


class Page(HTMLParser):
    """The ids of a page, what it loads and where its links lead."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.loads, self.leads = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        for name in ("href", "src", "srcset"):
            if given.get(name):
                targets = [given[name]] if name != "srcset" else [one.split()[0] for one in given[name].split(",")]
                (self.loads if (tag, name) in LOADING or name == "srcset" else self.leads).extend(targets)


def pages_of(folder):
    """The pages, without parts of the theme's."""
    return {path: Page(path) for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts}


def links(folder, pages):
    """Links that lead nowhere, and what is loaded from elsewhere."""
    for path, page in pages.items():
        for target in {*page.loads, *page.leads}:
            address = urlsplit(target)
            if address.scheme or address.netloc:
                if target in page.loads and address.scheme != "data":
                    yield path, f"loads {target}"
                continue
            there = (path.parent / unquote(address.path)).resolve() if address.path else path
            if not there.exists():
                yield path, f"leads to {target}, which is not there"
            elif address.fragment and there in pages and unquote(address.fragment) not in pages[there].ids:
                yield path, f"leads to {target}, which has no such element"
    for path in folder.rglob("*.css"):
        for address in re.findall(
            r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)", path.read_text(encoding="utf-8")
        ):
            yield path, f"loads {address}"


def views(folder, pages):
    """What Chromium says about each page."""
    read = {path for kind in KINDS for path in folder.glob(kind)}
    with Browser() as browser:
        tab = browser.tab()
        for path in pages:
            for width in WIDTHS if path in read else (390, 1280):
                for theme in ("light", "dark") if path in read else ("dark" if width == 390 else "light",):
                    yield from (
                        (path, f"{fault} ({width} {theme})") for fault in view(tab, path, width, theme, path in read)
                    )


def view(tab, path, width, theme, colours):
    tab.show(width, theme=theme, mobile=width < PHONE)
    tab.open(path)
    tab.settle()
    yield from tab.complaints
    yield from (f"asks for {url}" for url in tab.requests if not url.startswith(("file:", "data:", "blob:")))
    wide = tab.evaluate("document.scrollingElement.scrollWidth")
    if wide > width:
        yield f"scrolls sideways: it is {wide} wide"
    if colours and width in (390, 1280):
        script = Path(__file__).with_name("page_checks.js").read_text(encoding="utf-8")
        tab.evaluate(f"globalThis.pageChecks = (() => {{ {script} }})()")
        tab.evaluate(STILL)
        yield from contrast(tab)


def main(folder):
    folder = Path(folder).resolve()
    started, pages = time.time(), pages_of(folder)
    wrong = list(links(folder, pages))
    if find():
        wrong += views(folder, pages)
    else:
        print("Chromium is not installed: how the pages look was not checked")
    for path, fault in wrong:
        print(f"{path.relative_to(folder)}: {fault}")
    print(f"{len(pages)} pages, {len(wrong) or 'nothing'} wrong, {time.time() - started:.0f} s")
    return int(bool(wrong) or not pages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else "expected the folder of the pages: target/docs")
