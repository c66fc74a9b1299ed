"""Each check of pages (scripts/page_checks.py) finds what it is there to find, and nothing on a good page."""

import re

import page_checks
import pytest
from browser import Browser, BrowserError, find

pytestmark = pytest.mark.skipif(find() is None, reason="Chromium is not installed (Debian: apt-get install chromium)")

GOOD = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Good</title>
<style>
:root { color-scheme: light dark; --paper: #fcfbf8; --ink: #1c1f24; --far: #5d6068 }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --ink: #e9e6df; --far: #a5a7ab } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 sans-serif }
main { padding: 16px } .far { color: var(--far) } a { color: inherit } button { min-height: 32px }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px }
.bar { display: block; height: 4px; background: var(--ink); print-color-adjust: exact }
.wide { overflow-x: auto } .wide > div { width: 1400px } .moves { transition: color 1s }
@media (prefers-reduced-motion: reduce) { .moves { transition: none } }
@media print { .wide > div { width: auto } }
</style></head>
<body><main>
<h1>A page</h1>
<p>A score of <b data-value="-4.1634">&minus;4.16</b>, that is <span data-value="0.0712">7.1 %</span>,
or <i data-value="0.0004">under 0.1 %</i>.
<a href="#more">More</a></p>
<img alt="a grey dot" width="90" height="20"
 src="data:image/gif;base64,R0lGODlhAQABAIAAAMLCwgAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==">
