"""Why a bake failed, in the words of the user's settings."""

import re

from plugin_kit.errors import BuilderError, BuildError, PluginError, RegistryError
from registry_push.plan import Plan
from registry_push.progress import Failure, Progress

_WRONG_PLATFORM = "InvalidBaseImagePlatform"
_NO_SOURCE = "failed to calculate checksum"
# docker-registry 2.8 sometimes refuses a blob that image push and cache export send at the same moment (seen in 1 of 6 runs).
_RACE = ("blob unknown", "provided digest did not match", "blob upload unknown", "blob upload invalid")
_LOST_BUILDER = (
    "error reading from server",
    "transport is closing",
    "connection refused",
    "connection error",
    "closing transport",
    "server preface",
)
_NO_PUSH = (
    "failed to push",
    "pushing",
    "failed to do request",
    "failed to authorize",
    "unexpected status",
    "failed to copy",
    "failed to resolve",
)
# Servers written in Go answer plain http on a connection for TLS, others just break it off.
_PLAIN_HTTP = ("server gave HTTP response to HTTPS client", "first record does not look like a TLS handshake")
# All that buildx says of a builder that takes the connection and then is not what it should be, whatever the reason.
_NO_BUILDKIT = "waiting for connection"
_REGISTRY_HOST = re.compile(r"https?://([^/\s\"]+)/v2/")


def wrong_platform(progress: Progress, names: dict[str, str]) -> PluginError | None:
    """Refuse an image whose base exists for another platform only: BuildKit builds it all the same, and it would not run."""
    for text, targets in progress.warnings.items():
        if text.startswith(_WRONG_PLATFORM):
            who = ", ".join(sorted(names.get(target, target) for target in targets)) or "an image"
            return BuildError(
                f"{who} can't be built for that platform: no tag was set",
                details=[text.removeprefix(_WRONG_PLATFORM).strip(": ")],
                hint="leave the platform out, or use a base image that exists for it",
            )
    return None


def is_race(progress: Progress) -> bool:
    """Whether the registry refused a blob that two uploads sent at once: the same bake succeeds when it is tried again."""
    return any(sign in text for text in _texts(progress) for sign in _RACE)


def explain(progress: Progress, plan: Plan, names: dict[str, str]) -> PluginError:
    """Turn what BuildKit and buildx said into one error; `names` are the images' names by target id."""
    failures = progress.failures()
    text = "\n".join(_texts(progress))
    first = failures[0] if failures else None
    if first is not None and first.step and not _is_transfer(first) and _NO_SOURCE not in first.error:
        return _dockerfile_failed(first, plan, names, len(failures))
    if first is not None and _NO_BUILDKIT in first.step:
        return _no_buildkit(plan)
    found = _Transfer(text, plan, _whose(first, names), first.step if first else "").explain()
    if found is not None:
        return found
    return BuildError(
        f"the build failed{_of(first, names)}: no tag was set",
        details=_own_words(progress),
    )


def _is_transfer(failure: Failure) -> bool:
    """Whether the step moves data between builder and registry rather than running what a Dockerfile says."""
    moving = any(sign in failure.step for sign in ("exporting", "load metadata", "FROM ", "importing", _NO_BUILDKIT))
    return moving or any(sign in failure.error for sign in (*_NO_PUSH, *_LOST_BUILDER))


def _dockerfile_failed(failure: Failure, plan: Plan, names: dict[str, str], count: int) -> PluginError:
    owner = _owner(failure, plan)
    name = names.get(owner or "", owner or "an image")
    more = f" ({count - 1} more failed, too)" if count > 1 else ""
    log = [line for line in failure.log if line.strip()][-20:]
    return BuildError(
        f"the build of {name} failed{more}: no tag was set",
        details=[f"at: {failure.steps[owner]}", *(f"| {line}" for line in log), failure.error],
    )


def _owner(failure: Failure, plan: Plan) -> str | None:
    """Return the target whose Dockerfile holds the step: what fails in a base fails in every image on it, too."""
    contexts = {target.id: {value.removeprefix("target:") for value in target.contexts.values()} for target in plan.targets}
    owners = [target for target in failure.steps if not contexts.get(target or "", set()) & failure.steps.keys()]
    return owners[0] if owners else next(iter(failure.steps))


def _no_buildkit(plan: Plan) -> PluginError:
    return BuilderError(
        f"the builder {' + '.join(plan.builders)} takes connections and does not answer as a BuildKit",
        hint="look at BuildKit's own log; where it asks for mTLS, set `builder_ca` to the CA of its certificate, "
        "`builder_cert` and `builder_key` to a pair that it accepts",
    )


