"""The log: one line for what was decided, to be read at night or by a program."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

from market_gate.decision import Because, Decision

log = logging.getLogger("market_gate")
_WIDTH = 11


def start(form: Literal["plain", "json"]) -> None:
    """Write the log to standard error: ours from INFO on, of the libraries what is wrong."""
    printer = logging.StreamHandler(sys.stderr)
    printer.setFormatter(JsonLines() if form == "json" else PlainLines())
    logging.basicConfig(level=logging.WARNING, handlers=[printer], force=True)
    log.setLevel(logging.INFO)
    # It warns of each request that is no HTTP, and any scanner sends thousands.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def decided(decision: Decision) -> None:
    """Write down a decision: who asked for what, the answer and why."""
    question = decision.question
    word = "break-glass" if decision.because is Because.BREAK_GLASS else "allow" if decision.may else "refuse"
    what = f"{question.project}/{question.stage}"
    notes = [
        question.promotion,
        "rollback" if question.rollback else "",
        f"(asked for {decision.moment:%Y-%m-%dT%H:%M:%SZ})" if question.at else "",
    ]
    fields: dict[str, Any] = {
        "decision": word,
        "project": question.project,
        "stage": question.stage,
        "promotion": question.promotion,
        "rollback": question.rollback,
        "at": decision.moment.isoformat() if question.at else None,
        "because": decision.because.value,
        "reason": decision.reason,
    }
    text = f"{word:{_WIDTH}} {' '.join([what, *(note for note in notes if note)])}: {decision.reason}"
    if (record := decision.record) is not None:
        fields |= {
            "record": record.name,
            "operator": record.operator,
            "justification": record.justification,
            "expires": record.expires.isoformat(),
        }
        text += f" [record {record.name}]"
    level = logging.WARNING if decision.because in {Because.BREAK_GLASS, Because.NOT_KNOWN} else logging.INFO
    log.log(level, "%s", text, extra={"fields": fields})


class PlainLines(logging.Formatter):
    """Time, a word where something is wrong, and the sentence."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        mark = f"{record.levelname}: " if record.levelno >= logging.ERROR else "warning: " if record.levelno >= logging.WARNING else ""
        if hasattr(record, "fields"):
            mark = ""
        text = f"{_time(record)} {mark}{record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {"time": _time(record), "level": record.levelname.lower(), "message": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%d %H:%M:%SZ}"