<svg role="img" aria-label="Two bars: 3 and 4" viewBox="0 0 200 40" width="200">
<text x="4" y="20" font-size="14" fill="var(--ink)">3</text></svg>
<h2 id="more">More</h2>
<p class="far moves">Words of less weight.</p>
<div class="wide" tabindex="0" role="group" aria-label="A row"><div>A long row</div></div>
<table><tr><th>name</th><td>value<i class="bar"></i></td></tr></table>
<details><summary>Folded</summary><p>Inside.</p></details>
<button type="button">Press</button>
<ul role="listbox" aria-label="Bars" tabindex="0"><li role="option" tabindex="-1">one</li></ul>
</main></body></html>
"""

#: Of which part, what of the good page is replaced by what, and what is said of it then.
BROKEN = [
    ("shown", "</main>", "<script>missing()</script></main>", "exception: ReferenceError"),
    ("shown", "</main>", "<script>Promise.reject(Error('late'))</script></main>", "exception: Error: late"),
    ("shown", "</main>", "<script>console.error('no', 3)</script></main>", "console error: no 3"),
    ("shown", "</main>", "<script>console.warn('hm')</script></main>", "console warning: hm"),
    (
        "shown",
        "</main>",
        "<script>new Image().src = 'https://example.org/x.png'</script></main>",
        "asks for https://example",
    ),
    ("shown", "</style>", "</style><link rel=stylesheet href=other.css>", "asks for file:.*other.css"),
    ("shown", "</style>", "@font-face { font-family: X; src: url(x.woff2) } h1 { font-family: X }</style>", "x.woff2"),
    ("shown", "<h1>", '<div id="big" style="width: 800px">x</div><h1>', "scrolls sideways: \\d+ of 390, for <div#big>"),
    ("shown", "<td>value", '<td style="min-width: 1270px">value', "scrolls sideways: .* of 1280.*1280 dark"),
    (
        "shown",
        "--far: #5d6068",
        "--far: #909398",
        "<p.far.moves> .* has a contrast of 3.\\d, not 4.5 \\(390 light\\)",
    ),
    ("shown", "--far: #a5a7ab", "--far: #5d6068", "not 4.5 \\(1280 dark\\)"),
    ("shown", 'class="far moves"', 'style="opacity: .4"', "has a contrast of 2"),
    (
        "shown",
        'class="far moves"',
        'style="display: inline-block; background: linear-gradient(90deg, var(--paper), var(--ink))"',
        "has a contrast of 1",
    ),
    ("shown", 'font-size="14" fill="var(--ink)"', 'font-size="14" fill="#999"', '<text> "3" has a contrast'),
    ("shown", "<h1>", '<h1 style="color: #999; font-size: 40px">', "<h1> .* has a contrast of 2.\\d, not 3.0"),
    ("shown", "<table>", '<table style="font-size: 9px">', "letters of 9.0 pixels; so small are 2 texts"),
    ("shown", 'width="200"', 'width="100"', "letters of 7.0 pixels"),
    ("shown", ' tabindex="0" role="group" aria-label="A row"', "", "<div.wide> .* scrolls, but not by keyboard"),
    (
        "shown",
        "<table>",
        '<div style="width: 90px; overflow: hidden; white-space: nowrap">No end of words</div><table>',
        "is cut off",
    ),
    (
        "shown",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "",
        "the window is 980 wide instead of 390",
    ),
    ("document", "<!doctype html>", "", "quirks mode"),
    ("document", ' lang="en"', "", "<html> has no lang"),
    ("document", "<title>Good</title>", "<title> </title>", "the title is empty"),
    ("document", "initial-scale=1", "user-scalable=no", "zoom is forbidden"),
    ("document", "main>", "div>", "0 <main> instead of one"),
    ("document", "<table>", '<table id="more">', 'the id "more" is not unique'),
    ("document", "#more", "#less", 'href names "less", which is nowhere'),
    ("document", "<table>", '<table aria-labelledby="title">', 'aria-labelledby names "title"'),
    ("document", '<h2 id="more">More</h2>', '<h3 id="more">More</h3>', '<h3#more> "More" follows a heading of level 1'),
    ("document", '<h2 id="more">More</h2>', '<h1 id="more">More</h1>', "2 <h1> instead of one"),
    ("document", ' alt="a grey dot"', "", "<img> has no alt"),
    ("document", ' aria-label="Two bars: 3 and 4"', "", "<svg> .*neither a name"),
    ("document", "<table>", "<canvas></canvas><table>", "<canvas> has neither a name"),
    ("document", "<table>", "<i style='background: url(data:,)'></i><table>", "<i> shows a picture without"),
    ("document", "<th>name</th>", "<td>name</td>", "has no header cell"),
    ("document", "Press", "", "button without a name"),
    (
        "document",
        "</style>",
        "</style><link rel=icon href=https://example.org/i.png>",
        "<link> loads https://example.org",
    ),
    (
        "document",
        "<table>",
        "<i class='bar' style='position: relative; top: -44px; height: 40px'></i><table>",
        "is covered",
    ),
    ("document", "&minus;4.16", "&minus;0.00", "minus zero"),
    ("document", "a grey dot", "from -0 to 1", "minus zero"),
    ("document", "&minus;4.16", "NaN", "what is not a number"),
    ("document", "&minus;4.16", "-4.16", "a hyphen for a minus sign"),
    ("document", "&minus;4.16", "&minus;4.17", "shows -4.17 and carries -4.1634"),
    ("document", "&minus;4.16", "4.16", "shows 4.16 and carries -4.1634"),
    ("document", "7.1 %", "7.2 %", "shows 7.2 and carries 0.0712"),
    ("document", '"-4.1634"', '""', 'carries ""'),
    ("document", "outline: 3px solid var(--ink)", "outline: none", '<button> "Press" does not show'),
    ("document", "outline: 3px solid var(--ink)", "outline: 3px solid #ddd", '<button> "Press" does not show'),
    (
        "document",
        "<button",
        "<div style='overflow: hidden; width: 66px; height: 32px'><button style='width: 100%; display: block' ",
        '"Press" does not show',
    ),
    ("document", '<button type="button"', '<button type="button" tabindex="-1"', '<button> "Press" is not reached'),
    ("document", 'aria-label="Bars" tabindex="0"', 'aria-label="Bars"', '<li> "one" is not reached'),
    ("document", "<button", "<button onkeydown='event.preventDefault()' ", '"Press" keeps the focus'),
    (
        "document",
        "</main>",
        "<script>document.querySelector('svg').onclick = () => 1</script></main>",
        "<svg> .*mouse only",
    ),
    (
        "document",
        "</main>",
        "<script>document.querySelector('img').addEventListener('pointermove', () => 1)</script></main>",
        "<img> can be used with the mouse only",
    ),
    ("motion", "reduce) { .moves", "reduce) { .stays", "moves, though less motion is wished for"),
    ("motion", "main {", "@keyframes k { to { opacity: 0 } } h1 { animation: k 2s } main {", "<h1> .* moves"),
    (
        "fingers",
        "</main>",
        "<style>i button { min-height: 0; height: 14px; display: block }</style>"
        "<i><button>a</button><button>b</button></i></main>",
        '<button> "a" is .* by 14 pixels, too small',
    ),
    ("paper", "@media print { .wide > div { width: auto } }", "", "<div.wide> .* is cut off"),
    ("paper", "print-color-adjust: exact", "", "<i.bar> is not printed"),
    ("paper", "<td>value", "<td><i style='mask: url(data:,); background: red'>", "<i> is not printed"),
    ("document", "7.1 %", "under 7.1 %", "shows 7.1 and carries 0.0712"),
    ("paper", "@media print {", "@media print { h1 { width: 900px } ", "the page is 9.. wide instead of 718"),
    ("markup", "</table>", "</table></b>", "line \\d+: </b> closes nothing"),
    ("markup", "<table>", "<section><table>", "<section> is never closed"),
    ("markup", 'alt="a grey dot"', 'alt="a "grey" dot"', "has an attribute called"),
    ("markup", "<table>", '<table id="a" id="b">', "<table> has id twice"),
    ("markup", "Inside.</p>", "<div>Inside.</div></p>", "</p> closes nothing"),
]


@pytest.fixture(scope="module")
def tab():
    with Browser() as browser:
        yield browser.tab()


def check(tab, folder, text, **options):
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    return page_checks.check(tab, path, **options)


def test_nothing_is_said_of_a_good_page(tab, tmp_path):
    assert check(tab, tmp_path, GOOD) == []


@pytest.mark.parametrize(("part", "old", "new", "said"), BROKEN, ids=[said for *_, said in BROKEN])
def test_what_is_broken_is_found(part, old, new, said, tab, tmp_path):
    assert old in GOOD
    found = check(tab, tmp_path, GOOD.replace(old, new), parts=[part], views=[(390, "light"), (1280, "dark")])
    assert any(re.search(said, sentence) for sentence in found), found


def test_a_browser_always_ends():
    with Browser() as browser, pytest.raises(BrowserError, match="no answer in time"):
        browser.wait(lambda: False, "nothing", seconds=0.1)
    assert browser._pid is None
    with pytest.raises(BrowserError, match="ended"), Browser("/bin/false"):
        pass
