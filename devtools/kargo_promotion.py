"""A stand-in for Kargo 1.11.2 that runs a promotion: it executes the `http` steps of a Stage itself, and plays the others.

Each reconciliation goes as in pkg/promotion/local_orchestrator.go and pkg/promotion/runner/builtin/http_requester.go: the configuration is
evaluated anew (by Kargo's own code), the question is asked over HTTP, and the answer is judged by the step's expressions. What is met fails
or passes; everything else is asked again after `pollInterval`, errors after a pause that doubles, until threshold or timeout end it.

The status is kept as Kargo keeps it, by a merge patch, so that null is never kept. Time is the stand-in's own: 72 hours pass when a test
says so. tests/market_gate compares it with recorded promotions.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from devtools.errors import DevError
from devtools.kargo_expressions import ExpressionError, Expressions

Manifest = Mapping[str, Any]

# pkg/controller/promotions/promotions.go: no step is asked for more often, whatever it says.
SHORTEST_POLL = 10.0
# http_requester.go: httpPollIntervalDefault, requestTimeoutDefault.
USUAL_POLL = 30.0
REQUEST_SECONDS = 10
# controller-runtime's workqueue: the pause after an error doubles from the first to the last.
FIRST_PAUSE, LAST_PAUSE = 0.005, 1000.0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
FREIGHT = "0da4b684c1c31b6f6af563633c194732b7a8eb03"
_STATUSES = ("Succeeded", "Skipped", "Aborted", "Failed", "Errored")


class StepError(Exception):
    """A step that failed. `is_terminal`: it is not tried again."""

    def __init__(self, message: str, *, status: str = "Errored", is_terminal: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.is_terminal = is_terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a step that did not fail."""

    status: str
    output: Mapping[str, Any] | None = None
    poll: float = 0.0


