"""The options of a plugin's command line: those that all plugins have, and what a plugin can do beside its work in a pipeline.

Not argparse: settings are variables and no options, and who mixes them up needs another answer than argparse's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option; with `value` (its name in the help) it takes one, and `default` stands in for it.

    `for_programs`: what the plugin prints is read by a program, so that warnings and errors go to standard error.
    """

    name: str
    meaning: str
    value: str = ""
    default: str = ""
    for_programs: bool = False

    @property
    def shown(self) -> str:
        """The option as the help shows it."""
        return f"{self.name} {self.value}" if self.value else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that the plugin does instead of its work when the option is given.

    `run` ("module:name") is called with settings, CI metadata, console and the Chosen options; `options` are those it knows.
    """

    option: Option
    run: str
    options: tuple[Option, ...] = ()


HELP, VERSION, SCHEMA, DRY_RUN = "--help", "--version", "--schema", "--dry-run"
COMMON: tuple[Option, ...] = (
    Option(name=HELP, meaning="explain every setting"),
    Option(name=VERSION, meaning="print name and version"),
    Option(name=SCHEMA, meaning="print the JSON Schema of the settings, for editors"),
    Option(name=DRY_RUN, meaning="print what would be done, and stop"),
)


class WrongUsage(Exception):  # noqa: N818  what happened, in the words of the field
    """Options that can't be used, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The options given, with their values ("" for those that take none), and the action that they ask for."""

    given: Mapping[str, str] = field(default_factory=dict)
    action: Action | None = None
    for_programs: bool = False

    def __contains__(self, name: str) -> bool:
        """Whether the option was given."""
        return name in self.given

    def value(self, option: Option) -> str:
        """Return the option's value, or its default."""
        return self.given.get(option.name, option.default)

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be changed."""
        return DRY_RUN in self.given


def known(actions: Sequence[Action]) -> tuple[Option, ...]:
    """List all options of a plugin, in the order of the help."""
    return (*COMMON, *(option for action in actions for option in (action.option, *action.options)))


def choose(plugin: str, arguments: Sequence[str], actions: Sequence[Action]) -> Chosen:
    """Read the arguments; raises WrongUsage for what the plugin does not know, or not together."""
    options = {option.name: option for option in known(actions)}
    given: dict[str, str] = {}
    waiting = iter(arguments)
    for argument in waiting:
        name, joined, value = argument.partition("=")
        option = options.get(HELP if name == "-h" else name)
        if option is None:
            raise _unknown(plugin, name, options)
        if joined and not option.value:
            raise WrongUsage(f"{plugin}: {name} takes no value", f"see {plugin} --help")
        given[option.name] = _value(plugin, option, value if joined else None, waiting)
    asked = [action for action in actions if action.option.name in given]
    if len(asked) > 1:
        names = " and ".join(action.option.name for action in asked)
        raise WrongUsage(f"{plugin}: {names} are different things to do", "give one of them")
    action = asked[0] if asked else None
    _check_company(plugin, given, action, actions)
    return Chosen(given=given, action=action, for_programs=any(options[name].for_programs for name in given))


def _value(plugin: str, option: Option, joined: str | None, waiting: Iterator[str]) -> str:
    if not option.value:
        return ""
    value = joined if joined is not None else next(waiting, "")
    if not value or value.startswith("--"):
        raise WrongUsage(f"{plugin}: {option.name} needs a value: {option.shown}", f"see {plugin} --help")
    return value


def _check_company(plugin: str, given: Mapping[str, str], action: Action | None, actions: Sequence[Action]) -> None:
    """Refuse options that belong to an action which was not asked for."""
    own = {option.name for option in action.options} if action else set()
    for other in actions:
        for option in other.options:
            if option.name in given and option.name not in own:
                raise WrongUsage(f"{plugin}: {option.name} belongs to {other.option.name}", f"write {other.option.shown} {option.shown}")


def _unknown(plugin: str, name: str, options: Mapping[str, Option]) -> WrongUsage:
    from difflib import get_close_matches  # noqa: PLC0415  only here

    near = get_close_matches(name, options, n=1)
    meant = f", did you mean {near[0]}?" if near else ""
    return WrongUsage(
        f"{plugin} has no option {name}{meant}",
        f"settings are no options; give them as variables, PLUGIN_<NAME>=..., and see {plugin} --help",
    )
