"""Expressions of promotion steps, evaluated by Kargo's own code: the package `pkg/expressions` of 1.11.2, built from its Go module."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools import go_programs
from devtools.go_programs import GoProgram

PROGRAM = GoProgram(
    name="kargo-expressions",
    module=Path(__file__).parent,
    package=".",
    pin="github.com/akuity/kargo",
    takes="about half a minute on 2 cores, once",
)


class ExpressionError(Exception):
    """Kargo's words for what is wrong with an expression."""


@dataclass(frozen=True, slots=True)
class Expressions:
    """The program that evaluates them."""

    child: subprocess.Popen[str]

    def config(self, config: Mapping[str, Any], env: Mapping[str, Any], *, tag: str) -> dict[str, Any]:
        """Return the configuration of a step with every `${{ }}` in it replaced; `tag` is that of the Freight's image."""
        found = self._ask({"config": config, "env": env, "tag": tag})
        return dict(found)

    def value(self, expression: str, env: Mapping[str, Any]) -> Any:  # noqa: ANN401  whatever it says
        """Evaluate a bare expression."""
        return self._ask({"expression": expression, "env": env})

    def _ask(self, question: Mapping[str, Any]) -> Any:  # noqa: ANN401  any JSON
        if self.child.stdin is None or self.child.stdout is None:
            raise ValueError("the program was started without pipes")
        self.child.stdin.write(json.dumps(question) + "\n")
        self.child.stdin.flush()
        answer = json.loads(self.child.stdout.readline())
        if "error" in answer:
            raise ExpressionError(answer["error"])
        return answer["value"]


@contextmanager
def expressions() -> Iterator[Expressions]:
    """Run the program, built if need be."""
    file = go_programs.build(PROGRAM)
    with subprocess.Popen([file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield Expressions(child)
        finally:
            child.terminate()
