"""A generic webhook receiver of Kargo's (`via: webhook`): it takes a refresh and tells nothing else."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kargo_notify.kargo import PATIENCE, KargoRefused, KargoUnreachable
from plugin_kit.errors import SettingsError
from plugin_kit.http import Http, TlsError, TransportError, reason_of, tls_context

if TYPE_CHECKING:
    import ssl

    from kargo_notify.patience import Patience
    from kargo_notify.settings import Settings
    from plugin_kit.console import Console

_CHECK = (
    "check the receiver's `targetSelectionCriteria` (name, labels, index) in the ProjectConfig, and that the Warehouse is in that project"
)


def refresh(settings: "Settings", about: Mapping[str, Any], console: "Console", patience: "Patience") -> str:
    """Call the receiver, again while that may help, and return its summary; `about` is what its expressions may look at.

    Raises SettingsError, KargoUnreachable, KargoRefused: none shows more of the address than its host.
    """
    address = settings.webhook_url.get_secret_value().strip() if settings.webhook_url else ""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(["webhook_url: not an address; it is the `url` under status.webhookReceivers of the ProjectConfig"])
    # The path alone, too: an error or a proxy may name it without the host.
    console.redactor.add(address, parts.path)
    label = f"Kargo's webhook receiver at {parts.netloc.rpartition('@')[2]}"
    body = json.dumps(about).encode()
    with Http(verify=_verify(settings, parts.scheme), timeout=PATIENCE, retry_for=0.0) as http:
        return patience.ask(lambda: _call(http, address, body, label))


def _call(http: Http, address: str, body: bytes, label: str) -> str:
    try:
        response = http.request("POST", address, headers={"Content-Type": "application/json"}, content=body, retry=False)
    except TlsError as error:
        hint = "set `kargo_ca_cert` to the CA that signed its certificate (PEM, or a path in the workspace)"
        raise KargoUnreachable(f"{label} can't be trusted: {error}", hint=hint, lasting=True) from error
    except TransportError as error:
        hint = "check that Kargo's external webhooks server runs and can be reached from this step"
        raise KargoUnreachable(f"can't reach {label}: {reason_of(error)}", hint=hint, lasting=error.lasting) from error
    return judge(label, response.status_code, response.content)


def judge(label: str, status: int, content: bytes) -> str:
    """Tell from a receiver's answer what it refreshed; raises KargoRefused where that is nothing or not everything.

    Kargo answers 200 when no Warehouse was selected and when the receiver's condition was false (pkg/webhook/external).
    """
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        hint = "another service answers at this host; the address stands under status.webhookReceivers of the ProjectConfig"
        raise KargoRefused(f"{label} answered {status} and no JSON: it is no webhook receiver", status=status, hint=hint)
    results = [entry for entry in document.get("results") or () if isinstance(entry, dict)]
    if status != HTTPStatus.OK:
        raise _refusal(label, status, document, results)
    if not results:
        said = str(document.get("msg") or document.get("error") or "no results")
        number = next((word for word in said.split() if word.isdigit()), "0")
        if said.startswith("refreshed") and int(number) > 0:
            return said
        raise KargoRefused(f"{label} answered 200 and refreshed nothing", status=status, details=(said,), hint=_CHECK)
    poor = [entry for entry in results if not _refreshed(entry)]
    if poor:
        if all(entry.get("result") == "NotApplicable" for entry in poor):
            hint = "the receiver's `whenExpression` was false for what this plugin sends: {revision, images}; leave it out"
        else:
            hint = _CHECK
        details = tuple(_summary(entry) for entry in poor)
        raise KargoRefused(f"{label} answered 200 and refreshed nothing", status=status, details=details, hint=hint)
    return "; ".join(_summary(entry) for entry in results)


def _refreshed(entry: Mapping[str, Any]) -> bool:
    targets = entry.get("selectedTargets") or []
    return entry.get("result") == "Success" and bool(targets) and all(target.get("success") for target in targets)


def _summary(entry: Mapping[str, Any]) -> str:
    summary = str(entry.get("summary") or entry.get("result") or "no result")
    failed = [f"{each.get('namespace')}/{each.get('name')}" for each in entry.get("selectedTargets") or () if not each.get("success")]
    return f"{summary} ({', '.join(failed)} failed)" if failed else summary


def _refusal(label: str, status: int, document: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> KargoRefused:
    said = str(document.get("error") or "")
    details = ((said,) if said else ()) + tuple(_summary(entry) for entry in results)
    hints = {
        404: "the path in `webhook_url` is a hash of the receiver's Secret and changes with it: copy the address anew from "
        "status.webhookReceivers of the ProjectConfig, and keep a path prefix such as /webhooks",
        400: "the receiver does not take JSON: it must be of type generic",
    }
    hint = hints.get(status, "look at the log of Kargo's external webhooks server")
    return KargoRefused(f"{label} answered {status}", status=status, details=details, hint=hint)


def _verify(settings: "Settings", scheme: str) -> "ssl.SSLContext | bool":
    if scheme == "http" or settings.kargo_insecure:
        return False
    try:
        return tls_context(settings.kargo_ca_cert or settings.ca_cert)
    except ValueError as error:
        raise SettingsError([f"kargo_ca_cert: {error}"]) from None
