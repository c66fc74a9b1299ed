"""Chromium without a window, driven over its DevTools protocol: open a page, ask it, press keys, take pictures.

The protocol goes through two pipes (--remote-debugging-pipe), so nothing listens on a port, and there is no package
to install and no second program: a browser whose pipes close ends by itself, also when the process that started it
was killed. Pages come from files, and the network is off: whatever a page asks for is recorded.
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    # Containers run as root and give no namespaces; all pages are our own files.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    # The same pixels everywhere: no coloured edges of letters, no hinting, no bars that take width.
    "--force-color-profile=srgb",
    "--disable-lcd-text",
    "--font-render-hinting=none",
    "--hide-scrollbars",
)
SECONDS = 30


class BrowserError(Exception):
    """What the browser answered instead of a result, or that it did not answer."""


def find():
    """The path of Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A running Chromium; use it in a `with` statement, which always ends it."""

    def __init__(self, command=None):
        self.command = command or find()
        if self.command is None:
            raise BrowserError(f"none of {', '.join(NAMES)} is installed; Debian has it: apt-get install chromium")

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="fishervec-chromium-")
        self._log = Path(self.folder, "stderr.txt")
        self._id, self._unread, self._tabs = 0, b"", {}
        self._pid = self._start()
        try:
            self.version = self.call("Browser.getVersion")["product"]
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _start(self):
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # Chromium reads from 3 and writes to 4; above 9, no end is in the way of another.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (theirs_in, theirs_out)]
        self._in, self._out = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (ours_in, ours_out))
        actions = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1)]
        actions += [(os.POSIX_SPAWN_OPEN, 2, str(self._log), os.O_WRONLY | os.O_CREAT, 0o600)]
        actions += [(os.POSIX_SPAWN_DUP2, high[0], 3), (os.POSIX_SPAWN_DUP2, high[1], 4)]
        arguments = [self.command, *FLAGS, f"--user-data-dir={self.folder}", "about:blank"]
        pid = os.posix_spawn(self.command, arguments, os.environ, file_actions=actions, setsid=True)
        for fd in (theirs_in, theirs_out, ours_in, ours_out, *high):
            os.close(fd)
        return pid

    def close(self):
        """End the browser: by asking, and if that does not help within 5 seconds, by force."""
        if self._pid is None:
            return
        with contextlib.suppress(BrowserError, OSError):
            self.call("Browser.close", seconds=5)
        os.close(self._in)
        os.close(self._out)
        until = time.monotonic() + 5
        while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > until:
                os.killpg(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                break
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        self._pid = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, session=None, seconds=SECONDS, **parameters):
        """The result of one command of the protocol."""
        self._id += 1
        wanted = self._id
        message = {"id": wanted, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        try:
            self._write(json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise BrowserError(self._ended(method)) from None
        until = time.monotonic() + seconds
        while (answer := self._next(method, until)).get("id") != wanted:
            self._event(answer)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def wait(self, ready, what, seconds=SECONDS):
        """Read events until `ready()`."""
        until = time.monotonic() + seconds
        while not ready():
            self._event(self._next(what, until))

    def tab(self):
        """A new page, in a context of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self._tabs[session] = Tab(self, session, context)
        tab._prepare()
        return tab

    def _write(self, data):
        while data:
            data = data[os.write(self._out, data) :]

    def _next(self, what, until):
        """The next message; the browser has until then to send it."""
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._in], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise BrowserError(f"{what}: no answer in time")
            more = os.read(self._in, 1 << 20)
            if not more:
                raise BrowserError(self._ended(what))
            self._unread += more
        message, self._unread = self._unread.split(b"\0", 1)
        return json.loads(message)

    def _ended(self, what):
        lines = self._log.read_text(errors="replace").strip().splitlines()[-5:]
        return "\n".join([f"{what}: {self.command} has ended", *lines])

    def _event(self, message):
        tab = self._tabs.get(message.get("sessionId"))
        if tab is not None and "method" in message:
            tab._happened(message["method"], message["params"])


