"""Runs in the plugin's container in place of its entry point, and says where its time goes: last line on standard error, JSON in seconds.

It stands alone: nothing of devtools is in that container.
"""

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

# What a run consists of: name in the table, module, and what in it.
CALLS = (
    ("read the settings", "registry_push.settings", "Settings.load"),
    ("read CI_*", "plugin_kit.ci", "CI.load"),
    ("find the sources", "registry_push.sources", "find"),
    ("plan", "registry_push.plan", "make"),
    ("logins, TLS", "plugin_kit.access", "Access.__init__"),
    ("ping the registry", "plugin_kit.registry", "Registry.ping"),
    ("look at the tags", "registry_push.released", "look"),
    ("history of latest", "plugin_kit.git", "ancestry"),
    ("create the builder", "registry_push.buildx", "Buildx.use"),
    ("bake", "registry_push.buildx", "Buildx.bake"),
    ("read back", "registry_push.verify", "read_back"),
    ("push the record", "registry_push.publish", "push_release"),
    ("set tags", "registry_push.publish", "set_tags"),
    ("tag the record", "registry_push.publish", "tag_release"),
    ("report", "registry_push.report", "released"),
)


def main() -> int:
    """Run the plugin on the process's environment; every call above is timed from outside."""
    spent = {"container, start of Python": _age()}
    entry = _timed_import(spent, "import of the command line", "plugin_kit.cli", "registry_push.__main__")[1]
    _timed_import(spent, "import of the settings", "registry_push.settings")
    _timed_import(spent, "import of the rest", "registry_push.run")
    for name, module, path in CALLS:
        _measure(spent, name, import_module(module), path.split("."))
    begun = time.perf_counter()
    code: int = entry.main()
    ran = time.perf_counter() - begun
    named = sum(seconds for name, seconds in spent.items() if name in {call[0] for call in CALLS})
    spent["everything else"] = ran - named
    sys.stderr.write(f"{json.dumps(spent)}\n")
    return code


def _age() -> float:
    """Return the seconds since this process began, to 10 ms."""
    ticks = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19]
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(ticks) / os.sysconf("SC_CLK_TCK")


def _timed_import(spent: dict[str, float], name: str, *modules: str) -> list[Any]:
    begun = time.perf_counter()
    found = [import_module(module) for module in modules]
    spent[name] = time.perf_counter() - begun
    return found


def _measure(spent: dict[str, float], name: str, module: Any, path: list[str]) -> None:  # noqa: ANN401  a module or a class in it
    *outer, last = path
    for part in outer:
        module = getattr(module, part)
    original = getattr(module, last)

    def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  whatever it takes
        begun = time.perf_counter()
        try:
            return original(*arguments, **named)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - begun

    setattr(module, last, call)


if __name__ == "__main__":
    sys.exit(main())
