"""The peak of a container's main process alone, without its children."""

import re
import threading
from collections.abc import Sequence

from devtools.errors import DevError
from plugin_kit import process

# From inside the container, so that it does not matter where the engine runs. Linux keeps the peak itself (VmHWM): the last look is enough.
_WATCH = "while grep VmHWM /proc/1/status; do sleep 0.05; done"
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def peak_of(argv: Sequence[str]) -> int:
    """Run `docker run` with its `--name=` and return the peak resident memory of the container's first process, in KiB."""
    name = next(word for word in argv if word.startswith("--name=")).removeprefix("--name=")
    seen: list[int] = []

    def take(_stream: str, line: str) -> None:
        seen.extend(int(found) for found in _PEAK.findall(line))

    try:
        process.run([*argv[:2], "--detach", *argv[2:]])
        waited: list[str] = []
        wait = threading.Thread(
            target=lambda: waited.append(process.run(["docker", "wait", name], check=False).stdout.strip()), daemon=True
        )
        wait.start()
        process.run(["docker", "exec", name, "sh", "-c", _WATCH], on_line=take, check=False)
        wait.join()
        if waited != ["0"]:
            log = process.run(["docker", "logs", "--tail=15", name], check=False)
            raise DevError(f"the run with many images failed:\n{log.stdout}{log.stderr}")
    finally:
        process.run(["docker", "rm", "--force", "--volumes", name], check=False, cleanup=True)
    if not seen:
        raise DevError("the memory of the plugin could not be read: it ended too soon")
    return max(seen)
