"""What a web page has in its forms and messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

_HEADINGS = frozenset({"h1", "h2", "h3", "h4"})
_BUTTONS = frozenset({"submit", "image", "button", "reset"})
_TICKS = frozenset({"checkbox", "radio"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form: where it is sent, what it would send untouched, and which of that is hidden from the person who fills it in."""

    action: str
    method: str
    fields: Mapping[str, str]
    hidden: Mapping[str, str]
    names: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: its title, headings and forms, and the text of its message (Gitea: "flash"), "" where there is none."""

    title: str
    headings: tuple[str, ...]
    message: str
    forms: tuple[Form, ...]

    def form(self, *names: str) -> Form | None:
        """Return the form that has all of these inputs."""
        return next((form for form in self.forms if form.names.issuperset(names)), None)


def read(html: str) -> Page:
    """Read a page; what is not HTML is a page without anything."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Page(
        title=_words(reader.title),
        headings=tuple(filter(None, (_words(each) for each in reader.headings))),
        message=_words(reader.message),
        forms=tuple(
            Form(action=each.action, method=each.method, fields=each.fields, hidden=each.hidden, names=frozenset(each.names))
            for each in reader.forms
        ),
    )


@dataclass(slots=True, kw_only=True)
class _Open:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.title = self.message = ""
        self.headings: list[str] = []
        self.forms: list[_Open] = []
        self._form: _Open | None = None
        self._tag = ""
        self._message_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = _Open(action=values.get("action", ""), method=values.get("method", "get").upper())
            self.forms.append(self._form)
        elif tag == "input" and self._form is not None:
            self._input(self._form, values)
        elif tag in _HEADINGS:
            self._tag = tag
            self.headings.append("")
        elif tag == "title":
            self._tag = tag
        elif tag == "div" and (self._message_depth or "flash-error" in values.get("class", "").split()):
            self._message_depth += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == self._tag:
            self._tag = ""
        if tag == "div" and self._message_depth:
            self._message_depth -= 1

    def handle_data(self, data: str) -> None:
        if self._message_depth:
            self.message += data
        if self._tag == "title":
            self.title += data
        elif self._tag:
            self.headings[-1] += data

    @staticmethod
    def _input(form: _Open, values: Mapping[str, str]) -> None:
        name, kind = values.get("name", ""), values.get("type", "text").lower()
        if not name or kind in _BUTTONS:
            return
        form.names.add(name)
        if kind == "hidden":
            form.hidden[name] = values.get("value", "")
        if kind not in _TICKS:
            form.fields[name] = values.get("value", "")
        elif "checked" in values:
            form.fields[name] = values.get("value", "on")


def _words(text: str) -> str:
    return " ".join(text.split())
