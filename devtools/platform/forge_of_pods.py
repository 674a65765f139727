"""Gitea as the pod of Woodpecker's server reaches it."""

import base64

from devtools.controlplane import ControlPlane
from devtools.platform.api import Api
from devtools.woodpecker.forge import Forge


class ForgeOfPods(Forge):
    """It logs in with the client id and secret that stand in the Secret of the server's environment, as they are at that moment."""

    def __init__(self, url: str, plane: ControlPlane, namespace: str) -> None:
        super().__init__(url, "", "")
        self._plane = plane
        self._namespace = namespace

    @property
    def client_id(self) -> str:
        """Read it where the pod has it from."""
        return self._variable("WOODPECKER_GITEA_CLIENT")

    @client_id.setter
    def client_id(self, value: str) -> None:
        """Take no other."""

    @property
    def client_secret(self) -> str:
        """Read it where the pod has it from."""
        return self._variable("WOODPECKER_GITEA_SECRET")

    @client_secret.setter
    def client_secret(self, value: str) -> None:
        """Take no other."""

    def _variable(self, name: str) -> str:
        with Api(self._plane) as api:
            live = api.get("v1", "secrets", "woodpecker-server", namespace=self._namespace)
        data = (live or {}).get("data") or {}
        return base64.b64decode(data.get(name, "")).decode()
