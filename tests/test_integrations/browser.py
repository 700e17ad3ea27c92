"""A headless Chromium that a test looks and clicks with, over a pipe and without a driver."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
PATIENCE = 120_000
"""Milliseconds that something on a page may take to come."""

_UNTIL = """new Promise((found, lost) => {
  const begun = Date.now();
  const look = () => {
    const seen = (() => (%s))();
    if (seen) found(seen);
    else if (Date.now() - begun > %d) lost(new Error("never: " + document.body.innerText));
    else setTimeout(look, 50);
  };
  look();
})"""


class Browser:
    """One page, spoken to by Chrome's DevTools protocol.

    Args:
        asks: the file descriptor that commands are written to.
        hears: that answers are read from.
    """

    def __init__(self, asks: int, hears: int) -> None:
        self._asks, self._hears = asks, hears
        self._rest = b""
        self._number = 0
        self._session = ""

    def open(self, url: str) -> None:
        """Open a page."""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        found = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        self._ask("Page.enable")
        self._ask("Page.navigate", url=url)
        while self._heard().get("method") != "Page.loadEventFired":
            pass

    def until(self, seen: str) -> Any:
        """Wait until an expression of the page is true, and return its value."""
        expression = _UNTIL % (seen, PATIENCE)
        answer = self._ask(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"]["value"]

    def click(self, label: str) -> None:
        """Click on the button that is called so, once it is there."""
        button = f"document.querySelector('button[aria-label=\"{label}\"]')"
        self.until(f"{button} && ({button}.click(), true)")

    def _ask(self, method: str, **words: Any) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": words}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._asks, json.dumps(asked).encode() + b"\0")
        while True:
            heard = self._heard()
            if heard.get("id") == self._number:
                assert "error" not in heard, heard
                found: dict[str, Any] = heard["result"]
                return found

    def _heard(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._hears, 1 << 16)
            assert more, "Chromium has ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Give a browser, whose profile is kept in a folder."""
    (reads, asks), (hears, writes) = os.pipe(), os.pipe()
    words = [CHROMIUM or "", "--headless=new", "--no-sandbox", "--disable-gpu"]
    words += ["--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}"]
    # Chromium has its pipe at 3 and 4, so what is there must not be one of these itself.
    above = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (reads, writes)]

    def in_place() -> None:
        os.dup2(above[0], 3)
        os.dup2(above[1], 4)

    process = subprocess.Popen(
        words, preexec_fn=in_place, pass_fds=(3, 4), stderr=subprocess.DEVNULL
    )
    for each in above:
        os.close(each)
    os.close(reads)
    os.close(writes)
    try:
        yield Browser(asks, hears)
    finally:
        process.kill()
        process.wait()
        for each in (asks, hears):
            with suppress(OSError):
                os.close(each)
