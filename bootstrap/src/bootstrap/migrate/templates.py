"""Templates of a chart: addresses of images, and what hands a login for GHCR to pods. What is not understood is left alone and named."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from bootstrap.migrate import login, notes
from bootstrap.migrate.aim import GHCR, Aim
from bootstrap.migrate.images import Base
from bootstrap.migrate.login import LOGIN
from bootstrap.migrate.references import REFERENCE, Reference, references
from bootstrap.migrate.repository import File
from bootstrap.migrate.template import Block, Template
from bootstrap.migrate.text import Edit, Look, line_end, without_gap

_PULL = re.compile(r"(\s*)(- )?imagePullSecrets:(.*)")
_NAMED = re.compile(r"\s*-\s*(?:\{\s*)?name:\s*(.+?)\s*\}?\s*")
_PLAIN_NAME = re.compile(r"[\"']?([a-z0-9][a-z0-9.-]*)[\"']?")
_DEFINED = re.compile(r"\"([^\"]+)\"")
_KEY = re.compile(r"\s*(?:- )?([\w.-]+):")
_KIND = re.compile(r"^kind:\s*(\w+)", re.MULTILINE)
_SECRET_NAME = re.compile(r"^  name:\s*[\"']?([a-z0-9][a-z0-9.-]*)[\"']?\s*$", re.MULTILINE)
_TYPE = re.compile(r"kubernetes\.io/dockerc(onfigjson|fg)\b")
_SEPARATOR = re.compile(r"^---.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What becomes of a template: its changes, or that it goes."""

    edits: tuple[Edit, ...] = ()
    looks: tuple[Look, ...] = ()
    goes: str = ""


