"""In YAML: logins for GHCR, the Secrets that hold them, and the pods that ask for these."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bootstrap.check.tree import is_pipeline
from bootstrap.migrate import login, nodes
from bootstrap.migrate.aim import Aim
from bootstrap.migrate.nodes import Entry
from bootstrap.migrate.source import Source
from bootstrap.migrate.surgery import Surgery, UnsafeError
from bootstrap.migrate.text import Look

_BY_HAND = "take it out by hand: nothing is pulled from GHCR"


class Pods:
    """What pods log in with. `reads` says which line of a chart's templates still reads a value that is a login."""

    def __init__(self, source: Source, aim: Aim, *, secrets: Mapping[PurePosixPath | None, frozenset[str]]) -> None:
        self.looks: list[Look] = []
        self.hidden: list[str] = []
        self._source = source
        self._aim = aim
        made = {nodes.text(nodes.at(root, "metadata", "name")) for _, root in source.roots() if login.is_pull_secret(root)}
        self._secrets = {group: frozenset(names | made) for group, names in secrets.items()}
        self._made = frozenset(made)

    def edit(self, path: PurePosixPath, surgery: Surgery, reads: Callable[[str], Look | None]) -> None:
        """Change a file."""
        for root in surgery.documents:
            if login.is_pull_secret(root):
                self.hidden += login.secrets_in(root)
                surgery.remove_document(root, "the pull secret for GHCR")
                continue
            for entry in nodes.entries(root):
                if surgery.is_gone(entry.key):
                    continue
                try:
                    self._edit_entry(path, root, surgery, entry, reads)
                except UnsafeError:
                    self._leave(path, entry, f"{entry.name} is written in a way that is not understood")

    def _edit_entry(self, path: PurePosixPath, root: Node, surgery: Surgery, entry: Entry, reads: Callable[[str], Look | None]) -> None:
        is_values = self._source.is_values(path, root)
        if login.PULL_KEY.fullmatch(entry.name):
            self._pull_secrets(path, surgery, entry, is_values=is_values)
        elif entry.name == "secretGenerator":
            self._generated(surgery, entry)
        elif is_pipeline(path):
            # What a step needs besides is not known: nothing is taken out of one.
            said = next((text for text in (entry.name, nodes.text(entry.value)) if login.LOGIN.fullmatch(text)), "")
            if said:
                self._leave(path, entry, f"{said} is the login for GHCR")
        elif login.is_login(entry.name, entry.value, by_content=is_values):
            self.hidden += login.secrets_in(entry.value)
            if (look := reads(entry.name)) is not None:
                self.looks.append(look)
                self._leave(path, entry, f"{entry.name} is the login for GHCR, and is kept, since {look.where} still reads it")
                return
            self._remove(surgery, entry, f"{entry.name}: nothing is pulled from GHCR any more")
        elif isinstance(entry.value, ScalarNode) and login.LOGIN.fullmatch(entry.value.value):
            self._leave(path, entry, f"{entry.name}: {entry.value.value} is the login for GHCR")

    def _pull_secrets(self, path: PurePosixPath, surgery: Surgery, entry: Entry, *, is_values: bool) -> None:
        group = self._source.group(path)
        known = self._secrets.get(group, self._made)
        value = entry.value
        if isinstance(value, SequenceNode):
            gone = [each for each in value.value if self._goes(path, entry, each, known)]
            reason = "; ".join(dict.fromkeys(login.why(_name(each), known, self._aim) for each in gone))
            if value.start_mark.index < entry.key.start_mark.index:
                # An alias: the list is written elsewhere.
                written = self._parent(surgery, value)
                if gone and len(gone) == len(value.value) and written is not None and not surgery.is_emptied_node(value):
                    surgery.empty(*written, reason)
            elif gone and len(gone) == len(value.value):
                if is_values and self._is_read(group, entry.place):
                    surgery.empty(entry.key, value, reason)
                else:
                    self._remove(surgery, entry, reason)
            else:
                for each in gone:
                    surgery.remove_item(value, each, login.why(_name(each), known, self._aim))
        elif isinstance(value, ScalarNode) and value.value and self._goes(path, entry, value, known):
            reason = login.why(value.value, known, self._aim)
            if not self._is_read(group, entry.place):
                self._remove(surgery, entry, reason)
            else:
                surgery.blank(value, reason)
        elif isinstance(value, MappingNode) and any("ghcr" in each.value.lower() for _, each in nodes.scalars(value)):
            self._leave(path, entry, f"{entry.name} names the login for GHCR")

    def _goes(self, path: PurePosixPath, entry: Entry, item: Node, known: frozenset[str]) -> bool:
        name = _name(item)
        asked = login.asked_for(name, known, self._aim) if name else False
        if asked is None and not self._aim.asks_for_login:
            self._leave(path, entry, f"{name} is left: by its name it is the login for another registry")
        return bool(asked)

    def _generated(self, surgery: Surgery, entry: Entry) -> None:
        if not isinstance(entry.value, SequenceNode):
            return
        generated = [each for each in nodes.items(entry.value) if isinstance(each, MappingNode)]
        gone = [each for each in generated if "ghcr" in nodes.text(nodes.at(each, "name")).lower()]
        for each in gone:
            self.hidden += login.secrets_in(each)
        if gone and len(gone) == len(nodes.items(entry.value)):
            self._remove(surgery, entry, "the pull secret for GHCR")
            return
        for each in gone:
            surgery.remove_item(entry.value, each, "the pull secret for GHCR")

    def _remove(self, surgery: Surgery, entry: Entry, reason: str) -> None:
        """Take an entry out, and leave no map without anything in it: templates may read it."""
        rest = [key for key, _ in entry.mapping.value if key is not entry.key and not surgery.is_removed(entry.mapping, key)]
        parent = self._parent(surgery, entry.mapping)
        if rest or parent is None:
            surgery.remove_entry(entry.mapping, entry.key, reason)
        else:
            surgery.empty(*parent, reason)

    def _parent(self, surgery: Surgery, value: Node) -> tuple[Node, Node] | None:
        for root in surgery.documents:
            for entry in nodes.entries(root):
                if entry.value is value and value.start_mark.index >= entry.key.start_mark.index:
                    return entry.key, entry.value
        return None

    def _is_read(self, group: PurePosixPath | None, place: tuple[str, ...]) -> bool:
        pattern = re.compile(rf"\.{re.escape(place[-1])}\b")
        return any(pattern.search(file.text) for path, file in self._source.templates.items() if self._source.group(path) == group)

    def _leave(self, path: PurePosixPath, entry: Entry, text: str) -> None:
        self.looks.append(Look(file=str(path), line=nodes.line(entry.key), text=text, hint=_BY_HAND))


def logins(source: Source, group: PurePosixPath | None) -> Iterator[str]:
    """Yield the keys of logins for GHCR in the values of a chart."""
    for path, root in source.roots():
        if source.group(path) == group and source.is_values(path, root):
            yield from (entry.name for entry in nodes.entries(root) if login.is_login(entry.name, entry.value))


def _name(item: Node) -> str:
    return nodes.text(item) or nodes.text(nodes.at(item, "name"))
