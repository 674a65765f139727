"""Kargo's REST API (`via: api`), as of Kargo 1.9 to 1.12."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from kargo_notify.freight import Artifact, Freight, freight_name
from kargo_notify.kargo import PATIENCE, KargoError, KargoMissing, KargoRefused, KargoUnreachable, Stage
from kargo_notify.warehouse import Warehouse
from plugin_kit.errors import SettingsError
from plugin_kit.http import Http, Response, TlsError, TransportError, reason_of, tls_context

if TYPE_CHECKING:
    import ssl

    from kargo_notify.settings import Settings
    from plugin_kit.console import Console
    from plugin_kit.stream import Stream

API_VERSION = "kargo.akuity.io/v1alpha1"
# Kargo writes a comment every 30 s into a watch that has nothing to say.
_SILENCE = 45.0
_ADVICE = (
    "make one in the Kargo project with `kargo create token --project {project} --role <role> <name>`, "
    "where the role may get, list and watch freights and warehouses, and give it as `kargo_token` (from_secret)"
)
T = TypeVar("T")


class Api:
    """A Kargo project, by its REST API."""

    def __init__(self, base: str, project: str, warehouse: str, token: str, http: Http) -> None:
        """Take `base` as `base_url` gives it."""
        self.label = f"Kargo at {urlsplit(base).netloc}"
        self.project = project
        self.warehouse_name = warehouse
        self._base = base
        self._headers = {"Authorization": f"Bearer {token}"}
        self._http = http
        self._streams: list[Stream] = []

    @classmethod
    def connect(cls, settings: "Settings", project: str, console: "Console", *, once: float | None = None) -> "Api":
        """Make the client of the settings, `once` as in `kargo.connect`; raises SettingsError."""
        try:
            base = base_url(settings.kargo_url)
        except ValueError as error:
            raise SettingsError([f"kargo_url: {error}"]) from None
        try:
            verify: ssl.SSLContext | bool = False
            if base.startswith("https://") and not settings.kargo_insecure:
                verify = tls_context(settings.kargo_ca_cert or settings.ca_cert)
        except ValueError as error:
            raise SettingsError([f"kargo_ca_cert: {error}"]) from None
        token = settings.kargo_token.get_secret_value().strip() if settings.kargo_token else ""
        http = Http(verify=verify, timeout=once or PATIENCE, retry_for=0.0 if once else PATIENCE, on_retry=console.detail)
        return cls(base, project, settings.warehouse, token, http)

    def warehouse(self) -> Warehouse:
        """Read the Warehouse."""
        return Warehouse.read(self._get(self._warehouse_path, "the Warehouse"))

    def refresh(self) -> None:
        """Ask for a refresh: Kargo notes the second of its own clock, so that two within a second are one."""
        # A refresh more does no harm.
        self._demand(self._send("POST", f"{self._warehouse_path}/refresh", retry=True), "the refresh", no_body=True)

    def freight(self, name: str) -> Freight | None:
        """Read a Freight by its name, or None."""
        what = f"Freight {name[:12]}"
        response = self._send("GET", f"{self._project_path}/freight/{quote(name, safe='')}")
        if response.status_code == HTTPStatus.NOT_FOUND and _complaint(response).startswith("Freight "):
            return None
        return Freight.read(self._document(self._demand(response, what), what))

    def freights(self, *, all_warehouses: bool = False) -> list[Freight]:
        """List the Freight of the Warehouse, or of the project."""
        query = "" if all_warehouses else f"?{urlencode({'origins': self.warehouse_name})}"
        groups = self._get(f"{self._project_path}/freight{query}", "the list of Freight").get("groups") or {}
        return [Freight.read(item) for group in groups.values() for item in group.get("items") or ()]

    def stages(self) -> list[Stage]:
        """List the Stages of the project."""
        return [Stage.read(item) for item in self._get(f"{self._project_path}/stages", "the list of Stages").get("items") or ()]

    def create(self, artifacts: Sequence[Artifact]) -> Freight:
        """Create the Freight of these images, or return it where it exists."""
        # Kargo's webhook replaces the name, but without any it answers 500.
        name = freight_name(self.warehouse_name, artifacts)
        manifest = freight_manifest(self.project, self.warehouse_name, name, artifacts)
        # The name is a hash of the contents: creating it twice is creating it once.
        response = self._send("POST", "/v1beta1/resources", content=json.dumps(manifest).encode(), retry=True)
        if response.status_code == HTTPStatus.CONFLICT:
            said = _complaint(response).split('"')
            existing = self.freight(said[1] if len(said) > 1 else name)
            if existing is None:
                raise KargoError(f"{self.label} says that the Freight exists, and then that it does not", details=(_complaint(response),))
            return existing
        if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise refused_freight(self.label, self.warehouse_name, _complaint(response))
        results = self._document(self._demand(response, "the new Freight"), "the new Freight").get("results") or [{}]
        return Freight.read(results[0].get("createdResourceManifest") or {})

    def watch(self, timeout: float) -> Iterator[Freight]:
        """Give the Warehouse's Freight and each change of it."""
        query = urlencode({"watch": "true", "origins": self.warehouse_name})
        yield from self._watch(f"{self._project_path}/freight?{query}", timeout, Freight.read)

    def watch_warehouse(self, timeout: float) -> Iterator[Warehouse]:
        """Give the Warehouse and each change of it."""
        yield from self._watch(f"{self._warehouse_path}?watch=true", timeout, Warehouse.read)

    def stop_watching(self) -> None:
        """End all watches."""
        for stream in list(self._streams):
            stream.end()

    def close(self) -> None:
        """Close every connection."""
        self._http.__exit__(None, None, None)

    @property
    def _project_path(self) -> str:
        return f"/v1beta1/projects/{quote(self.project, safe='')}"

    @property
    def _warehouse_path(self) -> str:
        return f"{self._project_path}/warehouses/{quote(self.warehouse_name, safe='')}"

    def _watch(self, path: str, timeout: float, read: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
        try:
            with self._http.stream(f"{self._base}{path}", headers=self._headers, silence=min(timeout, _SILENCE)) as stream:
                self._streams.append(stream)
                if stream.status_code != HTTPStatus.OK:
                    self._demand(stream.read(), "the watch")
                if not stream.headers.get("Content-Type", "").startswith("text/event-stream"):
                    raise self._not_an_api(stream.headers.get("Content-Type", ""))
                for event in events(stream.lines()):
                    if event.get("type") in {"ADDED", "MODIFIED"}:
                        yield read(event.get("object") or {})
        except TransportError as error:
            raise self._unreachable(error) from error

    def _get(self, path: str, what: str) -> dict[str, Any]:
        return self._document(self._demand(self._send("GET", path), what), what)

    def _send(self, method: str, path: str, *, content: bytes | None = None, retry: bool | None = None) -> Response:
        headers = {**self._headers, "Content-Type": "text/plain"} if content is not None else self._headers
        try:
            return self._http.request(method, f"{self._base}{path}", headers=headers, content=content, retry=retry)
        except TransportError as error:
            raise self._unreachable(error) from error

    def _document(self, response: Response, what: str) -> dict[str, Any]:
        try:
            document = response.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise KargoUnreachable(
                f"{self.label} answered {what} with something that is not JSON", hint="look at what is in front of Kargo"
            )
        return document

    def _demand(self, response: Response, what: str, *, no_body: bool = False) -> Response:
        """Return an answer that is a success, else raise what it means."""
        content_type = response.headers.get("Content-Type", "")
        if response.is_redirect:
            raise KargoRefused(
                f"{self.label} sends us elsewhere: {response.headers.get('Location', '')}",
                status=response.status_code,
                hint="write that address as `kargo_url`",
            )
        if content_type.startswith("text/html") or (response.status_code == HTTPStatus.NOT_FOUND and "json" not in content_type):
            raise self._not_an_api(content_type)
        if response.is_success:
            if no_body and response.content.strip():
                raise self._not_an_api(content_type)
            return response
        raise self._refusal(response, what)

    def _refusal(self, response: Response, what: str) -> KargoRefused:
        status, complaint = response.status_code, _complaint(response)
        answer = f"{status} {response.reason_phrase}".strip()
        details = (complaint,) if complaint else ()
        hint = "look at the log of Kargo's API server"
        message = f"{self.label} answered {what} with {answer}"
        kind = KargoMissing if status == HTTPStatus.NOT_FOUND else KargoRefused
        if status == HTTPStatus.UNAUTHORIZED:
            message = f"{self.label} does not accept `kargo_token` ({answer}): it is wrong, has expired, or its role is gone"
            hint = _ADVICE.format(project=self.project)
        elif status == HTTPStatus.FORBIDDEN:
            message = f"{self.label}: the role of `kargo_token` may not read {what} ({answer})"
            hint = f"the role needs get, list and watch on freights and warehouses in project {self.project}; kargo-viewer has them"
            if "create" in complaint or what == "the new Freight":
                message = f"{self.label}: the role of `kargo_token` may not create Freight ({answer})"
                hint = f"`create_freight: true` needs the verb create on freights in project {self.project}"
        elif status == HTTPStatus.NOT_FOUND and "project" in complaint.lower().split('"')[0]:
            message = f"{self.label} has no project {self.project!r}"
            hint = "check `kargo_project`: it is the name of the Kargo Project, which may differ from the registry's `project`"
        elif status == HTTPStatus.NOT_FOUND:
            message = f"{self.label} has no Warehouse {self.warehouse_name!r} in project {self.project!r}"
            hint = f"check `warehouse`; `kargo get warehouses --project {self.project}` lists them"
        return kind(message, status=status, hint=hint, details=details)

    def _not_an_api(self, content_type: str) -> KargoRefused:
        kind = (
            "a web page" if "html" in content_type else f"{content_type.partition(';')[0] or 'something'} that Kargo's API would not send"
        )
        return KargoRefused(
            f"{self._base} is not the address of Kargo's API: it answers with {kind}",
            status=404,
            hint="`kargo_url` is what the chart calls api.host, such as https://kargo.lan; check that no login page is in front of it",
        )

    def _unreachable(self, error: Exception) -> KargoUnreachable:
        if isinstance(error, TlsError):
            if "does not speak TLS" in str(error):
                return KargoUnreachable(
                    f"{self.label} speaks plain http, and `kargo_url` says https",
                    hint="write http:// if that is what you want",
                    lasting=True,
                )
            return KargoUnreachable(
                f"{self.label} can't be trusted: {error}",
                hint="set `kargo_ca_cert` to the CA that signed its certificate (PEM, or a path in the workspace)",
                lasting=True,
            )
        return KargoUnreachable(
            f"can't reach {self.label}: {reason_of(error)}",
            hint="check that it runs, and that `kargo_url` is the address as seen from this step",
            lasting=isinstance(error, TransportError) and error.lasting,
        )


def base_url(text: str) -> str:
    """Read `kargo_url`: an address with or without slash at the end or `/v1beta1`; raises ValueError."""
    address = text.strip()
    parts = urlsplit(address if "://" in address else f"https://{address}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an address; write it as https://kargo.lan")
    if "@" in parts.netloc:
        raise ValueError("the address holds a login; use `kargo_token` instead")
    if "://" not in address:
        raise ValueError(f"the address has no scheme; write https://{address}")
    path = parts.path.rstrip("/").removesuffix("/v1beta1").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Read server-sent events whose data is JSON; comments, which keep the connection alive, and other fields are skipped."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            try:
                event = json.loads("\n".join(data))
            except ValueError:
                event = None
            data = []
            if isinstance(event, dict):
                yield event


def freight_manifest(project: str, warehouse: str, name: str, artifacts: Sequence[Artifact]) -> dict[str, Any]:
    """Write the resource that creates a Freight."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Freight",
        "metadata": {"namespace": project, "name": name},
        "origin": {"kind": "Warehouse", "name": warehouse},
        "images": [{"repoURL": artifact.repo_url, "tag": artifact.tag, "digest": artifact.digest} for artifact in artifacts],
    }


def refused_freight(label: str, warehouse: str, complaint: str) -> KargoRefused:
    """Say what Kargo's webhook has against a new Freight; its sentence quotes whole objects before it comes to the point."""
    causes = {
        "no subscription found": "the Warehouse has changed since it was read: run the step again",
        "no artifact found for subscription": "the Warehouse subscribes to something that this commit has no image of",
        "warehouse does not exist": "check `warehouse`",
        "multiple artifacts": "the Warehouse has two subscriptions to one repository; Freight must have exactly one image of each",
    }
    said = complaint.rpartition(" is invalid: ")[2].rpartition("}: ")[2].rpartition("null: ")[2].rstrip("]")
    hint = next((hint for sign, hint in causes.items() if sign in complaint), "look at the Warehouse's subscriptions")
    return KargoRefused(f"{label} refused the Freight of Warehouse {warehouse!r}", status=422, details=(said[-400:],), hint=hint)


def _complaint(response: Response) -> str:
    """Read Kargo's `{"error": "..."}`, else nothing."""
    try:
        document = response.json()
    except ValueError:
        return ""
    return str(document.get("error", "")) if isinstance(document, dict) else ""