class Tab:
    """One page: `open` it, `evaluate` in it; what it complained of is in `complaints`, what it asked for in `requests`."""

    def __init__(self, browser, session, context):
        self.browser, self.session, self.context = browser, session, context
        self.complaints, self.requests, self._loaded = [], [], False
        self._emulated = {}

    def call(self, method, **parameters):
        return self.browser.call(method, session=self.session, **parameters)

    def _prepare(self):
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)

    def _happened(self, method, event):
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = event["exceptionDetails"]
            self.complaints.append("exception: " + details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning", "assert"):
            words = (str(value.get("value", value.get("description", ""))) for value in event["args"])
            self.complaints.append(f"console {event['type']}: {' '.join(words)}")
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"log {event['entry']['level']}: {event['entry']['text']}")

    def show(self, width, height=900, theme="light", scale=1, mobile=False, media="screen", **features):
        """The size of the window and what the user prefers; features are those of media queries, as reduced_motion."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )
        preferences = {"color-scheme": theme, **{name.replace("_", "-"): value for name, value in features.items()}}
        features = [{"name": f"prefers-{name}", "value": value} for name, value in preferences.items()]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def open(self, path, fragment=""):
        """Load a file, at a place in it as "#top"; what happened before is forgotten."""
        self.complaints.clear()
        self.requests.clear()
        self._loaded = False
        answer = self.call("Page.navigate", url=Path(path).resolve().as_uri() + fragment)
        if "errorText" in answer:
            raise BrowserError(f"{path}: {answer['errorText']}")
        self.browser.wait(lambda: self._loaded, f"loading {path}")

    def settle(self):
        """Wait until what was loaded or changed is drawn."""
        self.evaluate(
            "document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))"
        )

    def evaluate(self, expression):
        """The value of a JavaScript expression, or what its promise gives."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def until(self, condition):
        """Wait until a JavaScript condition holds."""
        look = f"const look = () => ({condition}) ? done() : setTimeout(look, 20); look();"
        self.evaluate(f"new Promise(done => {{ {look} }})")

    def press(self, key, shift=False):
        """A key, by its name: Tab, Enter, Escape, ArrowRight, Home; or one that writes, as "."."""
        code = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36}
        code |= {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, ",": 188, ".": 190}
        text = {"text": "\r" if key == "Enter" else key} if key == "Enter" or len(key) == 1 else {}
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code[key],
                modifiers=8 * shift,
                **(text if kind == "keyDown" else {}),
            )

    def mouse(self, kind, x, y):
        """The mouse at a place of the window: "Moved", "Pressed" or "Released"."""
        button = {} if kind == "Moved" else {"button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **button)

    def click(self, x, y):
        for kind in ("Moved", "Pressed", "Released"):
            self.mouse(kind, x, y)

    def drag(self, start, end, steps=4):
        """Press at one place of the window, move in steps, and release at another."""
        self.mouse("Moved", *start)
        self.mouse("Pressed", *start)
        for i in range(1, steps + 1):
            self.mouse("Moved", *(a + (b - a) * i / steps for a, b in zip(start, end, strict=True)))
        self.mouse("Released", *end)

    def swipe(self, start, end, steps=6):
        """A finger that is put down at one place, moves in steps, and is lifted."""
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[dict(zip("xy", start, strict=True))])
        for i in range(1, steps + 1):
            x, y = (a + (b - a) * i / steps for a, b in zip(start, end, strict=True))
            self.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def height(self):
        """The height of the whole page."""
        return round(self.call("Page.getLayoutMetrics")["cssContentSize"]["height"])

    def picture(self, x=0, y=0, width=None, height=None, scale=1):
        """A PNG of a part of the page, by default of all of it."""
        metrics = self.call("Page.getLayoutMetrics")
        size, seen = metrics["cssContentSize"], metrics["cssVisualViewport"]
        width, height = width or size["width"] - x, height or size["height"] - y
        clip = {"x": x, "y": y, "width": width, "height": height, "scale": scale}
        # What is in the window is drawn already; for more, Chromium lays out all of the page, which takes ten times as long.
        across = seen["pageX"] <= x and x + width <= seen["pageX"] + seen["clientWidth"]
        down = seen["pageY"] <= y and y + height <= seen["pageY"] + seen["clientHeight"]
        answer = self.call(
            "Page.captureScreenshot",
            format="png",
            clip=clip,
            captureBeyondViewport=not (across and down),
            optimizeForSpeed=True,
        )
        return base64.b64decode(answer["data"])

    def close(self):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)
        del self.browser._tabs[self.session]
