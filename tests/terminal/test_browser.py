"""gd-tui behind `textual serve`, used in a headless Chromium that is driven by its own protocol."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shlex
import shutil
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.status import STATUS
from tests.terminal.fixtures import PROGRAM, missing
from tests.terminal.session import PATIENCE, environment
from tui_gd.runs.database import NAME
from tui_gd.runs.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

CHROMIUM = ("chromium-headless-shell", "chromium", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
    "about:blank",
]
# The page keeps its terminal to itself. This notes it when the page's script sets a field of it.
NOTE_TERMINAL = """
    Object.defineProperty(Object.prototype, "fitAddon", {configurable: true, set(addon) {
        window.noted = this.terminal;
        Object.defineProperty(this, "fitAddon", {value: addon});
    }})"""
ROWS = """(() => {
    const terminal = window.noted, cols = terminal?.cols, rows = [];
    for (let row = 0; terminal && row < terminal.rows; row++)
        rows.push(terminal.buffer.active.getLine(row)?.translateToString(true, 0, cols) ?? "");
    return rows;
})()"""
PLACE = """(() => {
    const {x, y, width, height} = document.querySelector(".xterm-screen").getBoundingClientRect();
    return [x, y, width / window.noted.cols, height / window.noted.rows];
})()"""


class Page:
    """A page of Chromium; rows and columns of its terminal count from 0."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self._line = line
        self._numbers = itertools.count(1)

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the DevTools protocol, and return its result."""
        number = next(self._numbers)
        await self._line.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = json.loads((await self._line.receive(PATIENCE)).data)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    async def evaluate(self, expression: str) -> Any:
        """Evaluate JavaScript in the page; of a promise, what it is fulfilled with."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        return answer["result"].get("value")

    async def rows(self) -> list[str]:
        """What the terminal shows."""
        found: list[str] = await self.evaluate(ROWS)
        return found

    async def wait_for(self, wanted: Callable[[list[str]], object]) -> list[str]:
        """Wait until the rows are as wanted; return them."""
        rows: list[str] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not wanted(rows := await self.rows()):
                    await asyncio.sleep(0.05)
                return rows
        raise AssertionError("\n".join(["not seen:", *rows]))

    async def wait_for_status(self, **wanted: str) -> list[str]:
        """Wait until the fields of the status line are as wanted."""

        def shows(rows: list[str]) -> bool:
            found = STATUS.search("\n".join(rows[:2]))
            return bool(found) and all(found[name] == value for name, value in wanted.items())

        return await self.wait_for(shows)

    async def type(self, text: str) -> None:
        """Press the keys of `text`, one after the other."""
        for key in text:
            for kind in ("keyDown", "keyUp"):
                await self.call("Input.dispatchKeyEvent", type=kind, key=key, text=key)

    async def click(self, row: int, column: int) -> None:
        """Click on the middle of a cell; negative rows count from the bottom."""
        row %= len(await self.rows())
        x, y, width, height = await self.evaluate(PLACE)
        place = {"x": x + (column + 0.5) * width, "y": y + (row + 0.5) * height}
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place
            )


