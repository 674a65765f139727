"""Lists that are told in part: the first of them, and how many more there are."""

from collections.abc import Sequence


def lines(told: Sequence[str], most: int) -> list[str]:
    """Return the first `most` lines, and one that counts the rest."""
    return [*told[:most], *([f"and {len(told) - most} more"] if len(told) > most else [])]


def names(told: Sequence[object], most: int) -> str:
    """Write the first `most` names in one line, and how many more there are: `a, b and 3 more`."""
    return ", ".join(map(str, told[:most])) + (f" and {len(told) - most} more" if len(told) > most else "")
