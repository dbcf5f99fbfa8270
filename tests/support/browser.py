"""Drives Chromium through chromedriver, by the W3C's WebDriver protocol."""

from __future__ import annotations

import base64
import http.client
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
WHY_MISSING = "Chromium and chromedriver aren't here; .ci/install-browser installs them"

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c", "Right": "\ue014", "Space": " "}
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--force-color-profile=srgb",
    # The browser's own traffic would be counted as the page's.
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--no-first-run", "--disable-features=MediaRouter,OptimizationHints",
    "--no-default-browser-check", "--disable-dev-shm-usage",
)  # fmt: skip

_PASSING = (
    "stale element reference", "no such element", "javascript error", "element not interactable",
    "element click intercepted",
)  # fmt: skip
"""Errors of a page that is just changing: to wait may help."""


class Driver:
    """chromedriver, from `with` to its end; `browser()` opens a browser of its own."""

    def __enter__(self) -> Driver:
        self._process = subprocess.Popen(
            [str(CHROMEDRIVER), "--port=0"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"successfully on port (\d+)", line):
                self.port = int(found[1])
                return self
        raise AssertionError("chromedriver ended without naming its port")

    def __exit__(self, *exc_info: object) -> None:
        self._process.terminate()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.wait(30)

    def browser(self, downloads: Path, *options: str, width: int = 1280, height: int = 800):
        return Browser(self.port, downloads, [f"--window-size={width},{height}", *options])


class Error(AssertionError):
    """What WebDriver says is wrong; `kind` is one of its error codes."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Browser:
    """One session of a browser, with windows (tabs). Waits poll, until `patience` seconds."""

    patience = 15.0

    def __init__(self, port: int, downloads: Path, options: list[str]) -> None:
        self._port = port
        self._session = ""
        chrome = {
            "binary": CHROMIUM,
            "args": [*_OPTIONS, *options],
            "prefs": {
                "download.default_directory": str(downloads),
                "safebrowsing.enabled": False,
                "intl.accept_languages": "en-GB",
            },
        }
        wanted = {
            "alwaysMatch": {"goog:chromeOptions": chrome, "unhandledPromptBehavior": "ignore"}
        }
        answer = self._call("POST", "/session", {"capabilities": wanted})
        self._session = f"/session/{answer['sessionId']}"

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._call("DELETE", self._session)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            data = None if method != "POST" else json.dumps(body or {})
            connection.request(method, path, data, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise Error(value["error"], value["message"].partition("\n")[0])
        return value

    def _do(self, method: str, path: str, body: Any = None) -> Any:
        return self._call(method, self._session + path, body)

    # Pages and windows

    def go(self, url: str) -> None:
        self._do("POST", "/url", {"url": url})

    def reload(self) -> None:
        self._do("POST", "/refresh")

    @property
    def url(self) -> str:
        return str(self._do("GET", "/url"))

    @property
    def title(self) -> str:
        return str(self._do("GET", "/title"))

    @property
    def windows(self) -> list[str]:
        return list(self._do("GET", "/window/handles"))

    @property
    def window(self) -> str:
        return str(self._do("GET", "/window"))

    def switch(self, window: str) -> None:
        self._do("POST", "/window", {"handle": window})

    def new_window(self, kind: str = "tab") -> str:
        handle = self._do("POST", "/window/new", {"type": kind})["handle"]
        self.switch(handle)
        return str(handle)

    def close_window(self) -> None:
        self._do("DELETE", "/window")

    def resize(self, width: int, height: int) -> None:
        self._do("POST", "/window/rect", {"width": width, "height": height})

    def enter_frame(self, selector: str | None) -> None:
        """Go into a frame, with None out of all."""
        self._do("POST", "/frame", {"id": selector and {_ELEMENT: self.find(selector)}})

    # Elements

    def find_all(self, selector: str) -> list[str]:
        found = self._do("POST", "/elements", {"using": "css selector", "value": selector})
        return [each[_ELEMENT] for each in found]

    def find(self, selector: str) -> str:
        return self.until(lambda: self.find_all(selector), selector)[0]

    def is_shown(self, selector: str) -> bool:
        return any(self._do("GET", f"/element/{e}/displayed") for e in self.find_all(selector))

    def text(self, selector: str) -> str:
        return str(self.until(lambda: self.texts(selector), selector)[0])

    def texts(self, selector: str) -> list[str]:
        return [str(self._do("GET", f"/element/{e}/text")) for e in self.find_all(selector)]

    def click(self, selector: str) -> None:
        self.until(lambda: self._clicked(selector), selector)

    def _clicked(self, selector: str) -> bool:
        self._do("POST", f"/element/{self.find(selector)}/click")
        return True

    def type_into(self, selector: str, text: str) -> None:
        self.until(lambda: self._typed(selector, text), selector)

    def _typed(self, selector: str, text: str) -> bool:
        self._do("POST", f"/element/{self.find(selector)}/value", {"text": text})
        return True

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        actions = [
            {"type": kind, "value": _KEYS.get(key, key)}
            for key in keys
            for kind in ("keyDown", "keyUp")
        ]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self._do("POST", "/actions", {"actions": [source]})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def command(self, name: str, **parameters: Any) -> Any:
        """Give an order by Chrome's own DevTools protocol."""
        return self._do("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def prefer(self, scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._do("GET", "/screenshot")))

    # Waiting

    def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        """Return what the condition returns, as soon as that is true."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                if found := condition():
                    return found
                last: object = found
            except Error as error:
                if error.kind not in _PASSING:
                    raise
                last = error
            assert time.monotonic() < deadline, f"{what or condition} after a long time: {last}"
            time.sleep(0.02)
