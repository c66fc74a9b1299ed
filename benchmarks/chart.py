#!/usr/bin/env python3
"""`make charts`: draw the charts of docs/ from records, without measuring. It needs the standard library only.

python benchmarks/chart.py                              the newest records, and the tables of docs/accuracy.md
python benchmarks/chart.py record/MACHINE/DATE.csv ...  these records
"""

import csv
import math
import re
import sys
from itertools import starmap
from pathlib import Path
from statistics import linear_regression

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "scripts"))

from drawing import DOCS, PAD, TALL, WIDE, Drawing, save, wrapped  # noqa: E402

PEERS = {
    "NumPy-BLAS": "NumPy with BLAS",
    "NumPy-BLAS all": "NumPy, sets together",
    "VLFeat": "VLFeat",
    "scikit-image": "scikit-image",
    "scikit-learn": "scikit-learn",
}
GREYS = {
    "NumPy-BLAS": "other-1",
    "NumPy-BLAS all": "other-1",
    "VLFeat": "other-2",
    "scikit-image": "other-3",
    "scikit-learn": "other-3",
}
#: The groups of bars: job, number of threads, what is done, and with what.
JOBS = [
    ("W1", "1", "Encode 10,000 × 64", "256 components, 1 thread"),
    ("W2", "1", "Encode 1,000 × 64", "256 components, 1 thread"),
    ("W4", "1", "Encode 10,000 × 128", "1,024 components, 1 thread"),
    ("W10", "1", "3,000 sets, each 18 × 26", "spoken, 64 components, 1 thread"),
    ("W5", "2", "EM step, 200,000 × 64", "256 components, 2 threads"),
    ("kmeans", "2", "10 k-means steps", "200,000 × 64, 256 centres, 2 threads"),
    ("T1", "2", "Digits, file to vectors", "fit and encode 3,000 sets, 2 threads"),
    ("T2", "2", "Embeddings to vectors", "20,000 × 768, PCA, fit, 2 threads"),
    ("T3", "2", "Photographs to vectors", "a folder, dense SIFT, 2 threads"),
]
AXES = {"N": "Descriptors", "K": "Components", "D": "Columns"}


def read(path):
    """The head of a record, as a dictionary, and its rows."""
    lines = Path(path).read_text().splitlines()
    head = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    return head, list(csv.DictReader(line for line in lines if not line.startswith("# ")))


def newest(pattern):
    """The record of the latest date; the name of a record is its date."""
    return max((HERE / "record").glob(f"*/{pattern}"), key=lambda path: path.name)


def machine(head):
    return f"{head['cpu'].replace('(R)', '')}, {head['cores']} cores, {head['date']}; float32, real descriptors"


def three(value):
    """Three significant digits."""
    return f"{value:,.{max(0, 2 - math.floor(math.log10(value)))}f}"


# ---- bench.svg -------------------------------------------------------------------------------------------


def groups(rows):
    """For each job what is done, with what, the row of fishervec, and those of its peers."""
    for job, threads, what, with_what in JOBS:
        timed = {row["peer"]: row for row in rows if (row["job"], row["threads"]) == (job, threads)}
        peers = [timed[peer] for peer in PEERS if peer in timed and timed[peer]["ratio_median"]]
        if peers:
            yield what, with_what, timed["fishervec"], peers


def bench_words(found, head):
    """The title and the alternative text of the bars, which has all their numbers."""
    ratios = [float(row["ratio_median"]) for *_, peers in found for row in peers]
    sentences = []
    for what, with_what, ours, peers in found:
        times = (
            f"{PEERS[row['peer']]} {row['ratio_median']} times as long ({row['ratio_min']} to {row['ratio_max']})"
            for row in peers
        )
        sentences.append(f"{what}, {with_what}: fishervec {ours['milliseconds']} ms, {', '.join(times)}.")
    title = f"Others take {min(ratios):.1f} to {max(ratios):.0f} times as long"
    return title, " ".join([*sentences, f"{machine(head)}."])


