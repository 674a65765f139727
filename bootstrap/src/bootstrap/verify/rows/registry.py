"""The registry answers under its own name, and lists what is in it."""

from itertools import islice

from bootstrap.components.registry.client import registry
from bootstrap.core.errors import BootstrapError
from bootstrap.verify.finding import Looked, Row
from bootstrap.verify.names import unreached
from bootstrap.verify.scene import Scene
from plugin_kit.errors import RegistryError

_MOST = 1000


def _look(scene: Scene) -> Looked:
    host = scene.platform.registry.host
    try:
        with registry(scene.context) as client:
            client.ping()
            try:
                number = len(list(islice(client.repositories(), _MOST)))
            except RegistryError as error:
                # Many registries show their catalogue to nobody but administrators; nothing of the platform needs it.
                return Looked(at=f"{host} answers", unseen=(f"its catalogue, which nothing of the platform needs: {error.message}",))
    except BootstrapError as error:
        return Looked(at=host, findings=(unreached(scene, scene.platform.registry.hostname, error),))
    return Looked(at=f"{host} answers, {number} {'repository' if number == 1 else 'repositories'}")


ROW = Row(name="registry", title="Local registry accessible", how="/v2/ and /v2/_catalog are asked", look=_look)
