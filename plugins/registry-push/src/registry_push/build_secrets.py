"""Build secrets: from settings into private files that only buildx reads, gone with their folder."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_kit.errors import SettingsError
from registry_push.plan import Plan

if TYPE_CHECKING:
    from registry_push.settings import Settings

_ID = re.compile(r"[A-Za-z0-9._-]+")


def write_secrets(plan: Plan, settings: "Settings", folder: Path) -> dict[str, dict[str, str]]:
    """Write the secrets of all targets and return their files by target id and secret id."""
    common = {}
    problems: list[str] = []
    values = {} if isinstance(settings.secrets, list) else {key: secret.get_secret_value() for key, secret in settings.secrets.items()}
    for number, (key, value) in enumerate(values.items()):
        common[key] = _write(folder / f"secret-{number}", value)
    if isinstance(settings.secrets, list):
        for number, entry in enumerate(settings.secrets):
            _take(entry, number, folder, common, problems)
    files = {}
    for number, target in enumerate(plan.targets):
        own = {
            key: _write(folder / f"secret-{number}-{index}", secret.get_secret_value())
            for index, (key, secret) in enumerate(target.source.secrets.items())
        }
        files[target.id] = {**common, **own}
    problems += [f"secrets: {key!r} is no secret id" for each in files.values() for key in each if not _ID.fullmatch(key)]
    if problems:
        raise SettingsError(list(dict.fromkeys(problems)))
    return files


def _take(entry: Mapping[str, str], number: int, folder: Path, common: dict[str, str], problems: list[str]) -> None:
    """Take one `id=x,src=file` or `id=x,env=NAME`."""
    key = entry.get("id", "")
    source = entry.get("src") or entry.get("source")
    variable = entry.get("env")
    if not key or not (source or variable):
        problems.append(f"secrets[{number}]: write id=name,src=file or id=name,env=NAME, or a map name: value")
    elif source:
        if Path(source).is_file():
            common[key] = str(Path(source).resolve())
        else:
            problems.append(f"secrets[{number}] ({key}): the file {source} does not exist")
    elif variable is None or variable not in os.environ:
        problems.append(f"secrets[{number}] ({key}): the variable {variable} is not set")
    else:
        common[key] = _write(folder / f"secret-env-{number}", os.environ[variable])


def _write(path: Path, value: str) -> str:
    path.touch(mode=0o600)
    path.write_text(value, encoding="utf-8")
    return str(path)
