"""A headless Chromium with a profile of its own, and tabs in it."""

import base64
import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.market_gate.browser.protocol import Connection, Event
from tests.support.processes import wait_for

LOAD_SECONDS = 60.0
# As the browser opens them for --remote-debugging-pipe.
_READS, _WRITES = 3, 4
_FLAGS = (
    "--headless",
    # Root, in a container: no sandbox can be had, and what is looked at is our own page.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--password-store=basic",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en-US",
    # Whatever a page or the browser itself would load from elsewhere is not found.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser that runs."""

    connection: Connection

    @contextmanager
    def tab(
        self, *, width: int = 1280, height: int = 900, dark: bool = False, javascript: bool = True, scale: float = 1
    ) -> Iterator["Tab"]:
        """Open a tab that shares nothing with another one."""
        call = self.connection.call
        context = call("Target.createBrowserContext")["browserContextId"]
        try:
            target = call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
            session = call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            tab = Tab(self.connection, session)
            for domain in ("Page", "Runtime", "Log", "Network", "Audits", "Accessibility", "DOM"):
                tab.call(f"{domain}.enable")
            tab.look(width=width, height=height, dark=dark, scale=scale)
            if not javascript:
                tab.call("Emulation.setScriptExecutionDisabled", value=True)
            yield tab
        finally:
            call("Target.disposeBrowserContext", browserContextId=context)


@dataclass(frozen=True, slots=True)
class Tab:
    """One page in a window of its own."""

    connection: Connection
    session: str

    def call(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401  whatever the protocol has
        """Give a command to this tab."""
        return self.connection.call(method, self.session, **params)

    def events(self, method: str) -> list[Event]:
        """Return what happened in this tab."""
        return [each for each in list(self.connection.events) if each.session == self.session and each.method == method]

    def look(self, *, width: int, height: int = 900, dark: bool = False, scale: float = 1, **features: str) -> None:
        """Set the size of the window and what the person prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        preferred = {"prefers-color-scheme": "dark" if dark else "light", **{key.replace("_", "-"): each for key, each in features.items()}}
        self.call("Emulation.setEmulatedMedia", features=[{"name": name, "value": value} for name, value in preferred.items()])

    def open(self, address: str) -> None:
        """Load a page and wait until it is there."""
        before = self.loads()
        self.call("Page.navigate", url=address)
        self.wait_for_load(before + 1)

    def loads(self) -> int:
        """Return how many pages were loaded."""
        return len(self.events("Page.loadEventFired"))

    def wait_for_load(self, number: int) -> None:
        """Wait until so many pages were loaded."""
        self.connection.wait(lambda: self.loads() >= number, seconds=LOAD_SECONDS, what=f"load number {number}")

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401  whatever the expression has
        """Return the value of an expression; this works with JavaScript switched off, too."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def accessible(self) -> list[dict[str, Any]]:
        """Return what a screen reader is told, in its order: role, name and properties of each node that counts."""
        nodes = {node["nodeId"]: node for node in self.call("Accessibility.getFullAXTree")["nodes"]}

        def under(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
            yield node
            for child in node.get("childIds", ()):
                # Text boxes of a line are named, but not in the answer.
                if child in nodes:
                    yield from under(nodes[child])

        return [
            {
                "role": node["role"]["value"],
                "name": node.get("name", {}).get("value", ""),
                "description": node.get("description", {}).get("value", ""),
                **{each["name"]: each["value"].get("value") for each in node.get("properties", ())},
            }
            for node in under(next(node for node in nodes.values() if "parentId" not in node))
            if not node["ignored"]
        ]

    def complaints(self) -> list[str]:
        """Return everything that the browser found fault with: errors, warnings, refused by the policy, exceptions."""
        entries = [each.params["entry"] for each in self.events("Log.entryAdded")]
        issues = [each.params["issue"]["code"] for each in self.events("Audits.issueAdded")]
        printed = [str(each.params) for name in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown") for each in self.events(name)]
        failed = [str(each.params["errorText"]) for each in self.events("Network.loadingFailed")]
        return [*(f"{each['level']}: {each['text']}" for each in entries), *issues, *printed, *failed]

    def requests(self) -> list[str]:
        """Return every address that was asked for."""
        return [each.params["request"]["url"] for each in self.events("Network.requestWillBeSent")]

    def picture(self, file: Path, *, height: int | None = None) -> None:
        """Write the page as PNG: the whole, or so much of it from the top."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)["data"]
        file.write_bytes(base64.b64decode(data))

    def paper(self) -> bytes:
        """Return the page as it is printed, as PDF."""
        data = self.call("Page.printToPDF", printBackground=False)["data"]
        assert isinstance(data, str)
        return base64.b64decode(data)


@contextmanager
def browser(program: Path, folder: Path, *, extra: Sequence[str] = ()) -> Iterator[Browser]:
    """Run a browser; nothing of it is left behind."""
    to_browser, ours_out = os.pipe()
    ours_in, from_browser = os.pipe()
    log = str(folder / "chromium.log")
    home = {**os.environ, "HOME": str(folder), "TZ": "UTC", "LANGUAGE": "en_US"}
    argv = [str(program), *_FLAGS, f"--user-data-dir={folder / 'profile'}", *extra, "about:blank"]
    # dup2 onto 3 and 4 in the child only; what lies there now may be one of the pipes itself.
    theirs = [_high(each) for each in (to_browser, from_browser)]
    try:
        pid = os.posix_spawn(
            str(program),
            argv,
            home,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, theirs[0], _READS),
                (os.POSIX_SPAWN_DUP2, theirs[1], _WRITES),
            ],
            setpgroup=0,
        )
    finally:
        for each in theirs:
            os.close(each)
    connection = Connection(ours_in, ours_out)
    connection.start()
    try:
        connection.call("Browser.getVersion")
        yield Browser(connection)
        with contextlib.suppress(Exception):
            connection.call("Browser.close")
    finally:
        _end(pid)
        connection.close()


def _high(descriptor: int) -> int:
    """Move a descriptor out of the way of 3 and 4."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


def _end(pid: int) -> None:
    """Wait until the browser has ended with all its children, and see to it that it does."""

    def ended() -> bool:
        with contextlib.suppress(ChildProcessError):
            return os.waitpid(pid, os.WNOHANG)[0] == pid
        return True

    gone = wait_for(ended, seconds=10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    assert gone or wait_for(ended, seconds=10)
