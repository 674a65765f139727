"""Reading `platform.yaml`: the platform and its warnings, or one error with everything that is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bootstrap.platform import document
from bootstrap.platform.checks import findings
from bootstrap.platform.document import Document
from bootstrap.platform.explain import Explainer
from bootstrap.platform.finding import Finding
from bootstrap.platform.image_checks import check_images
from bootstrap.platform.platform import Platform
from bootstrap.platform.problems import PlatformError, Problem
from bootstrap.platform.remains import Remains
from bootstrap.platform.secret_ref import ALLOW_PLAIN
from plugin_kit.errors import PluginError

# Taking a wrong part away may show that another one is missing.
_ROUNDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A platform, the file it stands in, and what is odd about it without being wrong."""

    platform: Platform
    file: Path
    warnings: tuple[str, ...] = ()

    def path(self, text: str) -> Path:
        """Resolve a path of the file: relative to its folder, `~` is the home of whoever runs this."""
        return self.file.parent / Path(text).expanduser()


def load(path: Path, *, allow_plain_secrets: bool = False) -> Loaded:
    """Read the file; raises one PlatformError with every problem, each with its line. No problem shows a secret."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PluginError(f"there is no {path}", hint="`bootstrap init` writes one; --file names another") from None
    except OSError as error:
        raise PluginError(f"can't read {path}: {error.strerror}") from None
    except ValueError:
        raise PluginError(f"can't read {path}: it is not UTF-8 text") from None
    return parse(text, path, allow_plain_secrets=allow_plain_secrets)


def parse(text: str, path: Path, *, allow_plain_secrets: bool = False) -> Loaded:
    """Read the text of a file, as `load` does."""
    read = document.read(text)
    if read.problems and not read.data:
        raise PlatformError(path, read.problems)
    explainer = Explainer(read, Platform)
    context = {ALLOW_PLAIN: allow_plain_secrets}
    remains = Remains(read.data)
    platform, errors = _validate(remains.data, context)
    explained = [explainer.problem(error) for error in errors]
    problems = {*read.problems, *(problem for problem in explained if problem is not None)}
    for _ in range(_ROUNDS):
        for error in errors:
            remains.take(explainer.place(error["loc"]))
        platform, errors = (platform, []) if platform is not None else _validate(remains.data, context)
    warnings: set[Problem] = set()
    for finding in (*findings(platform), *check_images(platform, path.parent)) if platform is not None else ():
        if not any(remains.touch(place) for place in (finding.at, finding.other) if place is not None):
            (warnings if finding.is_warning else problems).add(_problem(finding, read, explainer))
    if problems or platform is None:
        raise PlatformError(path, problems)
    return Loaded(platform=platform, file=path, warnings=tuple(f"{path}:{warning}" for warning in sorted(warnings)))


def _validate(data: Mapping[str, object], context: Mapping[str, bool]) -> tuple[Platform | None, list[ErrorDetails]]:
    try:
        return Platform.model_validate(data, context=dict(context)), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _problem(finding: Finding, read: Document, explainer: Explainer) -> Problem:
    text = finding.text
    key = explainer.key(finding.at)
    if finding.other is not None and finding.other in read.marks:
        other = explainer.key(finding.other)
        # Two elements of one name have the same key.
        text += f" ({'the other one is in' if other == key else f'{other},'} line {read.line(finding.other)})"
    return Problem(line=read.line(finding.at), key=key, text=text)
