"""Child processes: the only place that starts them.

A plugin is PID 1 of its container, and Woodpecker kills it 20 s after SIGTERM. So each child leads a process group of its own, SIGTERM is
passed on to all groups at once, what does not go is killed, and 15 s after the signal the plugin ends whatever happens.
"""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from plugin_kit.cancellation import CLEANUP_SECONDS, GRACE_SECONDS, cancellation
from plugin_kit.child import KEPT_BYTES, TAIL_LINES, Child, OnLine, Result, Stream
from plugin_kit.errors import Cancelled, ProcessError
from plugin_kit.redact import Redactor

__all__ = ["CLEANUP_SECONDS", "GRACE_SECONDS", "KEPT_BYTES", "Child", "OnLine", "Result", "Stream", "run", "start", "terminated"]

# A shorter one may stand in argv by chance, as part of a name or an option.
_SHORTEST_SECRET = 8
# Between its fork and its entry in the set of children, a child looks like an orphan.
_starting = threading.Lock()


@contextlib.contextmanager
def terminated() -> Iterator[None]:
    """Run a plugin so that SIGTERM and Ctrl-C raise `Cancelled` in it, and that no child outlives it; for the main thread.

    Every child group gets SIGTERM at once. `Cancelled` is raised once in the main thread; from then on whoever starts or waits for a child
    gets it, too.
    """
    before = {number: signal.signal(number, cancellation.cancel) for number in (signal.SIGTERM, signal.SIGINT)}
    before[signal.SIGALRM] = signal.getsignal(signal.SIGALRM)
    # Whoever started the plugin may have left SIGCHLD ignored, which loses the return codes of children.
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        try:
            yield
            # Code that goes on after any error may have swallowed it.
            cancellation.check()
        except Exception as error:
            if not isinstance(error, Cancelled):
                # What fails because its children were taken away is no failure of its own.
                cancellation.check(error)
            raise
        finally:
            cancellation.hold()
    finally:
        children = list(cancellation.children)
        for child in children:
            child.ask()
        for child in children:
            child.terminate()
        if cancellation.name:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, previous in before.items():
            signal.signal(number, previous)
        cancellation.reset()


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: OnLine | None = None,
    secrets: Collection[str] = (),
) -> Child:
    """Start a child that goes on running, such as buildkitd; it ends at the latest with `terminated`.

    `env` is the whole environment, or None for the plugin's own. Standard input is empty. `on_line` is called with each line of output, one
    at a time, from a thread of the child. `ProcessError` when the program is missing or one of the secrets stands in argv.
    """
    child = _start(argv, env=env, cwd=cwd, data=b"", on_line=on_line, secrets=secrets, cleanup=False)
    try:
        cancellation.check()
    except Cancelled:
        child.terminate()
        raise
    return child


def run(  # noqa: PLR0913  the arguments of subprocess.run
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input: str | bytes = b"",  # noqa: A002  as in subprocess.run
    timeout: float | None = None,
    grace: float = GRACE_SECONDS,
    on_line: OnLine | None = None,
    check: bool = True,
    secrets: Collection[str] = (),
    cleanup: bool = False,
) -> Result:
    """Run a child to its end; takes what `start` takes, too.

    After `timeout` seconds the whole group is ended and `ProcessError` raised, as for a return code other than 0 (unless `check` is off),
    with the last lines of output as details. What the child leaves running in its group is killed. With `cleanup` it runs even after
    SIGTERM and is not interrupted by it, within what is left of the 15 s.
    """
    with cancellation.held() if cleanup else contextlib.nullcontext():
        if not cleanup:
            cancellation.check()
        data = input.encode() if isinstance(input, str) else input
        child = _start(argv, env=env, cwd=cwd, data=data, on_line=on_line, secrets=secrets, cleanup=cleanup)
        try:
            limit = cancellation.remaining(timeout) if cleanup else timeout
            result = child.wait(limit)
        finally:
            child.terminate(grace)
    if result is None:
        raise ProcessError(f"{child.name} was stopped because it took longer than {limit:g}s", details=_redacted(child.tail(), secrets))
    if check and result.returncode:
        raise _failure(child.name, result, secrets)
    return result


def _start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    data: bytes,
    on_line: OnLine | None,
    secrets: Collection[str],
    cleanup: bool,
) -> Child:
    name = Path(argv[0]).name
    if any(secret in argument for argument in argv for secret in secrets if len(secret) >= _SHORTEST_SECRET):
        raise ProcessError(
            f"{name} was not started: everybody on the machine could read a secret on its command line",
            hint="a secret belongs in a secret setting, not in a part of another one",
        )
    with cancellation.held():
        with _starting:
            try:
                process = subprocess.Popen(  # noqa: S603  an argv list, no shell
                    argv,
                    bufsize=0,
                    stdin=subprocess.PIPE if data else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=cwd,
                    env=env,
                    start_new_session=True,
                )
            except OSError as error:
                raise _not_started(name, cwd, error) from error
            child = Child(process, argv, data=data, on_line=on_line, cleanup=cleanup)
            cancellation.children.add(child)
            if cancellation.name and not cleanup:
                child.ask()
        threading.Thread(target=_serve, args=(child,), name=f"output of {name}", daemon=True).start()
    return child


def _serve(child: Child) -> None:
    child.serve()
    # As PID 1 of a container the plugin inherits the descendants of its children.
    if os.getpid() == 1:
        _reap_orphans()


def _not_started(name: str, cwd: Path | None, error: OSError) -> ProcessError:
    if cwd is not None and not cwd.is_dir():
        return ProcessError(f"{name} can't be started in {cwd}: there is no such folder")
    if isinstance(error, FileNotFoundError):
        return ProcessError(f"{name} is not installed", hint=f"install {name}, or run the plugin from its image, which has it")
    return ProcessError(f"{name} can't be started: {error.strerror}")


def _failure(name: str, result: Result, secrets: Collection[str]) -> ProcessError:
    details = _redacted((result.stderr if result.stderr.strip() else result.stdout).splitlines()[-TAIL_LINES:], secrets)
    if result.returncode > 0:
        return ProcessError(f"{name} failed with exit code {result.returncode}", details=details)
    number = signal.Signals(-result.returncode)
    hint = "most often the machine or the container had no memory left" if number == signal.SIGKILL else None
    return ProcessError(f"{name} was ended by {number.name}", details=details, hint=hint)


def _redacted(lines: Sequence[str], secrets: Collection[str]) -> list[str]:
    redactor = Redactor(secrets)
    return [redactor.text(line) for line in lines]


def _reap_orphans() -> None:
    """Collect the dead that nobody waits for, as init does."""
    with _starting:
        own = {str(child.pid) for child in list(cancellation.children)}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal() and folder.name not in own:
                # A process may be gone by the time it is looked at.
                with contextlib.suppress(OSError):
                    # "PID (NAME) STATE PPID ...", and a name may have spaces and brackets
                    state, parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                    if state == "Z" and int(parent) == os.getpid():
                        os.waitpid(int(folder.name), os.WNOHANG)
