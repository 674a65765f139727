"""Woodpecker's webhooks in Gitea: whether there is one, under the address that Gitea can reach, and only one."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bootstrap.gitea.hook import Hook

# server/forge/gitea/gitea.go, Activate: without one of them a tag or a release would start nothing.
EVENTS = frozenset({"push", "create", "pull_request", "release"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What Gitea's list of a repository's webhooks says about Woodpecker's."""

    right: tuple[Hook, ...]
    stale: tuple[Hook, ...]
    """Those to a former address of this server, switched off, or one too many: each would start a pipeline more, or none."""
    reason: str = ""
    """What is wrong, for a person."""

    @property
    def in_order(self) -> bool:
        """Whether a push starts one pipeline."""
        return len(self.right) == 1 and not self.stale


def judge(listed: Sequence[Hook], *, wanted: str, former: Sequence[str]) -> Hooks:
    """Sort Gitea's webhooks; `wanted` is the address of the server that hooks go to, `former` are others that may stand in old ones.

    Hooks of other services, and of another Woodpecker, are left alone.
    """
    right: list[Hook] = []
    stale: list[Hook] = []
    reasons: list[str] = []
    origins = {_origin(address) for address in former} - {_origin(wanted)}
    # Of two the newer one counts: the older may be signed for a database that is gone.
    for hook in sorted(listed, key=lambda each: -each.id):
        parts = urlsplit(hook.url)
        here = _origin(hook.url) == _origin(wanted)
        if not parts.path.endswith("/hook") or "access_token=" not in parts.query or not (here or _origin(hook.url) in origins):
            continue
        if not here:
            problem = f"one goes to {'://'.join(_origin(hook.url))}, not to {wanted}"
        elif not hook.active or not hook.events >= EVENTS:
            problem = "it is switched off, or lacks an event"
        else:
            problem = "there is more than one" if right else ""
        (stale if problem else right).append(hook)
        reasons.append(problem)
    if not right:
        reasons.append("there is none that Gitea can reach" if stale else "there is none")
    return Hooks(right=tuple(right), stale=tuple(stale), reason="; ".join(filter(None, dict.fromkeys(reasons))))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
