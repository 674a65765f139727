"""The command line that all plugins share.

Nothing heavy is imported before it is needed: the start of a plugin is paid in every pipeline.
"""

import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from plugin_kit import options
from plugin_kit.errors import PluginError
from plugin_kit.options import Action, Chosen, WrongUsage

if TYPE_CHECKING:
    from plugin_kit.ci import CI
    from plugin_kit.console import Console
    from plugin_kit.settings import PluginSettings

    Run = Callable[[PluginSettings, CI, Console, bool], None]
    Act = Callable[[PluginSettings, CI, Console, Chosen], None]

WRONG_USAGE = 2
# Names of variables that may hold a secret; only needed where the plugin breaks before it knows its settings.
SECRETIVE = re.compile(r"^(PLUGIN|CI)_.*(PASS|TOKEN|SECRET|KEY|AUTH|CRED|LOGIN)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A plugin: where its settings and its work are found ("module:name"), and what Woodpecker's plugin index says of it."""

    name: str
    summary: str
    settings: str
    run: str
    actions: tuple[Action, ...] = ()
    example: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    icon: str = ""
    url: str = ""
    container_image: str = ""
    container_image_url: str = ""

    def settings_model(self) -> "type[PluginSettings]":
        """Import the settings class."""
        return cast("type[PluginSettings]", _load(self.settings))

    def version(self, environ: Mapping[str, str]) -> str:
        """Give the version: images carry the git tag in LOCAL_CICD_VERSION, else it is the distribution's."""
        baked = environ.get("LOCAL_CICD_VERSION")
        if baked:
            return baked
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  images don't need it

        try:
            return version(self.name)
        except PackageNotFoundError:
            return "unknown"


def main(plugin: Plugin, argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run a plugin's command line and give its exit code; arguments and environment are the process's own by default."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    variables = os.environ if environ is None else environ
    try:
        chosen = options.choose(plugin.name, arguments, plugin.actions)
    except WrongUsage as error:
        print(f"error: {error.message}\n  hint: {error.hint}", file=sys.stderr)  # noqa: T201  the command line's own answer
        return WRONG_USAGE
    for wanted, answer in ANSWERS.items():
        if wanted in chosen:
            print(answer(plugin, variables))  # noqa: T201  the command line's own answer
            return 0
    return _guarded_run(plugin, variables, chosen)


def _help(plugin: Plugin, environ: Mapping[str, str]) -> str:
    from plugin_kit.docs import help_text  # noqa: PLC0415  imports pydantic

    return help_text(plugin, plugin.settings_model(), version=plugin.version(environ))


def _version(plugin: Plugin, environ: Mapping[str, str]) -> str:
    return f"{plugin.name} {plugin.version(environ)}"


def _schema(plugin: Plugin, environ: Mapping[str, str]) -> str:
    del environ
    import json  # noqa: PLC0415  see the module's docstring

    from plugin_kit.schema import schema  # noqa: PLC0415  imports pydantic

    return json.dumps(schema(plugin.settings_model(), title=plugin.name), indent=2, ensure_ascii=False)


ANSWERS: Mapping[str, Callable[[Plugin, Mapping[str, str]], str]] = {
    options.HELP: _help,
    options.VERSION: _version,
    options.SCHEMA: _schema,
}


def _guarded_run(plugin: Plugin, environ: Mapping[str, str], chosen: Chosen) -> int:
    from plugin_kit.console import Console  # noqa: PLC0415  see the module's docstring
    from plugin_kit.process import terminated  # noqa: PLC0415
    from plugin_kit.redact import Redactor  # noqa: PLC0415

    out = sys.stderr if chosen.for_programs else sys.stdout
    console = Console(out, Redactor([value for name, value in environ.items() if SECRETIVE.search(name)]))
    try:
        with terminated():
            # Before the imports, which take longer than anything else here: a step may be cancelled at any time.
            settings, CI, work = _imported(plugin, chosen)  # noqa: N806  a class
            loaded = settings.load(environ)
            ci = CI.load(environ, Path.cwd())
            console = Console(out, Redactor([*loaded.settings.secret_values(), *ci.secrets]))
            for warning in loaded.warnings:
                console.warn(warning)
            work(loaded.settings, ci, console)
            console.finish()
    except PluginError as error:
        console.finish()
        console.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001  a bug of ours: nothing may reach Python's own traceback, which would print secrets
        _report_bug(plugin, environ, console, error)
        return 1
    return 0


def _imported(plugin: Plugin, chosen: Chosen) -> "tuple[type[PluginSettings], type[CI], Callable[[PluginSettings, CI, Console], None]]":
    import gc  # noqa: PLC0415  see the module's docstring

    # Modules live as long as the process. Looking through them for garbage, last at its end, costs 0.05 s of every run.
    gc.disable()
    try:
        from plugin_kit.ci import CI  # noqa: PLC0415  see the module's docstring

        return plugin.settings_model(), CI, _work(plugin, chosen)
    finally:
        gc.freeze()
        gc.enable()


def _work(plugin: Plugin, chosen: Chosen) -> "Callable[[PluginSettings, CI, Console], None]":
    if chosen.action is None:
        run = cast("Run", _load(plugin.run))
        return lambda settings, ci, console: run(settings, ci, console, chosen.dry_run)
    act = cast("Act", _load(chosen.action.run))
    return lambda settings, ci, console: act(settings, ci, console, chosen)


def _report_bug(plugin: Plugin, environ: Mapping[str, str], console: "Console", error: Exception) -> None:
    import traceback  # noqa: PLC0415  only here

    # One text, so that a secret of several lines is seen as one.
    trace = console.redactor.text("".join(traceback.format_exception(error)))
    console.finish()
    console.error(
        PluginError(
            f"{plugin.name} {plugin.version(environ)} broke: this is a bug of the plugin, not of the pipeline",
            details=trace.rstrip().splitlines(),
            hint="report the lines above; secrets in them are redacted",
        )
    )


def _load(target: str) -> object:
    from importlib import import_module  # noqa: PLC0415  see the module's docstring

    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