class Templates:
    """The templates of one chart, with its subcharts. `logins` are the keys of logins for GHCR in its values."""

    def __init__(self, files: Mapping[PurePosixPath, File], aim: Aim, *, logins: Iterable[str], base: Base | None, groups: bool) -> None:
        self._files = files
        self._aim = aim
        self._base = base
        self._groups = groups
        keys = "|".join(re.escape(key) for key in sorted(logins))
        self._uses = re.compile(rf"\.(?:{keys})\b" if keys else r"(?!)")
        self._all = {path: Template(file.text) for path, file in files.items()}
        self._helpers = frozenset(self._find_helpers())
        self.gone = {path: why for path in files if (why := self._why_it_goes(path))}
        self.secrets = frozenset(name for path in self.gone for name in _SECRET_NAME.findall(files[path].text))
        self._removed = {path: self._removals(path) for path in files if path not in self.gone}
        self._kept_helpers = frozenset(self._find_kept_helpers())

    def edited(self, path: PurePosixPath) -> Edited:
        """Return what becomes of a template."""
        if path in self.gone:
            return Edited(goes=self.gone[path])
        template = self._all[path]
        removed = {**self._removed[path], **self._removed_helpers(path)}
        edits = [*_cuts(template, removed), *self._addresses(path, removed)]
        return Edited(edits=tuple(edits), looks=tuple(self._left(path, removed)))

    def uses(self, key: str) -> Look | None:
        """Return a line that still reads a value after all, None where none does."""
        pattern = re.compile(rf"\.Values\.(?:[\w.]+\.)?{re.escape(key)}\b")
        for path, template in self._all.items():
            if path in self.gone:
                continue
            removed = {**self._removed[path], **self._removed_helpers(path)}
            for number in range(len(template.lines)):
                if number not in removed and pattern.search(template.said(number)):
                    return Look(
                        file=str(path), line=number + 1, text=f"reads .Values...{key} in a way that is not understood", hint=_BY_HAND
                    )
        return None

    def _says_ghcr(self, text: str) -> bool:
        return bool(LOGIN.search(text) or self._uses.search(text) or re.search(r"[\"']ghcr\.io[\"']|ghcr\.io\\?\"", text))

    def _find_helpers(self) -> Iterator[str]:
        """Yield the named templates that make a login for GHCR, or the list of Secrets with one."""
        for template in self._all.values():
            for block in template.blocks:
                name = _DEFINED.search(block.head) if block.keyword == "define" else None
                body = "\n".join(template.said(number) for number in range(block.first + 1, block.last))
                makes_login = "auths" in body or "dockerconfig" in body.lower()
                if name and (LOGIN.search(name[1]) or (makes_login and self._says_ghcr(body))):
                    yield name[1]

    def _asks_helper(self, text: str) -> bool:
        return any(f'"{name}"' in text for name in self._helpers)

    def _why_it_goes(self, path: PurePosixPath) -> str:
        text = self._files[path].text
        said = "\n".join(self._all[path].said(number) for number in range(len(self._all[path].lines)))
        kinds = _KIND.findall(said)
        is_login = bool(_TYPE.search(said)) and kinds == ["Secret"]
        if is_login and (self._says_ghcr(said) or self._asks_helper(said) or REFERENCE.search(text)):
            return "makes the pull secret for GHCR"
        is_made = kinds in (["ExternalSecret"], ["SealedSecret"]) and any("ghcr" in name for name in _SECRET_NAME.findall(said))
        return "makes the pull secret for GHCR" if is_made else ""

    def _removals(self, path: PurePosixPath) -> dict[int, str]:
        """Return the lines that go, by number, with the reason of each."""
        template = self._all[path]
        removed: dict[int, str] = {}
        for block in template.blocks:
            if self._is_for_login(block):
                removed |= dict.fromkeys(
                    range(block.first, block.last + 1), f"the block {{{{ {block.keyword} {block.head} }}}} goes with the login for GHCR"
                )
        for number in range(len(template.lines)):
            if number not in removed and (found := _PULL.fullmatch(template.said(number))):
                removed |= self._of_pull_secrets(template, number, found, removed)
        before = -1
        while before != len(removed):
            before = len(removed)
            removed |= _emptied_blocks(template, removed)
            removed |= _emptied_lists(template, removed)
        return removed

    def _is_for_login(self, block: Block) -> bool:
        words = block.head.split()
        if block.keyword not in {"if", "with"} or block.has_else or not self._uses.search(block.head):
            return False
        plain = len(words) == 1 or words[0] == "and"
        return plain and not any(word in {"not", "or", "(not", "(or", "eq", "ne", "default", "(default"} for word in words)

    def _of_pull_secrets(self, template: Template, number: int, found: re.Match[str], removed: Mapping[int, str]) -> dict[int, str]:
        rest = found[3].strip()
        if rest:
            inline = re.fullmatch(r"\[\s*(?:\{\s*name:\s*([^}]+?)\s*\}|([^\]{]+?))\s*\]", rest)
            why = self._why_unasked((inline[1] or inline[2]).strip()) if inline else self._why_unasked(rest) if "{{" in rest else ""
            return {number: why} if why and not found[2] else {}
        gone: dict[int, str] = {}
        for child in _children(template, number):
            said = template.said(child)
            named = _NAMED.fullmatch(said)
            if child in removed:
                continue
            why = self._why_unasked(named[1]) if named else self._why_unasked(said) if "include" in said or "template" in said else ""
            if why:
                gone[child] = why
        return gone

    def _why_unasked(self, said: str) -> str:
        """Return why pods no longer ask for what a line names, empty where they do, or where that is not known."""
        if self._uses.search(said) or self._asks_helper(said) or LOGIN.search(said):
            return "pods need no login for GHCR"
        plain = _PLAIN_NAME.fullmatch(said)
        if plain and login.asked_for(plain[1], self.secrets, self._aim):
            return login.why(plain[1], self.secrets, self._aim)
        return ""

    def _find_kept_helpers(self) -> Iterator[str]:
        for path, template in self._all.items():
            if path in self.gone:
                continue
            own = {number: name for name, block in self._definitions(path) for number in range(block.first, block.last + 1)}
            for number in range(len(template.lines)):
                if number in self._removed[path]:
                    continue
                for name in self._helpers:
                    if f'"{name}"' in template.said(number) and own.get(number) != name and own.get(number) not in self._helpers:
                        yield name

    def _definitions(self, path: PurePosixPath) -> Iterator[tuple[str, Block]]:
        for block in self._all[path].blocks:
            name = _DEFINED.search(block.head) if block.keyword == "define" else None
            if name and name[1] in self._helpers:
                yield name[1], block

    def _removed_helpers(self, path: PurePosixPath) -> dict[int, str]:
        template = self._all[path]
        found: dict[int, str] = {}
        for name, block in self._definitions(path):
            if name not in self._kept_helpers:
                first = template.comment_above(block.first)
                found |= dict.fromkeys(range(first, block.last + 1), f'the helper "{name}" goes with the login for GHCR')
        return found

    def _addresses(self, path: PurePosixPath, removed: Mapping[int, str]) -> Iterator[Edit]:
        template = self._all[path]
        for number, (start, line) in enumerate(template.lines):
            if number in removed:
                continue
            found = _KEY.match(line)
            for each in self._found(template, number, found[1] if found else ""):
                if target := self._target(line, each):
                    yield Edit(start=start + each.start, end=start + each.end, text=target, reason=f"{target} in place of {each.name}")
            yield from self._folders(start, line)

    def _found(self, template: Template, number: int, key: str) -> list[Reference]:
        line = template.lines[number][1]
        silent = [match.span() for match in _COMMENTS.finditer(line)]
        found = references(line, self._aim, key=key, groups=self._groups)
        return [each for each in found if not any(begin <= each.start < end for begin, end in silent)]

    def _target(self, line: str, found: Reference) -> str | None:
        """Return what takes the place of a name; where the values say what comes after it, it must fit these."""
        base = self._base
        if base is not None and found.path.lower() == base.path and re.match(r"/\s*(\{\{|%s)|[\"']", line[found.end :]):
            return f"{self._aim.registry}/{base.images}".rstrip("/")
        return found.target

    def _folders(self, start: int, line: str) -> Iterator[Edit]:
        """Yield the paths of ours that a template puts behind a registry from the values: `{{ .Values.registry }}/ann/shop/api`."""
        if self._base is None or self._base.path or "egistry" not in line:
            return
        for prefix in (each for each in self._aim.prefixes if not each.is_owner):
            for found in re.finditer(rf"(?<=[}}s]/){re.escape(prefix.path)}(?=/)", line, re.IGNORECASE):
                reason = f"{self._aim.registry}/{prefix.images} in place of {GHCR}/{found[0]}"
                yield Edit(start=start + found.start(), end=start + found.end(), text=prefix.images, reason=reason)

    def _left(self, path: PurePosixPath, removed: Mapping[int, str]) -> Iterator[Look]:
        template = self._all[path]
        for number, (_, line) in enumerate(template.lines):
            if number in removed:
                continue
            said = template.said(number)
            if (found := LOGIN.search(said)) or (found := self._uses.search(said)):
                yield Look(
                    file=str(path), line=number + 1, text=f"{found[0].lstrip('.')} is used in a way that is not understood", hint=_BY_HAND
                )
            key = _KEY.match(line)
            for each in self._found(template, number, key[1] if key else ""):
                if self._target(line, each) is None:
                    yield notes.left(str(path), number + 1, each, self._aim)
                elif each.digest:
                    yield notes.pinned(str(path), number + 1, each.name, each.digest)
        if not template.is_sound and GHCR in template.text:
            yield Look(
                file=str(path), text="has a block without an end, or an end without a block: only addresses were changed", hint=_BY_HAND
            )