def bench(path, width):
    """How many times as long as fishervec each peer took: the median as a bar, all rounds as a thin line."""
    head, rows = read(path)
    found = list(groups(rows))
    title, text = bench_words(found, head)
    drawing = Drawing(width, title, text)
    y = drawing.heading(title, "the bar of fishervec is 1; the thin line goes over all rounds") + 26
    beside = width == WIDE
    left = 236 if beside else 0
    longest = max(float(row["ratio_max"]) for *_, peers in found for row in peers)
    unit = (width - 2 * PAD - left - 180) / longest
    for what, with_what, ours, peers in found:
        drawing.text(0, y + 12, (what, "fill-ink bold"))
        drawing.text(0, y + 29, (with_what, "fill-muted"), size="small")
        y += 0 if beside else 38
        drawing.bar(left, y, unit, 15, "fill-accent")
        label = f"fishervec  {three(float(ours['milliseconds']))} ms"
        drawing.text(left + unit + 8, y + 12, (label, "fill-accent bold"))
        for row in peers:
            y += 20
            low, middle, high = (unit * float(row[key]) for key in ("ratio_min", "ratio_median", "ratio_max"))
            drawing.bar(left, y, middle, 15, f"fill-{GREYS[row['peer']]}")
            drawing.line([(left + low, y + 7.5), (left + high, y + 7.5)], "line-ink")
            times = f"{float(row['ratio_median']):.1f} ×"
            drawing.text(left + high + 8, y + 12, (times, "fill-ink bold"), (f"  {PEERS[row['peer']]}", "fill-muted"))
        y += 40
    return drawing.svg(footnote(drawing, machine(head), y + 4))


def footnote(drawing, words, y):
    """A line below a chart, or several on a phone; return the height of the picture."""
    for line in wrapped(words, (drawing.width - 2 * PAD) / 6.6):
        drawing.text(0, y, (line, "fill-muted"), size="small")
        y += 17
    return y + 2 * PAD - 12


# ---- sweep.svg -------------------------------------------------------------------------------------------


def slopes(rows):
    """The slope of log time over log size, one number per axis."""
    found = {}
    for axis in dict.fromkeys(row["axis"] for row in rows):
        logs = [
            (math.log(float(row["size"])), math.log(float(row["milliseconds"]))) for row in rows if row["axis"] == axis
        ]
        found[axis] = linear_regression(*zip(*logs, strict=True)).slope
    return found


def growth(slope, mine):
    """How much longer the largest takes than the smallest, in words."""
    if abs(slope - 1) < 0.08:
        return "time in proportion"
    sizes, times = (float(mine[-1][key]) / float(mine[0][key]) for key in ("size", "milliseconds"))
    return f"× {sizes:,.0f}, time × {times:.2g}"


def ticks(low, high):
    """Powers of ten, or of four if the range is short."""
    base = 10 if high / low >= 500 else 4
    powers = (base**i for i in range(20))
    return [power for power in powers if low * 0.999 <= power <= high * 1.001]


def sweep(path, width):
    """Time over N, K and D on logarithmic axes; a dashed line is proportional to the size."""
    head, rows = read(path)
    panels, words = [], []
    for axis, slope in slopes(rows).items():
        mine = [row for row in rows if row["axis"] == axis]
        panels.append((AXES[axis], growth(slope, mine), others(axis, mine[0]), mine))
        times = ", ".join(f"{row['milliseconds']} ms at {int(row['size']):,}" for row in mine)
        words.append(f"{'; '.join(panels[-1][:3])}; slope {slope:.2f}: {times}.")
    less = all(slope < 0.9 for axis, slope in slopes(rows).items() if axis != "N")
    title = f"Time grows with the descriptors{', and less with all else' if less else ', components and columns'}"
    drawing = Drawing(width, title, " ".join([*words, f"{machine(head)}."]))
    y = drawing.heading(title, "milliseconds on one thread, both scales logarithmic; dashed: in proportion") + 20
    step = (width - 2 * PAD) / 3 if width == WIDE else 0
    ends = common_scale(rows)
    for i, found in enumerate(panels):
        at = (step * i, y) if step else (0, y + 262 * i)
        panel(drawing, *at, step or width - 2 * PAD, *found, ends)
    below = y + 262 * (1 if step else len(panels))
    return drawing.svg(footnote(drawing, machine(head), below + 6))


