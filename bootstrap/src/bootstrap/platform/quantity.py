"""Sizes as Kubernetes writes them."""

import re
from decimal import Decimal
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

_FACTORS = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate("kMGTP", start=1)},
    **{f"{unit}i": 1024**power for power, unit in enumerate("KMGTP", start=1)},
}
_PATTERN = r"([0-9]+(?:\.[0-9]+)?)([kMGTP]|[KMGTP]i)?"


def size_in_bytes(text: str) -> int:
    """Return the bytes of a size; raises ValueError for what is none."""
    found = re.fullmatch(_PATTERN, text)
    if found is None:
        raise ValueError(f'"{text}" is not a size: 5Gi (1024s), 10G (1000s)')
    return int(Decimal(found[1]) * _FACTORS[found[2] or ""])


def _size(text: str) -> str:
    size_in_bytes(text)
    return text


Size: TypeAlias = Annotated[str, AfterValidator(_size), WithJsonSchema({"type": "string", "pattern": f"^{_PATTERN}$", "examples": ["5Gi"]})]
"""A size as text, so that it reaches Kubernetes as it was written."""
