"""Writes the lines that people read when something happened."""

import service

SEVERITIES = ("info", "warning", "critical")
PAGER_WIDTH = 80


def line(severity: str, subject: str, text: str) -> str:
    """Return one line, shortened to what fits a pager."""
    if severity not in SEVERITIES:
        raise ValueError(f"severity must be one of {', '.join(SEVERITIES)}: {severity!r}")
    message = f"[{severity.upper()}] {subject}: {text}"
    return message if len(message) <= PAGER_WIDTH else f"{message[: PAGER_WIDTH - 1]}\N{HORIZONTAL ELLIPSIS}"


def route(query: service.Query) -> object:
    """Answer /line?severity=info&subject=...&text=..."""
    return {"line": line(query["severity"], query["subject"], query["text"])}


if __name__ == "__main__":
    service.run(
        "notifier",
        {"/line": route},
        self_test={"/line?severity=info&subject=orders&text=all+filled": {"line": "[INFO] orders: all filled"}},
    )
