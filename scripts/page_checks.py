#!/usr/bin/env python3
"""Is a page good for everybody? One file without network, read in Chromium on a phone, a tablet and a desk, in both themes.

    python3 scripts/page_checks.py PAGE...     what is wrong with each page, and where; needs NumPy and Pillow

What is checked: no complaint of the browser, no request, no scrolling sideways, texts that stand out from what is behind
them, names of all pictures and controls, the keyboard, headings, ids, motion, paper, and numbers as they are written.
"""

import io
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from browser import Browser, BrowserError
from PIL import Image

SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
WIDTHS = (320, 390, 768, 1280)
VIEWS = tuple((width, theme) for theme in ("light", "dark") for width in WIDTHS)
#: Where colours and sizes of letters are looked at.
READ = (390, 1280)
#: A phone: its window follows the page's word about the viewport.
PHONE = 500
#: What is left of A4 between the margins, in CSS pixels.
PAPER = 718
#: The contrast of text, and of large text (WCAG 1.4.3); of a mark against what was there before (WCAG 1.4.11).
TEXT, LARGE, MARK = 4.5, 3.0, 3.0
#: The least height of letters in pixels of the screen; of those in a drawing, which has a text in its place.
PIXELS, DRAWN = 12, 9
#: Who listens to these can be used by hand, so it must be usable by keyboard.
BY_HAND = {
    "click",
    "dblclick",
    "mousedown",
    "pointerdown",
    "touchstart",
    "mousemove",
    "pointermove",
    "mouseover",
    "mouseenter",
    "pointerenter",
}
CONTROLS = {
    "button",
    "link",
    "checkbox",
    "radio",
    "slider",
    "textbox",
    "searchbox",
    "combobox",
    "listbox",
    "option",
    "tab",
    "switch",
    "spinbutton",
    "DisclosureTriangle",
    "image",
    "img",
}


def check(tab, path, parts=None, views=VIEWS):
    """What is wrong with a page, as sentences that end with where it is so: of all PARTS, or of some.

    Of faults that differ by the element alone, the first is told, and how many there are.
    """
    faults = {}
    for part in parts or PARTS:
        for where, sentence in PARTS[part](tab, path, views):
            kind = re.sub(r'(<\w+)[^>]*>( ".*")?', r"\1>", sentence)
            faults.setdefault(kind, []).append((where, sentence))
    return [told(found) for found in faults.values()]


def told(found):
    (_, first), others = found[0], len({sentence for _, sentence in found}) - 1
    where = ", ".join(dict.fromkeys(where for where, _ in found))
    return f"{first}{f', and {others} more' * bool(others)} ({where})"


def shown(tab, path, views):
    """What is wrong at some width or in one of the themes."""
    for width, theme in views:
        load(tab, path, width, theme)
        sentences = [*loaded(tab, path), *ask(tab, f"layout({width})")]
        if width in READ:
            sentences += contrast(tab)
        yield from ((f"{width} {theme}", sentence) for sentence in sentences)


def document(tab, path, _):
    load(tab, path)
    sentences = [*ask(tab, "structure()"), *ask(tab, "words()"), *names(tab), *listeners(tab), *keyboard(tab)]
    tab.show(1280, height=tab.height())
    sentences += ask(tab, "covered()")
    return [("page", sentence) for sentence in sentences]


def motion(tab, path, _):
    load(tab, path, reduced_motion="reduce")
    return [("reduced motion", sentence) for sentence in ask(tab, "motion()")]


def fingers(tab, path, _):
    load(tab, path, 390)
    return [("phone", sentence) for sentence in ask(tab, "targets()")]


def paper(tab, path, _):
    load(tab, path, PAPER, media="print")
    tab.call("Page.printToPDF", printBackground=True)
    return [("print", sentence) for sentence in ask(tab, f"printed({PAPER})")]


def markup(_tab, path, _):
    parser = Markup()
    parser.feed(Path(path).read_text(encoding="utf-8"))
    return [("source", sentence) for sentence in parser.end()]


PARTS = {"markup": markup, "shown": shown, "document": document, "motion": motion, "fingers": fingers, "paper": paper}


def load(tab, path, width=1280, theme="light", **features):
    """Open a page with everything that is folded unfolded, and wait while it says that it is busy."""
    tab.show(width, theme=theme, mobile=width < PHONE, **features)
    tab.open(path)
    tab.until("!document.querySelector('[aria-busy=true]')")
    tab.evaluate(f"globalThis.pageChecks = (() => {{ {SCRIPT} }})(); pageChecks.openAll()")
    tab.settle()


def ask(tab, call):
    return tab.evaluate(f"pageChecks.{call}")


def loaded(tab, path):
    """What the browser complained of, and what was asked for beside the page itself."""
    own = Path(path).resolve().as_uri()
    asked = [url for url in tab.requests if url != own and not url.startswith(("data:", "blob:"))]
    return [
        *tab.complaints,
        *(f"the page asks for {url if len(url) < 120 else url[:40] + '…' + url[-70:]}" for url in asked),
    ]


# ---- colours -----------------------------------------------------------------------------------------


def luminance(rgb):
    """WCAG's relative luminance of colours from 0 to 255, over the last axis."""
    x = np.asarray(rgb, dtype=float) / 255
    x = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return x @ [0.2126, 0.7152, 0.0722]


def ratio(a, b):
    """WCAG's contrast of two luminances."""
    return (np.maximum(a, b) + 0.05) / (np.minimum(a, b) + 0.05)


def pixels(tab, **clip):
    return np.asarray(Image.open(io.BytesIO(tab.picture(**clip))).convert("RGB"))


