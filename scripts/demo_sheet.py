"""The contact sheet of `make demo`: one page without network that shows each crop, the images most similar to it, and
how far ahead its own image is. It needs the standard library only.
"""

from base64 import b64encode
from html import escape
from statistics import median
from typing import NamedTuple

from drawing import FONT, decimals, number, tokens

#: How many images stand beside a crop, and how many crops that were found are shown first.
SHOWN, NARROWEST = 5, 5
TOKENS = (
    "paper", "raised", "sunken", "ink", "muted", "rule", "grid", "accent", "on-accent", "other-1", "plus", "plus-ink", "plus-wash",
)  # fmt: skip


class Crop(NamedTuple):
    """A crop, all images as (similarity, name), the most similar first, and the name of its own."""

    name: str
    order: list
    image: str

    @property
    def rank(self):
        return [name for _, name in self.order].index(self.image) + 1

    @property
    def own(self):
        return self.order[self.rank - 1][0]

    @property
    def best_other(self):
        return max((similarity for similarity, name in self.order if name != self.image), default=0.0)

    @property
    def ahead(self):
        return self.own - self.best_other


def sheet(crops, thumbnails, about, pooling):
    """The page; `thumbnails` are the bytes of a jpeg for each name, `pooling` is how many crops it finds."""
    names = sorted({crop.image for crop in crops} | {name for crop in crops for _, name in crop.order})
    lost = sorted((crop for crop in crops if crop.rank > 1), key=lambda crop: crop.ahead)
    found = sorted((crop for crop in crops if crop.rank == 1), key=lambda crop: crop.ahead)
    first, rest = found[:NARROWEST], sorted(found[NARROWEST:], key=lambda crop: crops.index(crop))
    pictures = "".join(f".p{i}{{background-image:url({data(thumbnails[name])})}}" for i, name in enumerate(names))
    rows = {
        kind: "".join(row(crop, names, thumbnails) for crop in some)
        for kind, some in (("first", lost + first), ("rest", rest))
    }
    folded = (
        f"<details><summary>The other {len(rest)}, in order of name</summary>{rows['rest']}</details>" if rest else ""
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Crops and their images</title>
<style>{tokens(TOKENS)}{STYLE}{pictures}</style></head>
<body><main><h1>Crops and their images</h1>
<p class="sub">{escape(about)} A full bar is a similarity (cosine) of 1. The right image has a ring and a tick.</p>
<div class="top"><div><p class="score">{len(found)} <small>of {len(crops)} find their image</small></p>
<p>{summary(crops, pooling)}</p></div>{scatter(crops)}</div>
<h2>{heading(len(lost), len(first))}</h2>{rows["first"]}{folded}</main></body></html>
"""


def data(jpeg):
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


def heading(n_lost, n_first):
    narrow = f"the {n_first} narrowest" if n_first > 1 else "the narrowest" if n_first else ""
    failed = f"the {n_lost} failures" if n_lost > 1 else "the failure" if n_lost else ""
    words = ", and ".join(part for part in (failed, narrow) if part)
    return words[:1].upper() + words[1:]


def summary(crops, pooling):
    middle = median(crop.ahead for crop in crops)
    how = "ahead of" if middle >= 0 else "behind"
    return f"Pooling finds {pooling}. The median crop is {how} the best other image by {decimals(abs(middle))}."


def verdict(crop):
    """How far ahead of the best other image a crop's own is, in words."""
    if crop.rank > 1:
        return f"<b>not found</b>: its image came number {crop.rank}"
    return f"ahead by {decimals(crop.ahead)}" if crop.ahead >= 0.005 else "ahead by less than 0.01"


def row(crop, names, thumbnails):
    """A crop, and the images most similar to it; its own is the last of them if it came later."""
    shown = crop.order[:SHOWN] if crop.rank <= SHOWN else [*crop.order[: SHOWN - 1], crop.order[crop.rank - 1]]
    items = "".join(item(crop, similarity, name, names.index(name)) for similarity, name in shown)
    name = escape(crop.name)
    return (
        f'<article class="row{" lost" if crop.rank > 1 else ""}"><div class="query">'
        f'<img src="{data(thumbnails[crop.name])}" alt="Crop {name}" height="104">'
        f'<div><b>{name}</b><br><span class="sub">{verdict(crop)}</span></div></div>'
        f'<div class="strip" tabindex="0" role="group" aria-label="Images nearest to {name}"><ol>{items}</ol></div></article>'
    )


def item(crop, similarity, name, i):
    mine = name == crop.image
    words, label = decimals(similarity), escape(name)
    alternative = f"{label}, similarity {words}{', the image of this crop' if mine else ''}"
    tick = '<b class="tick" aria-hidden="true">✓</b>' if mine else ""
    full = number(100 * min(max(similarity, 0), 1))
    return (
        f'<li{" class=mine" if mine else ""}><span class="box"><i class="ph p{i}" role="img" aria-label="{alternative}"></i>'
        f'{tick}</span><span class="bar"><i style="width:{full}%"></i></span>'
        f'<span class="label"><span>{label.replace("_", "_<wbr>")}</span><span>{words}</span></span></li>'
    )


# ---- the scatter -----------------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 340, 240, 34, 44, 196


def scatter(crops):
    """The similarity to the own image against that to the best other one; below the diagonal a crop is found."""
    across, up = axis([crop.own for crop in crops]), axis([crop.best_other for crop in crops])

    def x(value):
        return LEFT + (WIDTH - LEFT - 14) * (value - across[0]) / (across[-1] - across[0])

    def y(value):
        return BOTTOM - (BOTTOM - TOP) * (value - up[0]) / (up[-1] - up[0])

    lines = "".join(f'<path d="M{number(x(t))} {TOP}V{BOTTOM}"/>' for t in across)
    lines += "".join(f'<path d="M{LEFT} {number(y(t))}H{WIDTH - 14}"/>' for t in up)
    ticks = "".join(
        f'<text x="{number(x(t))}" y="{BOTTOM + 18}" text-anchor="middle">{decimals(t, 1)}</text>' for t in across
    )
    ticks += "".join(
        f'<text x="{LEFT - 6}" y="{number(y(t) + 4)}" text-anchor="end">{decimals(t, 1)}</text>' for t in up
    )
    low, high = max(across[0], up[0]), min(across[-1], up[-1])
    diagonal = f'<path class="diagonal" d="M{number(x(low))} {number(y(low))}L{number(x(high))} {number(y(high))}"/>'
    end = number(x(high))
    n_lost = sum(crop.rank > 1 for crop in crops)
    words = (
        f"Similarity to the own image against that to the best other one: {n_lost} of {len(crops)} above the diagonal"
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}"><g class="grid">{lines}</g>{ticks}{diagonal}'
        f'<text x="0" y="14">↑ to the best other</text>'
        f'<text x="{end}" y="{TOP - 8}" text-anchor="middle">wrong ↖ ↘ right</text>'
        f'<text x="{(LEFT + WIDTH) // 2}" y="{BOTTOM + 38}" text-anchor="middle">similarity to its own image</text>'
        f"{''.join(dot(crop, x, y) for crop in crops)}</svg>"
    )


