"""What somebody asks for who breaks glass, looked at before the API server is asked. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bootstrap.break_glass.policy import FILLERS, LONGEST_JUSTIFICATION, SHORTEST_JUSTIFICATION, words
from bootstrap.platform.platform import Platform
from bootstrap.platform.stage import Stage
from plugin_kit.console import counted
from plugin_kit.errors import PluginError
from plugin_kit.scalars import did_you_mean

# Control characters and all others that can't be seen, and what ends a line or a paragraph; as in the policy.
_NO_TEXT = ("C", "Zl", "Zp")
_BLANK_ENDS = re.compile(rf"^[\s{FILLERS}]+|[\s{FILLERS}]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One stage, for how long, and why."""

    project: str
    """The Kargo project."""
    stage: Stage
    length: timedelta
    justification: str


def wanted(platform: Platform, *, project: str | None, stage: str, length: timedelta, justification: str) -> Wanted:
    """Look at what is asked for; raises PluginError with all that would be refused. `project` may be left out where there is only one."""
    found = kargo_project(platform, project)
    stages = {each.name: each for each in platform.guarded[found]}
    reason = _BLANK_ENDS.sub("", justification)
    problems = [
        *_stage_problems(platform, found, stage, stages),
        *_length_problems(platform, length),
        *_justification_problems(reason),
    ]
    if problems:
        hint = "nothing was changed"
        if len(problems) == 1:
            raise PluginError(problems[0], hint=hint)
        raise PluginError(f"{len(problems)} things are wrong with it", details=problems, hint=hint)
    return Wanted(project=found, stage=stages[stage], length=length, justification=reason)


def kargo_project(platform: Platform, name: str | None) -> str:
    """Return the Kargo project of a name, which may be its own or the one in `projects:`."""
    guarded = platform.guarded
    if not guarded:
        raise PluginError(
            "no stage of platform.yaml has a `gate`: there is nothing to break", hint="a stage with `gate: hold` or `gate: fail` is guarded"
        )
    names = {each.name: each.kargo.namespace for each in platform.projects if each.kargo.namespace in guarded}
    if name is None:
        if len(guarded) == 1:
            return next(iter(guarded))
        raise PluginError(f"which project? There are {', '.join(names)}", hint="name it with --project")
    if name in guarded:
        return name
    if name in names:
        return names[name]
    if any(name in {each.name, each.kargo.namespace} for each in platform.projects):
        raise PluginError(
            f"no stage of {name} has a `gate`: nothing holds its promotions back", hint=f"guarded projects are {', '.join(names)}"
        )
    raise PluginError(f'there is no project "{name}"{did_you_mean(name, names)}', hint=f"guarded projects are {', '.join(names)}")


def _stage_problems(platform: Platform, project: str, name: str, guarded: Mapping[str, Stage]) -> list[str]:
    if name in guarded:
        return []
    known = next(each for each in platform.projects if each.kargo.namespace == project)
    if any(name == each.name for each in known.stages):
        return [f"stage {name} has no `gate`: nothing holds its promotions back; guarded are {', '.join(guarded)}"]
    return [f'{project} has no stage "{name}"{did_you_mean(name, guarded)}; guarded are {", ".join(guarded)}']


def _length_problems(platform: Platform, length: timedelta) -> list[str]:
    longest = platform.break_glass.max_duration
    if length <= longest:
        return []
    return [f"{words(length.total_seconds())} are too long: at most {words(longest.total_seconds())} (`break_glass.max_duration`)"]


def _justification_problems(text: str) -> list[str]:
    if len(text) > LONGEST_JUSTIFICATION:
        return [f"the justification has {len(text)} characters, and at most {LONGEST_JUSTIFICATION} are possible"]
    if any(unicodedata.category(character).startswith(_NO_TEXT) for character in text):
        return ["the justification has a line feed or another character that can't be seen; write one line"]
    if len(text) < SHORTEST_JUSTIFICATION:
        return [f"the justification has {counted(len(text), 'character')}; an audit needs at least {SHORTEST_JUSTIFICATION}"]
    return []
