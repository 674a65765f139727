"""The API server for those who play a part of the cluster, and the threads that they play in."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx

from devtools.controlplane import ControlPlane

Live = dict[str, Any]
LOOK_SECONDS = 0.1
_TIMEOUT = 30.0
# Of a CRD that comes or goes at this moment, the storage is not there (429).
_UNSERVED = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS})
# Gone between two requests, changed meanwhile, or in a namespace that is on its way out.
_OVERTAKEN = frozenset({*_UNSERVED, HTTPStatus.CONFLICT, HTTPStatus.FORBIDDEN})


class Rest:
    """While it is on, nobody who was given it plays: for measurements, which are of somebody else, and between tests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on = threading.Event()

    @contextmanager
    def on(self) -> Iterator[None]:
        """Let all rest as long as the block runs."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def begin(self) -> None:
        """Let all rest; whoever is in the middle of it has ended when it returns."""
        self._on.set()
        with self._lock:
            pass

    def end(self) -> None:
        """Let them go on."""
        self._on.clear()

    def play(self, look: Callable[[], None]) -> None:
        """Call it, unless it is time to rest; one at a time."""
        with self._lock:
            if not self._on.is_set():
                look()


class Api:
    """Requests as admin; what somebody else was faster with is no news, since the next look finds what there is."""

    def __init__(self, plane: ControlPlane) -> None:
        headers = {"Authorization": f"Bearer {plane.tokens['admin']}"}
        context = ssl.create_default_context(cafile=str(plane.ca_cert))
        self._client = httpx.Client(base_url=plane.url, headers=headers, verify=context, timeout=_TIMEOUT, trust_env=False)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connection."""
        self._client.close()

    def objects(self, api_version: str, plural: str, *, namespace: str | None = None, labels: str = "") -> list[Live]:
        """Return the objects of a kind; none where it is not served."""
        answer = self._client.get(path(api_version, plural, namespace), params={"labelSelector": labels} if labels else None)
        if answer.status_code in _UNSERVED:
            return []
        answer.raise_for_status()
        # Only the objects of single requests say of which kind they are.
        return list(answer.json()["items"])

    def get(self, api_version: str, plural: str, name: str, *, namespace: str | None = None) -> Live | None:
        """Return an object, None where it is not there."""
        answer = self._client.get(path(api_version, plural, namespace, name))
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        answer.raise_for_status()
        found: Live = answer.json()
        return found

    def merge(self, place: str, patch: Mapping[str, Any]) -> None:
        """Change an object by a merge patch."""
        self._judge(self._client.patch(place, json=patch, headers={"Content-Type": "application/merge-patch+json"}))

    def apply(self, place: str, manifest: Mapping[str, Any], *, manager: str) -> None:
        """Make or change an object by server-side apply."""
        headers = {"Content-Type": "application/apply-patch+yaml"}
        # JSON is YAML.
        self._judge(self._client.patch(place, json=manifest, headers=headers, params={"fieldManager": manager, "force": "true"}))

    def delete(self, place: str) -> None:
        """Delete an object."""
        self._judge(self._client.delete(place))

    @staticmethod
    def _judge(answer: httpx.Response) -> None:
        if answer.status_code not in _OVERTAKEN:
            answer.raise_for_status()


def path(api_version: str, plural: str, namespace: str | None = None, name: str | None = None, part: str | None = None) -> str:
    """Return the path of a kind or of an object, with `part` of its subresource."""
    root = "apis" if "/" in api_version else "api"
    parts = [root, api_version, *(["namespaces", namespace] if namespace else []), plural, name, part]
    return "/" + "/".join(each for each in parts if each)


def path_of(live: Mapping[str, Any], api_version: str, plural: str, part: str | None = None) -> str:
    """Return the path of an object that was found."""
    metadata = live["metadata"]
    return path(api_version, plural, metadata.get("namespace"), metadata["name"], part)


@contextmanager
def playing(plane: ControlPlane, look: Callable[[Api], None], *, rest: Rest | None = None) -> Iterator[None]:
    """Call `look` again and again in a thread as long as the block runs; what goes wrong there is raised at its end."""
    stop, errors, quiet = threading.Event(), list[BaseException](), rest or Rest()

    def run() -> None:
        try:
            with Api(plane) as api:
                while not stop.wait(LOOK_SECONDS):
                    quiet.play(lambda: look(api))
        except Exception as error:  # noqa: BLE001  told to who waits
            errors.append(error)

    thread = threading.Thread(target=run, name="playing")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if errors:
        raise errors[0]