def dot(crop, x, y):
    title = f"{escape(crop.name)}: {decimals(crop.own)}, best other {decimals(crop.best_other)}"
    at = (number(x(crop.own)), number(y(crop.best_other)))
    if crop.rank == 1:
        return f'<circle cx="{at[0]}" cy="{at[1]}" r="4.5"><title>{title}</title></circle>'
    # A failure has a shape and a name, too, on the side of the diagonal where few are.
    return (
        f'<path class="lost" d="M{at[0]} {at[1]}m-6 0l6 -6 6 6 -6 6z"><title>{title}</title></path>'
        f'<text x="{number(x(crop.own) + 6)}" y="{number(y(crop.best_other) - 10)}" text-anchor="end">{escape(crop.name)}</text>'
    )


def axis(values):
    """Ticks at multiples of 0.1 or 0.2 from 0, or below the least value, to above the largest."""
    step = 0.2 if max(values) - min(0, *values) > 0.5 else 0.1
    # A hair below 0, which is rounding, needs no tick of its own.
    least = min(0, *(value for value in values if value < -0.02)) if min(values) < -0.02 else 0
    first, last = int(least // step), int(max(values) // step) + 1
    return [step * i for i in range(first, last + 1)]


STYLE = f"""
* {{ box-sizing: border-box }} html {{ -webkit-text-size-adjust: 100% }}
body {{ margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 {FONT}; font-variant-numeric: tabular-nums }}
main {{ max-width: 1120px; margin: 0 auto; padding: 40px 20px 80px }}
h1 {{ font-size: clamp(1.6rem, 3.6vw, 2.3rem); line-height: 1.15; letter-spacing: -.02em; margin: 0 0 8px }}
h2 {{ font-size: 1.3rem; line-height: 1.25; margin: 40px 0 6px }}
p {{ margin: 0 0 12px; max-width: 70ch }} .sub {{ color: var(--muted); font-size: .875rem }}
:focus-visible {{ outline: 2.5px solid var(--accent); outline-offset: 2px }}
.top {{ display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 32px; align-items: center }}
.score {{ font-size: clamp(2.6rem, 7vw, 4.2rem); font-weight: 700; letter-spacing: -.03em; line-height: 1; margin: 0 0 14px }}
.score small {{ font-size: 1.25rem; font-weight: 400; letter-spacing: 0; color: var(--muted) }}
svg {{ width: 100%; max-width: 520px; font-size: 12px }} svg text {{ fill: var(--muted) }}
.grid path {{ stroke: var(--grid) }} .diagonal {{ stroke: var(--ink); stroke-dasharray: 5 4 }}
circle {{ fill: var(--accent); fill-opacity: .75; stroke: var(--paper) }} path.lost {{ fill: var(--plus) }}
.row {{ display: grid; grid-template-columns: 210px minmax(0, 1fr); gap: 20px; padding: 14px 0; border-top: 1px solid var(--rule) }}
.row.lost {{ border-radius: 10px; padding-left: 12px }} .row.lost {{ background: linear-gradient(90deg, var(--plus-wash), transparent 60%) }}
.row.lost .sub {{ color: var(--ink) }}
.query {{ display: grid; gap: 8px; align-content: start; font-size: .95rem; line-height: 1.35 }}
.query img {{ height: 104px; max-width: 100%; object-fit: cover; border-radius: 8px; display: block }}
ol {{ list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat({SHOWN}, minmax(0, 1fr)); gap: 12px }}
li {{ font-size: .8125rem; color: var(--muted); min-width: 0 }} .box {{ position: relative; display: block }}
.ph {{ display: block; height: 104px; background-size: cover; background-position: center; border-radius: 8px; opacity: .62 }}
.mine {{ color: var(--ink); font-weight: 650 }}
.mine .ph {{ opacity: 1; box-shadow: 0 0 0 3px var(--paper), 0 0 0 6px var(--accent) }}
.tick {{ position: absolute; right: -8px; top: -8px; width: 24px; height: 24px; border-radius: 50%; background: var(--accent);
  color: var(--on-accent); display: grid; place-items: center; font-size: 14px }}
.bar {{ display: block; height: 6px; border-radius: 3px; background: var(--sunken); margin: 10px 0 3px }}
.bar i {{ display: block; height: 100%; border-radius: 3px; background: var(--other-1) }} .mine .bar i {{ background: var(--accent) }}
.label {{ display: flex; justify-content: space-between; gap: 6px }}
.label span:first-child {{ overflow-wrap: anywhere; min-width: 0 }} .label span:last-child {{ white-space: nowrap }}
.query img, .ph, .bar, .tick {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; forced-color-adjust: none }}
summary {{ cursor: pointer; padding: 12px 0; font-weight: 650 }}
@media (max-width: 900px) {{
  .row {{ grid-template-columns: minmax(0, 1fr); gap: 10px }}
  .query {{ grid-template-columns: auto minmax(0, 1fr); align-items: center; gap: 12px }} .query img {{ height: 76px }}
  .strip {{ overflow-x: auto; padding: 10px 8px 6px; margin: 0 -8px }}
  ol {{ grid-template-columns: repeat({SHOWN}, minmax(128px, 1fr)) }}
  .ph {{ height: 82px }}
}}
@media print {{ .strip {{ overflow: visible }} ol {{ grid-template-columns: repeat({SHOWN}, minmax(0, 1fr)) }} }}
@media (max-width: 600px) {{ main {{ padding: 24px 16px 56px }} .top {{ grid-template-columns: minmax(0, 1fr) }} }}
"""
