"""Gitea: what it takes to use the one that is there, or to have one of our own. `down` leaves both alone."""

from collections.abc import Sequence

from bootstrap.components.forge import PASSWORD, RECORD
from bootstrap.components.gitea.administrator import AdministratorResource
from bootstrap.components.gitea.egress import EgressResource
from bootstrap.components.gitea.installation import SECRET_KEY, installation
from bootstrap.components.gitea.snapshot import Snapshot, workload_ref
from bootstrap.core import generate
from bootstrap.core.context import Context
from bootstrap.core.generate import Generator
from bootstrap.core.record import RecordResource
from bootstrap.core.resource import Resource
from bootstrap.gitea.errors import LoginError, WebError
from bootstrap.gitea.probe import State
from bootstrap.platform.platform import Platform

_PURPOSE = "password of Gitea's administrator"


class Forge:
    """The forge. The repositories of projects come later, each for itself."""

    name = "gitea"
    title = "Gitea"
    needs: tuple[str, ...] = ("namespaces",)

    def enabled(self, platform: Platform) -> bool:
        """Every platform has one."""
        del platform
        return True

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return the record of the password, Gitea itself where it is installed here, its administrator, and its way to Woodpecker."""
        platform, seen = context.platform, Snapshot(context)
        wanted = platform.gitea
        if wanted.mode == "install":
            return [
                RecordResource(name=RECORD, values={**_password(platform), SECRET_KEY: generate.hexadecimal()}, purpose=_PURPOSE),
                *installation(context, seen),
            ]
        found: list[Resource] = []
        if _is_ours_to_make(context, seen):
            found.append(RecordResource(name=RECORD, values=_password(platform), purpose=_PURPOSE))
        return [
            *found,
            AdministratorResource(name=wanted.admin.name, snapshot=seen),
            EgressResource(workload=workload_ref(platform).label, snapshot=seen),
        ]


def _password(platform: Platform) -> dict[str, Generator]:
    return {PASSWORD: generate.password()} if platform.gitea.admin.password.generate else {}


def _is_ours_to_make(context: Context, seen: Snapshot) -> bool:
    """Tell whether the password is on record or has to be: somebody else's Gitea takes no password that is made up here."""
    if not context.platform.gitea.admin.password.generate:
        return False
    if context.records.value(RECORD, PASSWORD):
        return True
    try:
        return context.platform.gitea.wizard == "complete" and seen.probe.state is State.WIZARD
    except (WebError, LoginError):
        # Told by the administrator's own resource, which `down` does not ask.
        return False