def contrast(tab):
    """Texts that do not stand out from what is drawn behind them, or are too small to be read.

    What is behind a text is what the page shows there without its letters, be it a colour, a ramp or a photograph; nine
    tenths of it have to be far enough from the text's colour.
    """
    lines = ask(tab, "lines()")
    ask(tab, "bare()")
    behind = pixels(tab)
    sentences = []
    for line in lines:
        left, top, right, bottom = (max(0, round(edge)) for edge in line["box"])
        box = behind[top:bottom, left:right].reshape(-1, 3)
        if len(box) == 0:
            continue
        colour = line["opacity"] * np.array(line["colour"]) + (1 - line["opacity"]) * box
        has = float(np.quantile(ratio(luminance(colour), luminance(box)), 0.1))
        least = LARGE if line["large"] else TEXT
        # Colours are rounded to 255ths.
        if has < least - 0.02:
            sentences.append(f"{line['name']} has a contrast of {has:.1f}, not {least}")
    return sentences + too_small(lines)


def too_small(lines):
    small = [line for line in lines if line["size"] < (DRAWN if line["drawn"] else PIXELS) - 0.05]
    if not small:
        return []
    least = min(small, key=lambda line: line["size"])
    return [f"{least['name']} has letters of {least['size']:.1f} pixels; so small are {len(small)} texts"]


# ---- names and keys ----------------------------------------------------------------------------------


def names(tab):
    """Controls and pictures that a screen reader could not name."""
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    nameless = [
        node["role"]["value"]
        for node in nodes
        if not node["ignored"]
        and node["role"]["value"] in CONTROLS
        and not node.get("name", {}).get("value", "").strip()
    ]
    return [f"{role} without a name, for a screen reader" for role in nameless]


def listeners(tab):
    """What follows the mouse and has nothing that the keyboard could reach."""
    document = tab.call("Runtime.evaluate", expression="document")["result"]["objectId"]
    heard = tab.call("DOMDebugger.getEventListeners", objectId=document, depth=-1)["listeners"]
    sentences = []
    for node in sorted({one["backendNodeId"] for one in heard if one["type"] in BY_HAND}):
        element = tab.call("DOM.resolveNode", backendNodeId=node)["object"]["objectId"]
        said = tab.call(
            "Runtime.callFunctionOn",
            objectId=element,
            functionDeclaration="function () { return this === document || this === document.body || pageChecks.canFocus(this) ? '' : pageChecks.name(this) }",
            returnByValue=True,
        )["result"]["value"]
        sentences += [f"{said} can be used with the mouse only"] * bool(said)
    return sentences


def keyboard(tab):
    """Controls that Tab does not reach, and such that do not show that they are reached."""
    tab.call("Emulation.setFocusEmulationEnabled", enabled=True)
    before, sentences = pixels(tab), []
    while True:
        tab.press("Tab")
        at = ask(tab, "atFocus()")
        if at is None or at["again"]:
            break
        if not marked(tab, at["box"], before):
            sentences.append(f"{at['name']} does not show that it has the focus")
    unreached = ask(tab, "unreached()")
    if at is not None and at["stays"] and unreached:
        sentences.append(f"{at['name']} keeps the focus")
    return sentences + unreached


def marked(tab, box, before):
    """Whether focus changes as many pixels as half the way around an element, by a contrast of 3."""
    height, width = before.shape[:2]
    x, y = max(0, int(box[0]) - 6), max(0, int(box[1]) - 6)
    right, bottom = min(width, int(box[0] + box[2]) + 7), min(height, int(box[1] + box[3]) + 7)
    if right <= x or bottom <= y:
        return False
    now = pixels(tab, x=x, y=y, width=right - x, height=bottom - y)
    changed = ratio(luminance(now), luminance(before[y:bottom, x:right])) >= MARK
    return changed.sum() >= box[2] + box[3]


# ---- the source --------------------------------------------------------------------------------------


class Markup(HTMLParser):
    """Reads what a browser would mend without a word: tags that do not match, attributes twice, quotes in names."""

    VOID = frozenset(
        ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
    )
    #: What may stay open until something around it is closed; what ends a paragraph by beginning.
    OPTIONAL = frozenset(
        ["html", "head", "body", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option"]
    )
    BLOCKS = re.compile(
        "address|article|aside|blockquote|details|div|dl|fieldset|fig.*|footer|form|h[1-6r]|header|main|nav|[ou]l|p(re)?|section|table"
    )

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong = [], []

    def say(self, text):
        self.wrong.append(f"line {self.getpos()[0]}: {text}")

    def handle_starttag(self, tag, attributes):
        given = [name for name, _ in attributes]
        for name in sorted({name for name in given if given.count(name) > 1}):
            self.say(f"<{tag}> has {name} twice")
        for name in given:
            if any(sign in name for sign in "\"'<=&"):
                self.say(f"<{tag}> has an attribute called {name}")
        if self.BLOCKS.fullmatch(tag) and self.open and self.open[-1] == "p":
            self.open.pop()
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        while self.open and self.open[-1] != tag and self.open[-1] in self.OPTIONAL:
            self.open.pop()
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.say(f"</{tag}> closes nothing; open are {' '.join(self.open[-3:]) or 'none'}")

    def end(self):
        self.close()
        left = [tag for tag in self.open if tag not in self.OPTIONAL]
        return [*self.wrong, *(f"<{tag}> is never closed" for tag in left)]


def main(paths):
    failed = False
    with Browser() as browser:
        for path in paths:
            wrong = check(browser.tab(), path)
            failed |= bool(wrong)
            print(f"{path}: {len(wrong) or 'nothing'} wrong")
            for sentence in wrong:
                print(f"  {sentence}")
    return int(failed)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit("expected pages; make check-pages ARGS=why.html")
    try:
        sys.exit(main(sys.argv[1:]))
    except (BrowserError, OSError) as error:
        sys.exit(str(error))
