"""apt's sources of this machine, carried over to the Debian suite that the images are made of."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_LINE = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)(?:\s|$)")
_FIELD = re.compile(r"^(\w[\w-]*):[ \t]*((?:.*\n?)(?:[ \t].*\n?)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where packages come from (`uris`), and which suites are taken from there."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]

    def deb822(self) -> str:
        """Return it as a stanza of a .sources file, for Debian's own packages."""
        return f"Types: deb\nURIs: {' '.join(self.uris)}\nSuites: {' '.join(self.suites)}\nComponents: main\nSigned-By: {KEYRING}\n"


def read(etc: Path = Path("/etc/apt")) -> list[Entry]:
    """Return the entries of sources.list and sources.list.d; source packages and disabled entries are left out."""
    folder = etc / "sources.list.d"
    entries: list[Entry] = []
    for file in [etc / "sources.list", *sorted(folder.glob("*.list"))]:
        if file.is_file():
            entries += parse_list(file.read_text(encoding="utf-8"))
    for file in sorted(folder.glob("*.sources")):
        entries += parse_deb822(file.read_text(encoding="utf-8"))
    return entries


def parse_list(text: str) -> list[Entry]:
    """Read the one-line format."""
    found = (_LINE.match(line.strip()) for line in text.splitlines())
    return [Entry(uris=(match[1],), suites=(match[2],)) for match in found if match]


def parse_deb822(text: str) -> list[Entry]:
    """Read the format of .sources files."""
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    entries = []
    for stanza in re.split(r"\n\s*\n", plain):
        fields = {name.lower(): tuple(value.split()) for name, value in _FIELD.findall(stanza)}
        if "deb" in fields.get("types", ()) and fields.get("enabled", ("yes",)) != ("no",):
            entries.append(Entry(uris=fields.get("uris", ()), suites=fields.get("suites", ())))
    return entries


def for_suite(entries: Iterable[Entry], codename: str, suite: str) -> list[Entry]:
    """Return Debian's entries (with updates and security) of a machine that runs `codename`, for `suite`; others are left out."""
    own = re.compile(rf"{re.escape(codename)}(-updates|-security)?")
    carried = (
        Entry(uris=entry.uris, suites=tuple(suite + name.removeprefix(codename) for name in entry.suites if own.fullmatch(name)))
        for entry in entries
    )
    return list(dict.fromkeys(entry for entry in carried if entry.suites and entry.uris))