class _Transfer:
    """What went wrong between builder, registry and base images."""

    def __init__(self, text: str, plan: Plan, where: str, step: str) -> None:
        self.text = text
        self.plan = plan
        self.where = where
        self.step = step

    def explain(self) -> PluginError | None:
        """Return the first explanation that fits."""
        refused = (self._certificate, self._plain_http, self._login, self._full)
        looks = (*refused, self._builder_lost, self._push, self._no_host, self._no_source, self._missing)
        return next((found for look in looks if (found := look()) is not None), None)

    def _certificate(self) -> PluginError | None:
        if "x509" not in self.text and "certificate" not in self.text:
            return None
        if _mentions_builder(self.text, self.plan):
            return BuilderError(
                "the builder's certificate, or ours, was refused",
                details=_lines_with(self.text, "certificate", "x509", "tls:"),
                hint="set `builder_ca` to the CA of the builder's certificate, `builder_cert` and `builder_key` to a pair that it accepts",
            )
        lines = _lines_with(self.text, "x509", "certificate")
        host = self._host(lines)
        return RegistryError(
            f"the builder does not trust the certificate of the registry {host}",
            details=[*lines, *([] if self.plan.embedded else _toml_to_add(host, 'ca = ["/etc/buildkit/registry-ca.pem"]'))],
            hint="set `ca_cert`"
            if self.plan.embedded
            else "give the CA to the builder: with a BuildKit that stays this can only be done where it runs",
        )

    def _plain_http(self) -> PluginError | None:
        lines = _lines_with(self.text, *_PLAIN_HTTP)
        if not lines:
            return None
        host = self._host(lines)
        return RegistryError(
            f"the builder expected https from the registry {host}, which speaks plain http",
            details=[*lines, *([] if self.plan.embedded else _toml_to_add(host, "http = true"))],
            hint="set `insecure: true`" if self.plan.embedded else "pulling over plain http must be allowed where the builder runs",
        )

    def _login(self) -> PluginError | None:
        for sign in ("401 Unauthorized", "403 Forbidden", "insufficient_scope", "authorization failed", ": unauthorized", ": denied"):
            if sign in self.text:
                return RegistryError(
                    f"a registry refused the builder ({sign.strip(': ')})",
                    details=_lines_with(self.text, sign),
                    hint="set `username` and `password` for `registry`, and `logins` for the registries of base images",
                )
        return None

    def _full(self) -> PluginError | None:
        for sign, hint in (
            ("507 Insufficient Storage", "the registry's disk is full"),
            ("no space left on device", "the disk of the builder or of the registry is full"),
            ("500 Internal Server Error", "look at the registry's own log: a full disk or unwritable storage is the usual cause"),
        ):
            if sign in self.text:
                return RegistryError(
                    f"the push to {self.plan.registry.host} failed: {sign}", details=_lines_with(self.text, sign), hint=hint
                )
        return None

    def _no_host(self) -> PluginError | None:
        lines = _lines_with(
            self.text, "no such host", "server misbehaving", "i/o timeout", "network is unreachable", "connect: connection refused"
        )
        if not lines:
            return None
        return RegistryError(
            f"the builder can't reach a registry{self.where}: no tag was set",
            details=lines,
            hint="a network without Docker Hub needs a mirror: `mirrors` for the embedded builder, buildkitd.toml for one that stays",
        )

    def _builder_lost(self) -> PluginError | None:
        # A registry that refuses a connection is quoted with its address.
        lines = [line for line in _lines_with(self.text, *_LOST_BUILDER) if not _REGISTRY_HOST.search(line)]
        if not lines or self.plan.registry.host in self.text:
            return None
        return BuilderError(
            "the connection to the builder was lost",
            details=lines,
            hint="look at BuildKit's own log; it may have been restarted or killed for want of memory",
        )

    def _push(self) -> PluginError | None:
        lines = _lines_with(self.text, "failed to push")
        if not lines:
            return None
        return RegistryError(
            f"the push to {self.plan.registry.host} failed: no tag was set",
            details=lines,
            hint="check that the builder reaches the registry under this name, and look at the registry's own log",
        )

    def _host(self, lines: list[str]) -> str:
        """Return the registry that the lines speak of: it may be that of a base image."""
        found = _REGISTRY_HOST.search("\n".join(lines))
        return found[1] if found else self.plan.registry.host

    def _no_source(self) -> PluginError | None:
        lines = _lines_with(self.text, _NO_SOURCE)
        file = re.search(r'"(/[^"]+)": not found', self.text)
        if not lines or not file:
            return None
        return BuildError(
            f"{file[1]} is not in the build context{self.where}: no tag was set",
            details=[f"at: {self.step}", *lines],
            hint="paths of COPY and ADD start at `context`; a .dockerignore may leave the file out",
        )

    def _missing(self) -> PluginError | None:
        lines = _lines_with(self.text, "not found", "failed to resolve", "pull access denied")
        if not lines:
            return None
        return BuildError(
            f"the base image was not found{self.where}: no tag was set",
            details=lines,
            hint="if this repository builds it, list it under `images` and name it where it is used: "
            'build_contexts: {python-base: "target:python-base"}',
        )


def _mentions_builder(text: str, plan: Plan) -> bool:
    signs = ("authentication handshake failed", "desc =", "tls: bad certificate", "certificate required")
    return not plan.embedded and any(sign in text for sign in signs) and plan.registry.host not in text


def _toml_to_add(host: str, line: str) -> list[str]:
    return ["add to the builder's buildkitd.toml and restart it:", f'  [registry."{host}"]', f"    {line}"]


def _whose(failure: Failure | None, names: dict[str, str]) -> str:
    return "" if failure is None else f" for {', '.join(names.get(target or '', target or 'an image') for target in failure.steps)}"


def _of(failure: Failure | None, names: dict[str, str]) -> str:
    if failure is None:
        return ""
    target = next(iter(failure.steps))
    return f" at {names.get(target or '', target or 'an image')}: {failure.step}"


def _texts(progress: Progress) -> list[str]:
    return [*(failure.error for failure in progress.failures()), *progress.words]


def _own_words(progress: Progress) -> list[str]:
    return [line for line in dict.fromkeys(_texts(progress)) if line.strip()][-12:]


def _lines_with(text: str, *signs: str) -> list[str]:
    # buildx says in the end again what failed first.
    lines = [line.strip().removeprefix("ERROR: failed to solve: ") for line in text.splitlines() if any(sign in line for sign in signs)]
    return list(dict.fromkeys(lines))[:3]
