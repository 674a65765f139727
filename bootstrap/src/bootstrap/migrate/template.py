"""A template of a chart. It is no YAML: its lines, and the blocks between `{{ if }}` and `{{ end }}`, are all that is known of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.migrate.text import lines

_ACTION = re.compile(r"\{\{-?\s*(/\*.*?\*/|.*?)\s*-?\}\}", re.DOTALL)
_OPENS = frozenset({"if", "with", "range", "define", "block"})
# As `bootstrap check` reads them: what stands there is said to people only.
_COMMENT = re.compile(r"(^|\s)#.*|\{\{-?\s*/\*.*?\*/\s*-?\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block whose first and last action each have a line of their own; lines count from 0."""

    keyword: str
    head: str
    first: int
    last: int
    has_else: bool


class Template:
    """The lines of a template and its blocks. `is_sound` is False where blocks don't end: then no block is known."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = lines(text)
        self.is_sound = True
        self.blocks: tuple[Block, ...] = tuple(self._blocks())

    def said(self, number: int) -> str:
        """Return a line without comments."""
        return _COMMENT.sub("", self.lines[number][1])

    def indent(self, number: int) -> int:
        """Return how far a line is indented."""
        line = self.lines[number][1]
        return len(line) - len(line.lstrip())

    def is_blank(self, number: int) -> bool:
        """Tell whether a line says nothing, or something to people only."""
        return not self.said(number).strip()

    def is_action(self, number: int) -> bool:
        """Tell whether a line is one action, such as `{{- end }}`."""
        return bool(_ACTION.fullmatch(self.lines[number][1].strip()))

    def comment_above(self, number: int) -> int:
        """Return the first line of the comment (`{{/* */}}` or `#`) that ends right above a line, or the line itself."""
        above = number - 1
        while above >= 0 and self.lines[above][1].lstrip().startswith("#"):
            above -= 1
        if above + 1 < number:
            return above + 1
        if above >= 0 and re.search(r"\*/\s*-?\}\}\s*$", self.lines[above][1]):
            while above >= 0 and not re.match(r"\s*\{\{-?\s*/\*", self.lines[above][1]):
                above -= 1
            return max(above, 0)
        return number

    def _blocks(self) -> Iterator[Block]:
        stack: list[tuple[str, str, re.Match[str], bool]] = []
        found: list[Block] = []
        for action in _ACTION.finditer(self.text):
            said = action[1]
            word = said.split(maxsplit=1)[0] if said and not said.startswith("/*") else ""
            if word in _OPENS:
                stack.append((word, said.partition(" ")[2], action, False))
            elif word == "else" and stack:
                keyword, head, begun, _ = stack.pop()
                stack.append((keyword, head, begun, True))
            elif word == "end" and not stack:
                self.is_sound = False
            elif word == "end":
                keyword, head, begun, has_else = stack.pop()
                if self._is_alone(begun) and self._is_alone(action):
                    first, last = self._line(begun.start()), self._line(action.start())
                    found.append(Block(keyword=keyword, head=head, first=first, last=last, has_else=has_else))
        if stack:
            self.is_sound = False
        return iter(found if self.is_sound else [])

    def _line(self, position: int) -> int:
        return max(number for number, (start, _) in enumerate(self.lines) if start <= position)

    def _is_alone(self, action: re.Match[str]) -> bool:
        number = self._line(action.start())
        return self.lines[number][1].strip() == action[0].strip()