@dataclass(slots=True, kw_only=True)
class Promotion:
    """A promotion to a Stage; `status` is what Kargo's object says."""

    stage: Manifest
    name: str
    expressions: Expressions
    address: Callable[[], tuple[str, int]]
    """Where the Service of the gate leads at the moment."""
    rollback: bool = False
    actor: str = ""
    tag: str = "4a5b6c7d8e9f4a5b6c7d8e9f4a5b6c7d8e9f4a5b"
    now: datetime = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    """The stand-in's own time."""
    status: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    """Of the commits that were made."""
    asked: int = 0
    """How often the gate was."""
    _errors_in_a_row: int = 0

    @property
    def phase(self) -> str:
        """Pending, Running, or how it ended."""
        return str(self.status.get("phase", "Pending"))

    @property
    def gate(self) -> Mapping[str, Any]:
        """What became of the step `gate` so far."""
        return next((each for each in self.status.get("stepExecutionMetadata", ()) if each["alias"] == "gate"), {})

    @property
    def steps(self) -> list[Manifest]:
        """The steps, each with its alias."""
        steps = self.stage["spec"]["promotionTemplate"]["spec"]["steps"]
        return [{"as": f"step-{number}", **step} for number, step in enumerate(steps, start=1)]

    @property
    def vars(self) -> dict[str, str]:
        """The variables of the Stage."""
        return {each["name"]: each["value"] for each in self.stage["spec"].get("vars", ())}

    def manifest(self, name: str = "") -> dict[str, Any]:
        """Write the Promotion as Kargo's webhook makes it, without its status."""
        stage, project = self.stage["metadata"]["name"], self.stage["metadata"]["namespace"]
        notes = {"kargo.akuity.io/stage": stage, **({"kargo.akuity.io/create-actor": self.actor} if self.actor else {})}
        spec = {"stage": stage, "freight": FREIGHT, "steps": self.steps}
        metadata = {"name": name or self.name, "namespace": project, "annotations": notes}
        return {"apiVersion": "kargo.akuity.io/v1alpha1", "kind": "Promotion", "metadata": metadata, "spec": spec}

    def run(self, until: Callable[["Promotion"], bool] | None = None, *, most: int = 10_000) -> None:
        """Reconcile again and again, with time going on in between, until something is so or it has ended."""
        for _ in range(most):
            wait = self.reconcile()
            if wait is None or (until and until(self)):
                return
            self.now += timedelta(seconds=wait)
        raise DevError(f"{self.name} is still {self.phase} after {most} reconciliations: {self.status}")

    def reconcile(self) -> float | None:
        """Do what one reconciliation does and return the seconds until the next, None when it is over."""
        status = self.status
        status.setdefault("startedAt", _stamp(self.now))
        status["freight"] = {"name": FREIGHT, "images": [{"repoURL": self.vars.get("imageRepo", ""), "tag": self.tag}]}
        state: dict[str, Any] = dict(status.get("state", {}))
        metas: list[dict[str, Any]] = status.setdefault("stepExecutionMetadata", [])
        for index, step in enumerate(self.steps[status.get("currentStep", 0) :], start=status.get("currentStep", 0)):
            if len(metas) <= index:
                metas.append({"alias": step["as"]})
            meta = metas[index]
            if any(each.get("status") in {"Errored", "Failed"} for each in metas[:index]):
                meta["status"] = "Skipped"
                continue
            meta.setdefault("startedAt", _stamp(self.now))
            wait = self._step(step, meta, state)
            status["state"] = without_null(state)
            if wait is not None:
                status |= {"phase": "Running", "currentStep": index}
                return wait
        worst = max(metas, key=lambda each: _STATUSES.index(each["status"]))
        phase = "Succeeded" if worst["status"] == "Skipped" else worst["status"]
        status |= {"phase": phase, "currentStep": len(metas) - 1, "finishedAt": _stamp(self.now)}
        status.pop("message", None)
        if worst.get("message"):
            status["message"] = worst["message"]
        return None

    def _step(self, step: Manifest, meta: dict[str, Any], state: dict[str, Any]) -> float | None:
        """Run a step; return the seconds until it is tried again, None when it is done."""
        alias, retry = step["as"], step.get("retry", {})
        try:
            config = self.expressions.config(step.get("config", {}), self._env(alias, state), tag=self.tag)
        except ExpressionError as error:
            meta |= {"status": "Errored", "message": f"failed to build step context: failed to get step config: {error}"}
            return None
        state[alias] = None
        try:
            outcome = self._http(config) if step["uses"] == "http" else self._played(step, config)
        except StepError as error:
            words = f'error running step "{alias}": {error}' if error.status == "Errored" else f'step "{alias}": {error}'
            return self._after_error(error, words, meta, retry, alias)
        self._errors_in_a_row = 0
        for each in (self.status, meta):
            each.pop("message", None)
        meta["status"] = outcome.status
        if outcome.status != "Running":
            state[alias] = outcome.output
            meta["finishedAt"] = _stamp(self.now)
            return None
        if self._timed_out(meta, retry, alias):
            return None
        # It is woken when the time is over.
        left = _seconds(retry.get("timeout")) - self._age(meta)
        wait = max(outcome.poll, SHORTEST_POLL)
        return min(wait, left + 1) if retry.get("timeout") else wait

    def _after_error(self, error: StepError, words: str, meta: dict[str, Any], retry: Manifest, alias: str) -> float | None:
        meta |= {"status": error.status, "message": words}
        if error.is_terminal:
            meta["finishedAt"] = _stamp(self.now)
            if error.status != "Failed":
                meta |= {"status": "Errored", "message": f"an unrecoverable error occurred: {words}"}
            return None
        meta["errorCount"] = meta.get("errorCount", 0) + 1
        threshold = retry.get("errorThreshold", 1)
        if meta["errorCount"] >= threshold:
            meta |= {"message": f'step "{alias}" met error threshold of {threshold}: {words}', "finishedAt": _stamp(self.now)}
            return None
        if self._timed_out(meta, retry, alias):
            return None
        meta["message"] = f"{words}; step will be retried"
        self.status["message"] = words
        pause: float = min(FIRST_PAUSE * 2**self._errors_in_a_row, LAST_PAUSE)
        self._errors_in_a_row += 1
        return pause

    def _timed_out(self, meta: dict[str, Any], retry: Manifest, alias: str) -> bool:
        timeout = _seconds(retry.get("timeout"))
        if not timeout or self._age(meta) <= timeout:
            return False
        meta |= {"status": "Errored", "message": f'step "{alias}" timed out after {retry["timeout"]}', "finishedAt": _stamp(self.now)}
        return True

    def _age(self, meta: Manifest) -> float:
        return (self.now - datetime.fromisoformat(meta["startedAt"])).total_seconds()

    def _env(self, alias: str, state: Mapping[str, Any]) -> dict[str, Any]:
        metadata = self.stage["metadata"]
        promotion = {"actor": self.actor, "rollback": self.rollback}
        ctx = {"project": metadata["namespace"], "stage": metadata["name"], "promotion": self.name}
        return {"ctx": {**ctx, "meta": {"promotion": promotion, "step": {"alias": alias}}}, "vars": self.vars, "outputs": state}

    def _http(self, config: Manifest) -> Outcome:
        for number, parameter in enumerate(config.get("queryParams", ())):
            if not isinstance(parameter["value"], str) or not parameter["value"]:
                kind = {bool: "boolean", float: "number", int: "number"}.get(type(parameter["value"]), "another")
                message = f"invalid http config: queryParams.{number}.value: Invalid type. Expected: string, given: {kind}"
                raise StepError(message, status="Failed", is_terminal=True)
        env = {"response": self._response(config)}
        status = env["response"]["status"]
        met = {key: self._met(config, key, env) for key in ("successExpression", "failureExpression")}
        if met["failureExpression"]:
            why = self._reason(config, env)
            message = f"HTTP ({status}) response met failure criteria{f': {json.dumps(why, ensure_ascii=False)}' if why else ''}"
            raise StepError(message, status="Failed", is_terminal=True)
        if met["successExpression"]:
            return Outcome(status="Succeeded", output=self._outputs(config, env))
        return Outcome(status="Running", poll=_seconds(config.get("pollInterval")) or USUAL_POLL)

    def _response(self, config: Manifest) -> dict[str, Any]:
        url = urlsplit(config["url"])
        query = urlencode([(each["name"], each["value"]) for each in config.get("queryParams", ())])
        host, port = self.address()
        self.asked += 1
        connection = http.client.HTTPConnection(host, port, timeout=REQUEST_SECONDS)
        try:
            connection.request("GET", f"{url.path}?{query}", headers={"Host": url.netloc})
            response = connection.getresponse()
            content_type = (response.headers.get_content_type() if "content-type" in response.headers else "").lower()
            return {"status": response.status, "body": _body(response.read(), content_type)}
        except (OSError, http.client.HTTPException) as error:
            raise StepError(f'error sending HTTP request: Get "{config["url"]}?{query}": {error}') from None
        finally:
            connection.close()

    def _met(self, config: Manifest, key: str, env: Manifest) -> bool:
        word = key.removesuffix("Expression")
        if not config.get(key):
            return False
        try:
            found = self.expressions.value(config[key], env)
        except ExpressionError as error:
            raise StepError(f'error evaluating {word} criteria: error evaluating {word} expression "{config[key]}": {error}') from None
        if not isinstance(found, bool):
            raise StepError(f'error evaluating {word} criteria: {word} expression "{config[key]}" did not evaluate to a boolean')
        return found

    def _reason(self, config: Manifest, env: Manifest) -> str:
        if not config.get("errorExpression"):
            return ""
        found = self.expressions.value(config["errorExpression"], env)
        return found if isinstance(found, str) else ""

    def _outputs(self, config: Manifest, env: Manifest) -> dict[str, Any]:
        try:
            return {each["name"]: self.expressions.value(each["fromExpression"], env) for each in config.get("outputs", ())}
        except ExpressionError as error:
            raise StepError(f"error extracting outputs from HTTP response: {error}") from None

    def _played(self, step: Manifest, config: Manifest) -> Outcome:
        if step["uses"] == "git-commit":
            self.messages.append(config["message"])
            return Outcome(status="Succeeded", output={"commit": "7b740796e1a1d90ab0601f76208186ebfb9bcbd5"})
        return Outcome(status="Succeeded")


def without_null(node: Any) -> Any:  # noqa: ANN401  any JSON
    """Return what is left of JSON after it was written as a merge patch."""
    if isinstance(node, Mapping):
        return {key: without_null(value) for key, value in node.items() if value is not None}
    return node


def _body(content: bytes, content_type: str) -> Any:  # noqa: ANN401  any JSON
    if not content:
        return {}
    if content_type == "text/plain":
        return content.decode("utf-8", "replace")
    try:
        return json.loads(content)
    except ValueError as error:
        # Only what says that it is JSON has to be.
        if content_type == "application/json":
            raise StepError(f"error building expression context from HTTP response: failed to parse JSON response: {error}") from None
        return {}


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _seconds(duration: str | None) -> float:
    """Read a length of time as Go writes it."""
    total, number = 0.0, ""
    for letter in duration or "":
        if letter in _UNITS:
            total, number = total + float(number) * _UNITS[letter], ""
        else:
            number += letter
    return total
