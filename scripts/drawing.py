"""What the pictures of docs/ share: the palette, and SVG for both themes with an alternative text. It needs the standard
library only.
"""

import re
import runpy
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
_PALETTE = runpy.run_path(str(ROOT / "python/py_src/fishervec/_palette.py"))
LIGHT, DARK = _PALETTE["LIGHT"], _PALETTE["DARK"]
FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",sans-serif'
#: Sizes of text, in pixels of a picture that is shown as wide as it is. None is below 12.
SIZES = {"title": 17, "body": 13, "small": 12}
#: The widths of the two forms of a picture, at which it is shown as large as it is: for a tablet, for a phone.
WIDE, TALL = 736, 356
PAD = 16


class Drawing:
    """A picture of `width` pixels on a ground of its own, so that its contrasts hold on any page.

    The classes of a shape name what it is filled with ("fill-accent") and drawn with ("line-ink"); the colours of both
    themes follow from them.
    """

    def __init__(self, width, title, text):
        self.width, self.title, self.alternative = width, title, text
        self.shapes = []

    # The x of a shape is measured from the left padding, its y from the upper one.
    def add(self, markup):
        self.shapes.append(markup)

    def text(self, x, y, *parts, size="body", anchor="start"):
        """A line of text; each part is (words, classes), the classes a colour and perhaps "bold"."""
        spans = "".join(f'<tspan class="{kind}">{escape(words)}</tspan>' for words, kind in parts)
        self.add(f'<text x="{number(x)}" y="{number(y)}" class="{size}" text-anchor="{anchor}">{spans}</text>')

    def bar(self, x, y, width, height, kind):
        size = f'width="{number(width)}" height="{number(height)}"'
        self.add(f'<rect x="{number(x)}" y="{number(y)}" {size} class="{kind}"/>')

    def line(self, points, kind, width=1, dash=""):
        path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.add(f'<path d="{path}" class="{kind}" stroke-width="{width}" fill="none"{dashes}/>')

    def dot(self, x, y, radius, kind="fill-accent line-raised"):
        self.add(f'<circle cx="{number(x)}" cy="{number(y)}" r="{radius}" class="{kind}" stroke-width="1.5"/>')

    def heading(self, words, how_to_read):
        """What is seen, and how to read it: each a line, or two on a phone; return the y below them."""
        y = 0
        # The last number is how wide a letter is.
        kinds = ((words, "title", "fill-ink bold", 9.3), (how_to_read, "body", "fill-muted", 7.1))
        for sentence, size, kind, advance in kinds:
            for line in wrapped(sentence, (self.width - 2 * PAD) / advance):
                y += SIZES[size] + (6 if size == "body" else 4)
                self.text(0, y, (line, kind), size=size)
        return y

    def svg(self, height):
        """The whole picture, `height` pixels high."""
        body = "".join(self.shapes)
        size = f"{self.width} {number(height)}"
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{self.width}" height="{number(height)}"'
        return (
            f'{head} role="img" aria-labelledby="title text"><title id="title">{escape(self.title)}</title>'
            f'<desc id="text">{escape(self.alternative)}</desc><style>{style(body)}</style>'
            f'<rect width="{self.width}" height="{number(height)}" rx="10" class="fill-raised"/>'
            f'<g transform="translate({PAD} {PAD})">{body}</g></svg>\n'
        )


def style(body):
    """The rules of the classes that are in use, for both themes."""
    classes = " ".join(re.findall(r'class="([^"]*)"', body)).split()
    used = {"fill-raised", *(name for name in classes if name.startswith(("fill-", "line-")))}
    sizes = "".join(f".{name}{{font-size:{size}px}}" for name, size in SIZES.items())
    fixed = f"text{{font-family:{FONT};font-variant-numeric:tabular-nums}}.title,.bold{{font-weight:650}}{sizes}"
    return fixed + colours(used, LIGHT) + f"@media(prefers-color-scheme:dark){{{colours(used, DARK)}}}"


def colours(classes, theme):
    rules = []
    for name in sorted(classes):
        how, _, token = name.partition("-")
        rules.append(f".{name}{{{'fill' if how == 'fill' else 'stroke'}:{theme[token]}}}")
    return "".join(rules)


def tokens(names):
    """The palette as custom properties of a page, for both themes."""
    light, dark = ("".join(f"--{name}:{theme[name]};" for name in names) for theme in (LIGHT, DARK))
    return f":root{{color-scheme:light dark;{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"


def wrapped(words, columns):
    """The words in lines of at most so many characters."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        lines[-1:] = [longer] if len(longer) <= columns else [lines[-1], word]
    return lines


def number(value):
    """A coordinate, to a tenth, and never "-0"."""
    return f"{round(value, 1) + 0.0:g}"


def decimals(value, places=2):
    """A number in words of a page: with the minus sign of typography, and never a "-0.00"."""
    text = f"{value:,.{places}f}"
    zero = not float(text.replace(",", ""))
    return text.lstrip("-") if zero else text.replace("-", "\N{MINUS SIGN}")


def save(name, svg):
    """Write a picture of docs/."""
    (DOCS / name).write_text(svg, encoding="utf-8")
    print(f"Wrote docs/{name}")
