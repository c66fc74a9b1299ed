#!/usr/bin/env python3
"""Take the screenshots of docs/pictures/, in both themes, of pages that other commands wrote: the contact sheet of
`make demo`. It needs Chromium and Pillow.

    python scripts/screenshots.py
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from demo_tools import FOLDER
from drawing import DOCS
from PIL import Image

#: The page, and the width and height of what is shown of it.
PAGES = {"contact-sheet": (FOLDER / "contact-sheet.html", 960, 925)}
THEMES = {"dark": 0, "light": 1}
#: Large enough to read; such a picture has some 60 kB.
QUALITY = 75


def screenshot(page, theme, width, height):
    """The page in a window of this size, in a theme."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.png"
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--user-data-dir={folder}", f"--blink-settings=preferredColorScheme={THEMES[theme]}"]
        command += [f"--window-size={width},{height}", f"--screenshot={path}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        with Image.open(path) as image:
            return image.convert("RGB")


def main():
    if not shutil.which("chromium"):
        sys.exit("screenshots: chromium was not found; on Debian: apt-get install chromium")
    for name, (page, width, height) in PAGES.items():
        if not page.exists():
            sys.exit(f"screenshots: {page} was not found; make demo writes it")
        for theme in THEMES:
            path = DOCS / "pictures" / f"{name}-{theme}.webp"
            path.parent.mkdir(exist_ok=True)
            screenshot(page, theme, width, height).save(path, quality=QUALITY, method=6)
            print(f"Wrote docs/pictures/{path.name}, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
