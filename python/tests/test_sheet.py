"""The contact sheet of the demo: what it says, and that it is good for everybody in a browser."""

import re
from html import escape, unescape

import demo_sheet
import page_checks
import pytest
from browser import Browser, find

JPEG = bytes.fromhex("ffd8ffd9")
ODD = 'R&D <b>"Café'
IMAGES = [ODD, "a_name_that_is_much_longer_than_its_thumbnail_is_wide", *"cdefgh"]


def crop(name, image, **similarities):
    """A crop of an image; all images that are not named have a similarity of -0.004."""
    order = [(similarities.get(other[0], -0.004), other) for other in IMAGES]
    return demo_sheet.Crop(name, sorted(order, reverse=True), image)


CROPS = [
    crop(f"{ODD}-1", ODD, R=0.9, a=0.2, c=0.1),
    crop(f"{ODD}-2", ODD, R=0.31, a=0.309),
    crop("lost-1", "c", R=0.6, a=0.5, c=0.4, d=0.41),
    crop("lost-2", "h", R=0.6, a=0.5, c=0.4, d=0.3, e=0.2, f=0.1, h=-0.2),
    *(crop(f"c-{i}", "c", c=0.5, a=i / 100) for i in range(6)),
]


def page(crops=CROPS):
    names = {*IMAGES, *(one.name for one in crops)}
    return demo_sheet.sheet(crops, dict.fromkeys(names, JPEG), "10 crops <of> 8 images.", 3)


def words(text):
    """The text of a page, as a browser shows it."""
    return unescape(re.sub(r"<[^>]*>", "\n", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)))


def rows(text):
    return re.findall(
        r'<article class="row( lost)?">.*?<b>(.*?)</b>.*?<span class="sub">(.*?)</span>.*?<ol>(.*?)</ol>', text
    )


def test_failures_come_first_then_the_narrowest_then_the_rest_in_order():
    text = page()
    assert re.search(r'<p class="score">8 <small>of 10 find their image', text)
    assert "Pooling finds 3." in text
    assert "<h2>The 2 failures, and the 5 narrowest</h2>" in text
    shown, _, folded = text.partition("<details>")
    assert [unescape(name) for _, name, *_ in rows(shown)] == [
        "lost-2",
        "lost-1",
        f"{ODD}-2",
        "c-5",
        "c-4",
        "c-3",
        "c-2",
    ]
    assert [unescape(name) for _, name, *_ in rows(folded)] == [f"{ODD}-1", "c-0", "c-1"]
    assert "The other 3, in order of name" in folded


def test_the_right_image_is_shown_wherever_it_came():
    by_name = {unescape(name): (lost, unescape(verdict), items) for lost, name, verdict, items in rows(page())}
    assert by_name["lost-2"][:2] == (" lost", "<b>not found</b>: its image came number 8")
    assert by_name["lost-1"][:2] == (" lost", "<b>not found</b>: its image came number 4")
    assert by_name[f"{ODD}-2"][:2] == ("", "ahead by less than 0.01")
    assert by_name["c-5"][:2] == ("", "ahead by 0.45")
    for _, _, items in by_name.values():
        assert items.count("<li") == demo_sheet.SHOWN
        assert (
            items.count("<li class=mine") == items.count('class="tick"') == items.count("the image of this crop") == 1
        )
    # The last place is its own, though others were before it.
    assert by_name["lost-2"][2].rpartition("<li")[2].startswith(" class=mine")
    assert 'aria-label="h, similarity \N{MINUS SIGN}0.20, the image of this crop"' in by_name["lost-2"][2]


def test_bars_are_similarities_and_none_is_below_0():
    bars = [float(width) for width in re.findall(r'<i style="width:([-\d.]+)%">', page())]
    assert max(bars) == 90
    assert min(bars) == 0


def test_there_is_no_minus_zero_and_names_are_escaped():
    text = page()
    assert not re.search(r"[-\N{MINUS SIGN}]0\.0+\b", words(text))
    assert ODD not in text
    assert escape(ODD) in text
    assert "10 crops &lt;of&gt; 8 images." in text


def test_a_thumbnail_is_held_once_and_nothing_is_fetched():
    text = page()
    assert text.count("data:image/jpeg") == len(IMAGES) + len(CROPS)
    assert not re.search(r"https?:|<script|<link|@import|src=\"(?!data:)", text)
    assert text.count("<img") == len(re.findall(r'<img src="data:[^"]+" alt="Crop [^"]+"', text)) == len(CROPS)


@pytest.mark.parametrize(
    ("n_lost", "n_first", "heading"),
    [(0, 5, "The 5 narrowest"), (1, 1, "The failure, and the narrowest"), (3, 0, "The 3 failures")],
)
def test_the_heading_counts_what_is_there(n_lost, n_first, heading):
    assert demo_sheet.heading(n_lost, n_first) == heading


def test_one_crop_of_one_image_is_a_page():
    only = demo_sheet.Crop("x-1", [(0.0, "x")], "x")
    text = demo_sheet.sheet([only], {"x": JPEG, "x-1": JPEG}, "", 0)
    assert "ahead by less than 0.01" in text
    assert "<details>" not in text


@pytest.mark.parametrize("values", [[0.3], [0.0], [-0.01, 0.2], [-0.4, 0.9], [1.0]])
def test_ticks_are_around_all_values(values):
    ticks = demo_sheet.axis(values)
    assert ticks[-1] >= max(values)
    assert ticks[0] <= min(values) + 0.02
    assert len(ticks) > 1


@pytest.mark.skipif(find() is None, reason="Chromium is not installed (Debian: apt-get install chromium)")
def test_the_sheet_is_good_for_everybody(tmp_path):
    path = tmp_path / "sheet.html"
    path.write_text(page(), encoding="utf-8")
    with Browser() as browser:
        assert page_checks.check(browser.tab(), path) == []
