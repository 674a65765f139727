"""Scripts, Dockerfiles and the like, line by line: names of images, and logins."""

import re
from collections.abc import Mapping

from bootstrap.migrate import notes
from bootstrap.migrate.aim import Aim
from bootstrap.migrate.builds import Build
from bootstrap.migrate.dockerfile import bases, is_dockerfile
from bootstrap.migrate.login import LOGIN
from bootstrap.migrate.references import Reference, references
from bootstrap.migrate.repository import File
from bootstrap.migrate.text import Edit, Look, line_end, lines, without_gap

_COMMENT = re.compile(r"(^|\s)#.*")
# One command on a line of its own, perhaps with the password piped into it.
_LOGIN_COMMAND = re.compile(
    r"\s*@?((echo|printf|cat)\s[^|;&]*\|\s*)?(docker|podman|buildah|skopeo|nerdctl|helm\s+registry|crane\s+auth|oras)\s+login\s[^|;&\\]*"
)
_OPENS = re.compile(r"(\bthen|\bdo|\belse|\{|\(|\\|\||&&)\s*$")
_CLOSES = re.compile(r"\s*(fi|done|\}|\)|else|elif|esac|;;)")


def edited(file: File, aim: Aim, built: Mapping[str, Build], *, groups: bool) -> tuple[list[Edit], list[Look]]:
    """Return the changes of a text, and what is left for a person; `built` are the images of the repository's Dockerfiles."""
    edits: list[Edit] = []
    staying, looks = _staying(file, aim, built) if is_dockerfile(file.path) else (set(), [])
    found = lines(file.text)
    for number, (start, line) in enumerate(found):
        said = _COMMENT.sub("", line)
        names = [each for each in references(line, aim, key=_variable(line), groups=groups) if each.end <= len(said)]
        if _is_login(names, said) and not aim.asks_for_login and _is_alone([text for _, text in found], number):
            begin, end = without_gap(file.text, start, line_end(file.text, start))
            edits.append(Edit(start=begin, end=end, reason=f"a login for GHCR; {aim.registry} asks for none"))
            continue
        for each in names if number not in staying else ():
            if each.target:
                name = f"{each.target} in place of {each.name}"
                edits.append(Edit(start=start + each.start, end=start + each.end, text=each.target, reason=name))
            elif not each.path and "login" in said:
                looks.append(notes.login_command(str(file.path), number + 1, aim))
            else:
                looks.append(notes.left(str(file.path), number + 1, each, aim))
            if each.target and each.digest:
                looks.append(notes.pinned(str(file.path), number + 1, each.name, each.digest))
        if secret := LOGIN.search(said):
            text = f"{secret[0]} is the login for GHCR"
            looks.append(Look(file=str(file.path), line=number + 1, text=text, hint="take it out: nothing is pulled from there"))
    return edits, looks


def _staying(file: File, aim: Aim, built: Mapping[str, Build]) -> tuple[set[int], list[Look]]:
    """Return the lines of a Dockerfile that name what it builds on and nothing here makes, and what is said of it."""
    lines_kept: set[int] = set()
    looks: list[Look] = []
    for base in bases(file.text):
        found = next((each for each in references(base.name, aim, key="from") if each.start == 0 and each.target), None)
        if found is None or found.path.lower() in aim.given:
            continue
        build = built.get(str(found.target).removeprefix(f"{aim.registry}/{aim.images}/"))
        if build is None or build.file == file.path:
            lines_kept |= {base.line, *base.arguments}
            looks.append(notes.unbuilt_base(str(file.path), base.line + 1, found))
    return lines_kept, looks


def _is_login(names: list[Reference], said: str) -> bool:
    return len(names) == 1 and not names[0].path and bool(_LOGIN_COMMAND.fullmatch(said))


def _is_alone(texts: list[str], number: int) -> bool:
    """Tell whether a line can go: it goes on from no other, and is not all that stands between `then` and `fi`."""
    above = next((text for text in reversed(texts[:number]) if text.strip()), "")
    below = next((text for text in texts[number + 1 :] if text.strip()), "")
    return not re.search(r"(\\|\||&&)\s*$", above) and not (_OPENS.search(above) and _CLOSES.match(below))


def _variable(line: str) -> str:
    found = re.match(r"\s*(?:export\s+|ARG\s+|ENV\s+)?([A-Za-z_]\w*)\s*[:?]?=", line)
    return found[1] if found else ""