@contextlib.asynccontextmanager
async def process(*command: str, home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is killed at the end, with those that it started."""
    started = await asyncio.create_subprocess_exec(
        *command,
        env=environment(str(home), GD_TUI_DATA=str(home / "runs")),
        cwd=home,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        await started.wait()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def answer_of(client: aiohttp.ClientSession, address: str) -> str:
    """What a server says, once it does."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with client.get(address) as answer:
                    return await answer.text()
            await asyncio.sleep(0.1)


class Served:
    """gd-tui behind a server, in a page."""

    def __init__(self, page: Page, server: asyncio.subprocess.Process, home: Path) -> None:
        self.page, self.server, self.home = page, server, home


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """gd-tui behind `textual serve`, in a page of about 120 by 40 cells."""
    found = [path for name in CHROMIUM if (path := shutil.which(name))]
    if not found:
        package = "install the Debian package chromium-headless-shell"
        missing(FileNotFoundError(f"Chromium is missing: {package}"))
    port = free_port()
    serve = [sys.executable, "-m", "textual_dev", "serve", "--port", str(port), "--command"]
    profile = tmp_path / "profile"
    async with (
        process(*serve, shlex.join([*PROGRAM, "--seed", "3"]), home=tmp_path) as server,
        process(found[0], f"--user-data-dir={profile}", *FLAGS, home=tmp_path),
        aiohttp.ClientSession() as client,
    ):
        async with asyncio.timeout(PATIENCE):
            while not (lines := read(profile / "DevToolsActivePort").split()):
                await asyncio.sleep(0.1)
        pages = json.loads(await answer_of(client, f"http://127.0.0.1:{lines[0]}/json/list"))
        await answer_of(client, f"http://localhost:{port}")
        async with client.ws_connect(pages[0]["webSocketDebuggerUrl"]) as line:
            page = Page(line)
            await page.call("Page.enable")
            await page.call("Page.addScriptToEvaluateOnNewDocument", source=NOTE_TERMINAL)
            await size(page, 1200, 760)
            await page.call("Page.navigate", url=f"http://localhost:{port}")
            yield Served(page, server, tmp_path)


def read(path: Path) -> str:
    """The text of a file, empty while there is none."""
    return path.read_text() if path.exists() else ""


async def size(page: Page, width: int, height: int) -> None:
    """Give the page a size in pixels."""
    await page.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=False,
    )


async def test_it_is_used_in_a_browser_as_in_a_terminal(served: Served) -> None:
    page = served.page
    await page.wait_for(lambda rows: len(rows) > 30 and "New here?" in rows[-2])
    await page.wait_for_status(state="PAUSED", epoch="0")
    await page.click(-2, 3)  # the page gives its terminal no focus
    rows = await page.wait_for(lambda rows: "6 lanes" in rows[-2])
    await page.click(-2, rows[-2].index("6 lanes"))
    await page.wait_for(lambda rows: any("╭ 6 Lanes ─" in row for row in rows))
    await page.type("...,")
    await page.wait_for_status(state="PAUSED", epoch="2", alpha="0.01")
    # a page uses the clipboard when it may and has the focus
    await page.call(
        "Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"]
    )
    await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
    await page.type("w")
    await page.wait_for(lambda rows: "lines of lanes to the terminal" in "\n".join(rows))
    async with asyncio.timeout(PATIENCE):
        while not (copied := await page.evaluate("navigator.clipboard.readText()")):
            await asyncio.sleep(0.05)
    assert copied.startswith("gd-tui  blobs  lanes  seed 3\nPAUSED  epoch 2/100 ")
    await page.type("b+")
    await page.wait_for_status(epoch="2", alpha="0.03")
    await page.wait_for(lambda rows: "lane B of 2" in rows[0])
    await size(page, 800, 500)
    await page.wait_for(lambda rows: len(rows) < 30 and "q" in rows[-1])
    await page.type("f ")
    await page.wait_for_status(state="FINISHED", epoch="100", alpha="0.03")
    await page.type("q")
    async with asyncio.timeout(PATIENCE):
        while not await page.evaluate("document.body.classList.contains('-closed')"):
            await asyncio.sleep(0.05)
    assert kept(served) == [("finished", 100, 2)]


async def test_a_run_is_kept_when_the_server_dies(served: Served) -> None:
    await served.page.wait_for_status(state="PAUSED", epoch="0")
    await served.page.click(0, 0)
    await served.page.type("..")
    await served.page.wait_for_status(state="PAUSED", epoch="2")
    served.server.kill()
    async with asyncio.timeout(PATIENCE):
        while kept(served) != [("paused", 2, 1)]:
            await asyncio.sleep(0.1)


def kept(served: Served) -> list[tuple[str, int, int]]:
    """State, epoch and number of lanes of each run that is kept and that nobody has open."""
    with Store(served.home / "runs" / NAME) as store:
        return [(run.state, run.newest, run.lanes) for run in store.runs() if not run.locked_by]
