"""A proxy between plugin or BuildKit and a registry that answers wrongly, slowly or not at all where a test wants it to.

    with fault_proxy(net, image, upstream="registry:5000") as proxy:
        proxy.add(status(401, "PUT", r"/shop/.*/manifests/"), drop("GET", r"/shop/api/", times=1))
        ...
        proxy.requests("/shop/")

One proxy serves many tests at once: each one's rules name its own project in their path.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from devtools import engine
from devtools.containers import put_file, remove

PORT = 5000
_PROGRAM = Path(__file__).with_name("fault_server.py")
_READY_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is done to requests whose method fits and whose path (with its query) holds a match of `path`.

    The first `skip` of them pass, then `times` are broken (None: all). `cut` ends the answer after so many bytes, `corrupt` changes a byte.
    """

    method: str
    path: str
    skip: int = 0
    times: int | None = None
    status: int | None = None
    headers: Mapping[str, str] | None = None
    body: str | None = None
    drop: bool = False
    delay: float = 0.0
    cut: int | None = None
    corrupt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that the proxy saw; status 0 is one that it let fall."""

    method: str
    path: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultProxy:
    """A running proxy: `inside` is its address for containers, `host` that for this machine."""

    inside: str
    host: str

    def add(self, *rules: Rule) -> None:
        """Add rules; the first one that fits a request decides."""
        httpx.post(f"http://{self.host}/-/rules", json=[asdict(rule) for rule in rules]).raise_for_status()

    def requests(self, part: str) -> list[Request]:
        """Return the requests so far whose path holds `part`."""
        answer = httpx.get(f"http://{self.host}/-/requests?{part}").raise_for_status()
        return [Request(**entry) for entry in answer.json()]


def refuse(status: int, code: str, method: str, path: str, *, skip: int = 0, times: int | None = None, message: str = "") -> Rule:
    """Answer with a status and an error document of the distribution specification."""
    body = f'{{"errors":[{{"code":"{code}","message":"{message or code.lower()}"}}]}}'
    return Rule(method=method, path=path, skip=skip, times=times, status=status, headers={"Content-Type": "application/json"}, body=body)


@contextmanager
def fault_proxy(net: str, image: str, *, upstream: str, alias: str = "faulty") -> Iterator[FaultProxy]:
    """Start a proxy in front of `upstream` (host:port on the network); `image` is any that has Python with its standard library."""
    api = engine.connect().api
    host, port = upstream.split(":")
    answer = api.create_container(
        image,
        ["/fault_server.py", str(PORT), host, port],
        entrypoint=["python3.13"],
        name=f"{net}-{alias}",
        hostname=alias,
        labels=engine.labels(net),
        ports=[PORT],
        host_config=api.create_host_config(port_bindings={PORT: ("127.0.0.1", None)}, network_mode=net, init=True),
        networking_config={"EndpointsConfig": {net: api.create_endpoint_config(aliases=[alias])}},
    )
    container = engine.connect().containers.get(answer["Id"])
    try:
        put_file(container, "/fault_server.py", _PROGRAM.read_bytes())
        container.start()
        container.reload()
        published = container.ports[f"{PORT}/tcp"]
        assert published
        proxy = FaultProxy(inside=f"{alias}:{PORT}", host=f"127.0.0.1:{published[0]['HostPort']}")
        _wait(proxy)
        yield proxy
    finally:
        remove(container)


def _wait(proxy: FaultProxy) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            httpx.get(f"http://{proxy.host}/-/requests")
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
