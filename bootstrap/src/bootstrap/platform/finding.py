"""What is wrong or odd about a platform whose single values are all possible."""

from dataclasses import dataclass

from bootstrap.platform.document import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about a place; `other` is the place that it clashes with."""

    at: Place
    text: str
    other: Place | None = None
    is_warning: bool = False