def others(axis, row):
    """What stayed as it was."""
    return ", ".join(f"{name} = {int(row[name.lower()]):,}" for name in AXES if name != axis)


def common_scale(rows):
    """The powers of ten between which all times are."""
    logs = [math.log10(float(row["milliseconds"])) for row in rows]
    return 10.0 ** math.floor(min(logs)), 10.0 ** math.ceil(max(logs))


def panel(drawing, x, y, width, name, sentence, fixed, rows, scale):
    """One of the three curves: what grows, what comes of it, and what stays, above; the last time at its point."""
    points = [(float(row["size"]), float(row["milliseconds"])) for row in rows]
    left, right, top, bottom = x + 40, x + width - 68, y + 48, y + 218
    low, high = scale
    first, last = points[0][0], points[-1][0]

    def at(size, ms):
        across = math.log(size / first) / math.log(last / first)
        return left + (right - left) * across, bottom - (bottom - top) * math.log(ms / low) / math.log(high / low)

    drawing.text(x, y + 12, (name, "fill-ink bold"), (f"  {sentence}", "fill-ink"))
    drawing.text(x, y + 29, (fixed, "fill-muted"), size="small")
    for ms in (10**i for i in range(6) if low <= 10**i <= high):
        _, height = at(first, ms)
        drawing.line([(left, height), (right, height)], "line-grid")
        drawing.text(left - 8, height + 4, (f"{ms:,}", "fill-muted"), size="small", anchor="end")
    for size in ticks(first, last):
        words = f"{size // 10**6} M" if size >= 10**6 else f"{size // 1000} k" if size >= 10_000 else f"{size:,}"
        drawing.text(at(size, low)[0], bottom + 20, (words, "fill-muted"), size="small", anchor="middle")
    # The dashed line goes through the middle point, from where it enters the panel to where it leaves it.
    size, ms = points[len(points) // 2]
    ends = [max(first, low * size / ms), min(last, high * size / ms)]
    drawing.line([at(end, ms * end / size) for end in ends], "line-muted", dash="5 4")
    drawing.line(list(starmap(at, points)), "line-accent", 2.5)
    for point in points:
        drawing.dot(*at(*point), 4)
    end_x, end_y = at(*points[-1])
    drawing.text(end_x + 10, end_y + 4, (f"{three(points[-1][1])} ms", "fill-accent bold"), size="small")


# ---- accuracy.svg ----------------------------------------------------------------------------------------


def measured(page):
    """For each data set of docs/accuracy.md its name, and the scores of the four encoders of one length."""
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        name, _, text = section.partition("\n")
        table = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", text, re.M)]
        if not table or table[0][0] != "encoder":
            continue
        scores = {row[0]: row[2] for row in table[2:]}
        # Of the related encoders the last one is as long as the Fisher vector.
        alike = {
            kind: [s for n, s in scores.items() if n.startswith(kind) and "+" not in n][-1]
            for kind in ("VLAD", "bag of words")
        }
        first = ", first answer" if table[0][2].startswith("R@1") else ""
        ours = scores["... + power + L2"]
        yield (
            name[0].upper() + name[1:] + first,
            {"Fisher vector": ours, **alike, "mean and standard deviation": table[2][2]},
        )


def share(score):
    """The number of a score such as "98.44 ± 0.52"."""
    return float(score.split()[0])


def accuracy(path, width):
    """Accuracies of encoders of one length on a scale that stretches towards 100."""
    found = sorted(measured(Path(path).read_text()), key=lambda entry: -share(entry[1]["Fisher vector"]))
    ahead = sum(share(s["Fisher vector"]) > max(share(s["VLAD"]), share(s["bag of words"])) for _, s in found)
    title = f"Fisher vectors lead on {ahead} of {len(found)} data sets"
    text = " ".join(f"{name}: {', '.join(f'{kind} {score} %' for kind, score in s.items())}." for name, s in found)
    drawing = Drawing(width, title, text)
    how = "per cent right, at one length; the scale stretches towards 100: equal steps cut errors equally"
    y = drawing.heading(title, how) + 22
    beside = width == WIDE
    left, right, row_height = (170, width - 2 * PAD - 70, 34) if beside else (12, width - 2 * PAD - 52, 52)
    all_shares = [share(score) for _, s in found for score in s.values()]
    ends = [math.log(100 / (100 - end)) for end in (min(all_shares), max(all_shares))]

    def at(percent):
        return left + (right - left) * (math.log(100 / (100 - percent)) - ends[0]) / (ends[1] - ends[0])

    bottom = y + 14 + row_height * len(found)
    for percent in (50, 80, 90, 95, 98, 99):
        if min(all_shares) <= percent <= max(all_shares):
            drawing.text(at(percent), y, (f"{percent}", "fill-muted"), size="small", anchor="middle")
            drawing.line([(at(percent), y + 8), (at(percent), bottom)], "line-grid")
    for i, (name, scores) in enumerate(found):
        middle = y + 14 + row_height * i + (row_height / 2 if beside else row_height - 15)
        drawing.text(0, middle + 4 if beside else middle - 20, (name, "fill-ink bold"))
        places = {kind: at(share(score)) for kind, score in scores.items()}
        drawing.line([(min(places.values()), middle), (max(places.values()), middle)], "line-faint")
        for kind, place in reversed(places.items()):
            mark(drawing, kind, place, middle)
        words = f"{share(scores['Fisher vector']):.2f}"
        drawing.text(max(places.values()) + 14, middle + 4, (words, "fill-accent bold"))
    return drawing.svg(legend(drawing, bottom + 26) + 2 * PAD + 9)


def mark(drawing, kind, x, y):
    """VLAD hangs above the line, words stand below it, so that none hides another."""
    if kind == "Fisher vector":
        drawing.dot(x, y, 6.5)
    elif kind == "VLAD":
        drawing.add(f'<path d="M{x:.1f} {y - 1:.1f}l6 -10h-12z" class="fill-other-2"/>')
    elif kind == "bag of words":
        drawing.bar(x - 4.5, y + 1, 9, 9, "fill-other-1")
    else:
        drawing.line([(x, y - 7), (x, y + 7)], "line-ink", 2.5)


def legend(drawing, y):
    """The marks and their names, the last on a line of its own on a phone; return the y below them."""
    left = 100 if drawing.width == WIDE else 12
    for kind, x in {"Fisher vector": 0, "VLAD": 130, "bag of words": 200, "mean and standard deviation": 320}.items():
        below = kind.startswith("mean") and drawing.width != WIDE
        at, y = (left, y + 24) if below else (left + x, y)
        mark(drawing, kind, at, y + {"VLAD": 6, "bag of words": -5}.get(kind, 0))
        drawing.text(at + 14, y + 4, (kind, "fill-accent bold" if kind == "Fisher vector" else "fill-muted"))
    return y


# ---- writing ---------------------------------------------------------------------------------------------


def drawn(draw, path):
    """A chart as wide as a page, and one as wide as a phone, by their names."""
    return {f"{draw.__name__}{ending}.svg": draw(path, width) for ending, width in (("", WIDE), ("-tall", TALL))}


def write(draw, path):
    """Write both charts of a record."""
    for name, svg in drawn(draw, path).items():
        save(name, svg)


def records():
    """What is drawn of what, unless told otherwise: the newest records, and the tables of the page."""
    yield bench, newest("????-??-??.csv")
    yield sweep, newest("????-??-??-sweep.csv")
    yield accuracy, DOCS / "accuracy.md"


if __name__ == "__main__":
    named = [(sweep if name.endswith("-sweep.csv") else bench, name) for name in sys.argv[1:]]
    for draw, path in named or records():
        write(draw, path)
