"""What is left of a file without its wrong parts: enough to check the rest of it, so that one run shows every problem."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from bootstrap.platform.document import Place
from bootstrap.platform.explain import is_required
from bootstrap.platform.platform import Platform

# For what a platform can't be without.
_STAND_INS: Mapping[str, Any] = {
    "domain": "invalid",
    "prerequisites": {"cert_manager": {"mode": "external"}},
    "gitea": {"mode": "external"},
    "registry": {"mode": "external"},
}


class Remains:
    """A copy of the data, from which wrong parts are taken one after another; `taken` are their places."""

    def __init__(self, data: Mapping[str, object]) -> None:
        self.data: dict[str, Any] = deepcopy(dict(data))
        self.taken: list[Place] = []

    def take(self, place: Place) -> None:
        """Take away the wrong part, or the smallest thing around it that a platform can be without."""
        for length in range(len(place), 0, -1):
            part = place[:length]
            stand_in = _stand_in(part)
            if stand_in is not None or (isinstance(part[-1], str) and not is_required(part, Platform)):
                self._replace(part, stand_in)
                self.taken.append(part)
                return
        # `gitea` itself is missing: its place is that of a key below it which nobody wrote.
        self._replace(place[:1], None)
        self.taken.append(place[:1])

    def touch(self, place: Place) -> bool:
        """Tell whether a place lies in, or around, something that was taken away."""
        return any(taken[: len(place)] == place or place[: len(taken)] == taken for taken in self.taken)

    def _replace(self, place: Place, stand_in: object) -> None:
        *around, key = place
        inside: Any = self.data
        try:
            for part in around:
                inside = inside[part]
        except (KeyError, IndexError, TypeError):
            return  # nobody wrote it, or another part around it was taken already
        if stand_in is not None:
            inside[key] = stand_in
        elif isinstance(inside, dict):
            inside.pop(key, None)


def _stand_in(place: Place) -> object:
    match place:
        case (str(key),):
            return deepcopy(_STAND_INS.get(key))
        case ("projects", int(index)):
            # An element can't be taken out of a list: those behind it would change their places.
            name = f"unusable-{index}"
            return {"name": name, "watched_image": name, "chart_path": name, "stages": [{"name": "unusable", "promotion": "auto"}]}
        case _:
            return None
