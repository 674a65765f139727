"""`${NAME}` in the raw text of a pipeline file, expanded before the YAML is read, as Woodpecker does it.

The forms and their quirks are those of the Go module drone/envsubst 1.0.3, which Woodpecker uses: an unknown name
is empty; `:-`, `:=`, `:?` and `:+` all mean "use this when empty"; a doubled dollar sign or backslash in plain text is
one; `$NAME` without braces is left to the shell.
"""

import re
from collections.abc import Mapping

from devtools import patterns
from devtools.errors import DevError

_NAME = re.compile(r"\w+")
_OPERATOR = re.compile(r":[-=?+]|:|=|,,?|\^\^?|/[/#%]?|##?|%%?")


class SubstitutionError(DevError):
    """A `${...}` that Woodpecker would refuse."""


def substitute(text: str, env: Mapping[str, str]) -> str:
    """Return `text` with every `${...}` expanded."""
    return _Expansion(text, env).everything()


class _Expansion:
    """One pass over a text; `position` is where reading goes on."""

    def __init__(self, text: str, env: Mapping[str, str]) -> None:
        self.text = text
        self.env = env
        self.position = 0

    def everything(self) -> str:
        result: list[str] = []
        while self.position < len(self.text):
            result.append(self._expression() if self._at("${") else self._character(escapes=True))
        return "".join(result)

    def _at(self, text: str) -> bool:
        return self.text.startswith(text, self.position)

    def _character(self, *, escapes: bool) -> str:
        if escapes and (self._at("$$") or self._at("\\\\") or self._at("\\/")):
            self.position += 1
        self.position += 1
        return self.text[self.position - 1]

    def _expression(self) -> str:
        begun = self.position
        self.position += len("${")
        if self._at("#"):
            self.position += 1
            value = str(len(self._value(self._name(begun)).encode()))
            self._close(begun)
            return value
        value = self._value(self._name(begun))
        operator = _OPERATOR.match(self.text, self.position)
        if operator is None:
            self._close(begun)
            return value
        self.position = operator.end()
        return self._apply(operator[0], value, begun)

    def _apply(self, operator: str, value: str, begun: int) -> str:
        if operator in {",", ",,", "^", "^^"}:
            self._close(begun)
            return _recase(operator, value)
        if operator == ":":
            arguments = [self._word(":}")]
            if self._at(":"):
                self.position += 1
                arguments.append(self._word("}"))
            self._close(begun)
            if len(arguments) > 1 and re.fullmatch(r"-\d+", arguments[1]):
                # Woodpecker itself would crash on a negative length.
                raise self._refusal(begun)
            return _slice(value, arguments)
        if operator[0] == "/":
            old = self._word("/", escapes=True)
            if not old or not self._at("/"):
                raise self._refusal(begun)
            self.position += 1
            new = self._word("}", escapes=True)
            self._close(begun)
            return _replace(operator, value, old, new)
        argument = self._word("}")
        self._close(begun)
        if operator[0] not in "#%":
            return value or argument
        if not argument:
            raise self._refusal(begun)
        return _trim(operator, value, argument)

    def _name(self, begun: int) -> str:
        name = _NAME.match(self.text, self.position)
        if name is None:
            raise self._refusal(begun)
        self.position = name.end()
        return name[0]

    def _value(self, name: str) -> str:
        value = self.env.get(name, "")
        # A value of several lines would break the YAML around it, so Woodpecker quotes it (Go's %q).
        return _quoted(value) if "\n" in value else value

    def _word(self, ends: str, *, escapes: bool = False) -> str:
        result: list[str] = []
        while self.position < len(self.text) and self.text[self.position] not in ends:
            result.append(self._expression() if self._at("${") else self._character(escapes=escapes))
        return "".join(result)

    def _close(self, begun: int) -> None:
        if not self._at("}"):
            raise self._refusal(begun)
        self.position += 1

    def _refusal(self, begun: int) -> SubstitutionError:
        line = self.text.count("\n", 0, begun) + 1
        shown = self.text[begun : begun + 40].splitlines()[0]
        return SubstitutionError(f"line {line}: not a substitution that Woodpecker knows: {shown}", hint="write $${ for a literal ${")


def _recase(operator: str, value: str) -> str:
    # Go changes rune by rune: the German sharp s has no upper case there.
    changed = [new if len(new := (c.upper() if operator[0] == "^" else c.lower())) == 1 else c for c in value]
    return "".join(changed) if len(operator) > 1 else "".join(changed[:1]) + value[1:]


def _slice(value: str, arguments: list[str]) -> str:
    if not all(re.fullmatch(r"[-+]?\d+", argument) for argument in arguments):
        return value
    # Positions count bytes, as in Go.
    encoded = value.encode()
    begin = int(arguments[0])
    if begin < 0:
        begin = max(len(encoded) + begin, 0)
    end = begin + int(arguments[1]) if len(arguments) > 1 else len(encoded)
    return encoded[begin:end].decode(errors="replace")


def _replace(operator: str, value: str, old: str, new: str) -> str:
    if operator == "//":
        return value.replace(old, new)
    if operator == "/#":
        return new + value.removeprefix(old) if value.startswith(old) else value
    if operator == "/%":
        return value.removesuffix(old) + new if value.endswith(old) else value
    return value.replace(old, new, 1)


def _trim(operator: str, value: str, pattern: str) -> str:
    expression = patterns.shell(pattern)
    prefix = operator[0] == "#"
    sizes = range(1, len(value) + 1)
    for size in sizes if len(operator) == 1 else reversed(sizes):
        if expression.fullmatch(value[:size] if prefix else value[-size:]):
            return value[size:] if prefix else value[:-size]
    return value


def _quoted(value: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    parts = [escapes.get(c) or (c if c.isprintable() else f"\\x{ord(c):02x}") for c in value]
    return f'"{"".join(parts)}"'