_BY_HAND = "take it out by hand: nothing is pulled from GHCR"
_COMMENTS = re.compile(r"(^|\s)#.*|\{\{-?\s*/\*.*?\*/\s*-?\}\}")


def _children(template: Template, number: int) -> Iterator[int]:
    """Yield the lines below a key that belong to it, blank ones left out."""
    indent = template.indent(number)
    depth = 0
    for below in range(number + 1, len(template.lines)):
        if template.is_blank(below):
            continue
        line = template.said(below).strip()
        if template.is_action(below):
            if re.match(r"\{\{-?\s*(if|with|range)\b", line):
                depth += 1
            elif re.match(r"\{\{-?\s*end\b", line):
                depth -= 1
                if depth < 0:
                    return
            yield below
        elif template.indent(below) > indent or (template.indent(below) == indent and line.startswith("- ")):
            yield below
        else:
            return


def _emptied_blocks(template: Template, removed: Mapping[int, str]) -> dict[int, str]:
    """Return the lines of blocks that nothing is left in, because of what goes."""
    found: dict[int, str] = {}
    for block in template.blocks:
        inner = range(block.first + 1, block.last)
        reason = next((removed[each] for each in inner if each in removed), "")
        plain = block.keyword != "define" and not block.has_else and block.first not in removed
        if reason and plain and all(each in removed or template.is_blank(each) for each in inner):
            found |= dict.fromkeys(range(block.first, block.last + 1), reason)
    return found


def _emptied_lists(template: Template, removed: Mapping[int, str]) -> dict[int, str]:
    """Return the keys `imagePullSecrets` whose items all go."""
    found: dict[int, str] = {}
    for number in range(len(template.lines)):
        said = template.said(number)
        if number not in removed and _PULL.fullmatch(said) and said.rstrip().endswith(":"):
            children = list(_children(template, number))
            if children and all(each in removed for each in children):
                found[number] = removed[children[0]]
    return found


def _cuts(template: Template, removed: Mapping[int, str]) -> Iterator[Edit]:
    numbers = sorted(removed)
    while numbers:
        last = numbers[0]
        while last + 1 in removed:
            last += 1
        first = numbers[0]
        start = template.lines[first][0]
        end = line_end(template.text, template.lines[last][0])
        start, end = without_gap(template.text, start, end)
        yield Edit(start=start, end=end, reason=removed[first])
        numbers = [number for number in numbers if number > last]
