#!/usr/bin/env python3
"""Put the parts of explorer/ together: one page that asks for nothing, which `fishervec explore` serves.

    python3 scripts/explorer.py             write crates/fishervec-cli/src/explore/page.html
    python3 scripts/explorer.py --check     fail if that is not what the parts give

Style sheets, pictures, scripts and the WebAssembly of the library go into the page; scripts in the order of their tags, in
one function, so that the page has a single global name, `explorer`. A rule in the page forbids it the network.
"""

import base64
import re
import sys
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
PARTS = ROOT / "explorer"
PAGE = ROOT / "crates" / "fishervec-cli" / "src" / "explore" / "page.html"
#: The most bytes of the page.
MOST = 400_000
#: What the page may do: run what is in it.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; "
    "base-uri 'none'; form-action 'none'"
)
STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">\n')
SCRIPT = re.compile(r'<script src="([^"]+)"></script>\n')
PICTURE = re.compile(r'(?<= src=")([^"]+\.svg)(?=")')
#: A circle of a drawing: where it is, and what it looks like; a run of circles that look the same.
PLACE, LOOK = r'<circle (cx="[^"]+" cy="[^"]+" r="[^"]+")', r'(class="[^"]+" stroke-width="[^"]+")'
CIRCLE = re.compile(f"{PLACE} {LOOK}/>")
RUN = re.compile(rf"{PLACE} {LOOK}/>(?:{PLACE} \2/>)+")
#: Lines of CSS or JavaScript that are a comment and nothing else; the parts keep them.
TIGHT = re.compile(r" ?([{};,:>]) (?=\S)")
COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:(?!\*/).)*\*/[ \t]*)\n", re.MULTILINE | re.DOTALL)


def part(name):
    """The text of a part; the dark theme is for screens alone, so that a page in it is printed in the light one."""
    text = (PARTS / name).resolve().read_text(encoding="utf-8")
    return text.replace("@media (prefers-color-scheme: dark)", "@media screen and (prefers-color-scheme: dark)")


def bare(code):
    """Code without lines of comments, and without what indents it."""
    return re.sub(r"^[ \t]+|[ \t]+$", "", COMMENT.sub("", code), flags=re.MULTILINE).strip()


def grouped(run):
    """Circles that differ in nothing but their place share what they look like."""
    circles = CIRCLE.sub(r"<circle \1/>", run[0])
    return f"<g {run[2]}>{circles}</g>"


def picture(match):
    """A drawing in an address: an image of its own, whose styles touch nothing else."""
    drawing = RUN.sub(grouped, part(match[1]).strip()).replace('"', "'")
    return "data:image/svg+xml," + quote(drawing, safe=" =:/;,'()!*.{}@?$+<>")


def wasm():
    """The library, compressed, as text."""
    return base64.b64encode((PARTS / "core.wasm.gz").read_bytes()).decode()


def page():
    """The text of the page."""
    text = re.sub("<!--.*?-->\n", "", part("index.html"))
    styles, scripts = STYLE.findall(text), SCRIPT.findall(text)
    code = "\n".join(bare(part(name)).replace('"use strict";\n', "", 1) for name in scripts)
    if "</script" in code:
        raise SystemExit("explorer: a script has </script in it, which would end it")
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    sheet = "<style>\n" + TIGHT.sub(r"\1", "\n".join(bare(part(name)) for name in styles)) + "\n</style>\n"
    body = f'<script>\n(() => {{\n"use strict";\nconst wasmBase64 = "{wasm()}";\n{code}\n}})();\n</script>\n'
    text = PICTURE.sub(picture, text)
    text = STYLE.sub("", text).replace('<link rel="icon"', head + '<link rel="icon"', 1)
    text = text.replace("<body>\n", sheet + "<body>\n", 1)
    first = SCRIPT.search(text).start()
    return text[:first] + body + SCRIPT.sub("", text[first:])


def main(words):
    if words not in ([], ["--check"]):
        raise SystemExit(__doc__)
    text = page()
    size = len(text.encode())
    if size > MOST:
        raise SystemExit(f"explorer: the page has {size} bytes, more than {MOST}")
    name = PAGE.relative_to(ROOT)
    if words:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            raise SystemExit(f"explorer: {name} is not what explorer/ gives; run python3 scripts/explorer.py")
        print(f"{name} is what explorer/ gives")
        return
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text, encoding="utf-8")
    print(f"Wrote {name}, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
