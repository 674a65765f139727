"""Answers of a real Kargo 1.11.2 (tests/data/kargo), and how an answer's shape is compared with them."""

import json
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent.parent / "data" / "kargo"
RECORDED: dict[str, Any] = json.loads((_DATA / "recorded-api-v1.11.2.json").read_text(encoding="utf-8"))
PROMOTIONS: dict[str, Any] = json.loads((_DATA / "recorded-promotions-v1.11.2.json").read_text(encoding="utf-8"))
CALLS: dict[str, dict[str, Any]] = RECORDED["calls"]
TAG: str = RECORDED["tag"]
DIGEST: str = RECORDED["digest"]
REPOSITORY = "127.0.0.1:5000/shop/query-api"


def body(name: str) -> dict[str, Any]:
    """Return the body of a recorded answer, to be changed by the test at will."""
    found: dict[str, Any] = json.loads(json.dumps(CALLS[name]["body"]))
    return found


def items(name: str) -> list[dict[str, Any]]:
    """Return the Freight of a recorded list."""
    found: list[dict[str, Any]] = body(name)["groups"][""]["items"]
    return found


def differences(recorded: object, answered: object, at: str = "body") -> list[str]:
    """List where two documents differ in keys, types or lengths; values are free. The recording has left managedFields out."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        keys = (recorded.keys() | answered.keys()) - {"managedFields"}
        missing = [
            f"{at}.{key}: {'missing' if key in recorded else 'not recorded'}" for key in keys if (key in recorded) != (key in answered)
        ]
        both = [key for key in keys if key in recorded and key in answered]
        return sorted(missing) + [line for key in sorted(both) for line in differences(recorded[key], answered[key], f"{at}.{key}")]
    if isinstance(recorded, list) and isinstance(answered, list):
        if len(recorded) != len(answered):
            return [f"{at}: {len(recorded)} recorded, {len(answered)} answered"]
        return [line for index, pair in enumerate(zip(recorded, answered, strict=True)) for line in differences(*pair, at=f"{at}[{index}]")]
    same = type(recorded) is type(answered)
    return [] if same else [f"{at}: {type(recorded).__name__} recorded, {type(answered).__name__} answered"]
