"""The pictures of docs/ are what their commands draw, have every number as text, and can be read in both themes."""

import re
import sys
from html import unescape
from pathlib import Path

import pytest

from fishervec import _palette, fisher_vector

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import chart  # noqa: E402
import drawing  # noqa: E402
import hero  # noqa: E402

CHARTS = {name: (draw, path, svg) for draw, path in chart.records() for name, svg in chart.drawn(draw, path).items()}
PICTURES = sorted((ROOT / "docs").glob("**/*.svg"))
THEMES = {"light": _palette.LIGHT, "dark": _palette.DARK}


def contrast(one, other):
    """The contrast of two colours as WCAG 2 defines it."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


# ---- the palette -----------------------------------------------------------------------------------------

TEXT = ["ink", "muted", "quiet", "accent", "plus-ink", "minus-ink", *(f"{name}-ink" for name in "abcde")]
GRAPHICS = [*"abcde", "plus", "minus", "faint", "other-1", "other-2", "other-3"]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["paper", "raised"])
def test_text_has_a_contrast_of_4_5_and_graphics_of_3(theme, ground):
    tokens = THEMES[theme]
    assert {name for name in TEXT if contrast(tokens[name], tokens[ground]) < 4.5} == set()
    assert {name for name in GRAPHICS if contrast(tokens[name], tokens[ground]) < 3} == set()
    assert contrast(tokens["on-accent"], tokens["accent"]) >= 4.5


def test_both_themes_have_the_same_tokens():
    assert list(_palette.LIGHT) == list(_palette.DARK)


def test_pages_and_pictures_have_one_palette():
    css = (ROOT / "crates/fishervec-cli/src/page/tokens.css").read_text()
    light, _, dark = css.partition("@media (prefers-color-scheme: dark)")
    for tokens, rules in ((_palette.LIGHT, light), (_palette.DARK, dark)):
        assert tokens.items() <= dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", rules)).items()


def test_a_contrast_is_what_wcag_says():
    # Its own examples, and two greys that are on either side of 4.5.
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


# ---- every picture ---------------------------------------------------------------------------------------


def alternative(svg):
    """The title and the description of a picture."""
    title, text = re.search(r'<title id="title">(.*?)</title><desc id="text">(.*?)</desc>', svg).groups()
    return unescape(title), unescape(text)


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_has_both_themes_and_colours_of_the_palette_alone(path):
    svg = path.read_text()
    light, dark = re.search(r"<style>(.*)@media\(prefers-color-scheme:dark\)\{(.*)\}</style>", svg).groups()
    rules = r"\.(fill|line)-([a-z0-9-]+)\{(fill|stroke):(#[0-9a-f]{6})\}"
    for part, tokens in ((light, _palette.LIGHT), (dark, _palette.DARK)):
        found = re.findall(rules, part)
        assert {token: colour for _, token, _, colour in found} == {token: tokens[token] for _, token, _, _ in found}
        assert len(found) > 3
    classes = " ".join(re.findall(r'class="([^"]*)"', svg.partition("</style>")[2])).split()
    assert set(classes) - {"bold", "title", "body", "small"} == {
        f"{kind}-{token}" for kind, token, _, _ in re.findall(rules, light)
    }
    # No colour stands beside the rules.
    assert not re.search(r"#[0-9a-f]{3,8}\b|rgb|style=", svg.partition("</style>")[2])


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_text_of_a_picture_can_be_read(path):
    svg = path.read_text()
    body = svg.partition("</style>")[2]
    # What text is filled with is a token for text, on a ground that the picture brings along.
    assert '<rect width="' in body and 'class="fill-raised"' in body
    kinds = re.findall(r'<tspan class="fill-([a-z0-9-]+)( bold)?">', body)
    assert kinds and {token for token, _ in kinds} <= set(TEXT)
    assert len(kinds) == body.count("<tspan")
    assert {float(size) for size in re.findall(r"font-size:([\d.]+)px", svg)} == {17, 13, 12}
    assert not re.search(r"[-\N{MINUS SIGN}]0(\.0+)?\b(?!\.)", re.sub(r"<[^>]*>", " ", body))


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_nothing_of_a_picture_is_fetched_or_runs(path):
    assert not re.search(r"<script|<image|href|url\(|@import|\bon\w+=", path.read_text())


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_says_what_is_seen(path):
    title, text = alternative(path.read_text())
    assert len(title) > 20
    assert re.search(r"\d", text)


# ---- charts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHARTS)
def test_the_charts_of_the_docs_are_drawn_from_the_records(name):
    assert (ROOT / "docs" / name).read_text() == CHARTS[name][2], "make charts draws them"


@pytest.mark.parametrize("name", [name for name, (draw, *_) in CHARTS.items() if draw is chart.bench])
def test_every_number_of_the_bars_is_in_the_alternative_text(name):
    _, path, svg = CHARTS[name]
    _, rows = chart.read(path)
    jobs = {(job, threads) for job, threads, *_ in chart.JOBS}
    drawn = [row for row in rows if (row["job"], row["threads"]) in jobs and not row["peer"].endswith("f64")]
    assert len(drawn) == 18
    numbers = {row[key] for row in drawn for key in ("ratio_min", "ratio_median", "ratio_max") if row[key]}
    numbers |= {row["milliseconds"] for row in drawn if row["peer"] == "fishervec"}
    assert numbers <= set(re.findall(r"\d+(?:\.\d+)?", alternative(svg)[1]))


@pytest.mark.parametrize("name", [name for name, (draw, *_) in CHARTS.items() if draw is chart.sweep])
def test_every_time_of_the_sweep_is_in_the_alternative_text(name):
    _, path, svg = CHARTS[name]
    _, rows = chart.read(path)
    text = alternative(svg)[1]
    assert len(rows) == 20
    assert [row for row in rows if f"{row['milliseconds']} ms at {int(row['size']):,}" not in text] == []


@pytest.mark.parametrize("name", [name for name, (draw, *_) in CHARTS.items() if draw is chart.accuracy])
def test_every_score_of_the_accuracies_is_in_the_alternative_text(name):
    _, path, svg = CHARTS[name]
    found = dict(chart.measured(path.read_text()))
    text = alternative(svg)[1]
    assert len(found) == 7
    for title, scores in found.items():
        for kind, score in scores.items():
            assert f"{kind} {score} %" in text.partition(title)[2].partition(". ")[0] + " %"
            assert f"| {score} |" in path.read_text()
    assert found["Digits"]["VLAD"] == "96.38 ± 1.21"


def test_bars_begin_at_0_and_are_as_long_as_the_ratio():
    svg = CHARTS["bench.svg"][2]
    bars = [(float(x), float(width)) for x, width in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', svg)]
    assert len({x for x, _ in bars}) == 1
    unit = bars[0][1]
    _, rows = chart.read(chart.newest("????-??-??.csv"))
    ratios = [float(row["ratio_median"]) for *_, peers in chart.groups(rows) for row in peers]
    assert len(ratios) == 13
    got = sorted(width / unit for _, width in bars if width != unit)
    assert got == pytest.approx(sorted(ratios), rel=0.02)


def test_a_record_without_some_peers_or_jobs_is_drawn_too(tmp_path):
    path = tmp_path / "2026-01-02.csv"
    head = "# date: 2026-01-02\n# cpu: <Some> & other\n# cores: 1\n"
    columns = "job,threads,peer,milliseconds,ratio_min,ratio_median,ratio_max"
    path.write_text(f"{head}{columns}\nW1,1,fishervec,2000,,,\nW1,1,VLFeat,900,0.4,0.45,0.5\nW2,1,fishervec,1,,,\n")
    svg = chart.bench(path, chart.TALL)
    assert "&lt;Some&gt; &amp; other" in svg and "2,000 ms" in svg
    assert "fishervec 2000 ms, VLFeat 0.45 times as long (0.4 to 0.5)." in alternative(svg)[1]


def test_the_newest_record_is_that_of_the_latest_date():
    names = [path.name for path in (ROOT / "benchmarks/record").glob("*/????-??-??.csv")]
    assert len(names) > 1
    assert chart.newest("????-??-??.csv").name == max(names)


# ---- the picture of the README ---------------------------------------------------------------------------

#: What the live explanation shows of the same bag, computed by another program.
RIVER = (
    "0.360985 -0.275285 -0.026105 0.008625 -0.049756 0.286795 0.321424 -0.037129 -0.031429 "
    "-0.077746 -0.067367 0.044573 0.055640 0.419667 0.414212"
)


def test_the_bag_has_the_vector_of_the_live_explanation():
    vector = fisher_vector(hero.river(), hero.mixture())
    assert vector == pytest.approx(list(map(float, RIVER.split())), abs=1e-6)


@pytest.mark.parametrize("name", ["hero.svg", "hero-tall.svg"])
def test_the_picture_is_what_the_library_computes(name):
    svg = hero.pictures()[name]
    assert (ROOT / "docs" / name).read_text() == svg, "make pictures draws it"
    title, text = alternative(svg)
    assert f'alt="{title}"' in (ROOT / "README.md").read_text()
    numbers = re.findall(r"[-\d]+\.\d+", text.replace("\N{MINUS SIGN}", "-"))
    assert [float(x) for x in numbers] == pytest.approx(list(map(float, RIVER.split())), abs=5e-4)
    assert "A gains weight, B moves, C stretches" in text


def test_the_bars_of_the_picture_are_as_long_as_the_numbers():
    heights = [
        float(x)
        for x in re.findall(r'<rect [^>]*height="([\d.]+)" class="fill-[abc]"', hero.pictures()["hero-tall.svg"])
    ]
    values = [abs(float(x)) for x in RIVER.split()]
    assert [h / max(heights) for h in heights] == pytest.approx([v / max(values) for v in values], abs=2e-3)


def test_a_blob_that_has_too_much_loses_weight_and_shrinks():
    points, gmm = hero.cloud(40, hero.MEANS[1], 0.5 * hero.SIGMAS[1], 7), hero.mixture()
    found = list(hero.wishes(points, gmm, fisher_vector(points, gmm)))
    assert [found[0].words, found[1].words, found[2].words] == ["loses weight", "shrinks", "loses weight"]


@pytest.mark.parametrize("path", sorted((ROOT / "docs/pictures").glob("*.webp")), ids=lambda path: path.name)
def test_a_screenshot_is_small(path):
    assert path.stat().st_size < 150_000


# ---- words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "words"),
    [(-0.001, "0.00"), (0.0, "0.00"), (-0.0, "0.00"), (-0.126, "\N{MINUS SIGN}0.13"), (1234.5, "1,234.50")],
)
def test_a_number_in_words_has_no_minus_zero(value, words):
    assert drawing.decimals(value) == words


def test_coordinates_have_no_minus_zero():
    assert [drawing.number(x) for x in (-0.01, 0.04, 12.34, 100000.0)] == ["0", "0", "12.3", "100000"]
