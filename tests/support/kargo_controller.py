"""Kargo's Warehouse controller, played on a real API server: handles each refresh, and makes Freight of what a test calls pushed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import lightkube
from lightkube import ApiError
from lightkube.generic_resource import GenericNamespacedResource
from lightkube.types import PatchType

from devtools.kargo import resources
from kargo_notify.kubernetes import FREIGHTS, STAGES, WAREHOUSES

NAME = "shop-images"
CONFLICT = 409


@dataclass(slots=True)
class Controller:
    """What the controller does and has seen; `tags` are digest and creation time by tag, and `refreshes` the tokens that it has handled."""

    client: lightkube.Client
    namespace: str
    repository: str
    tags: dict[str, tuple[str, str]] = field(default_factory=dict)
    refreshes: list[str] = field(default_factory=list)
    fail: int = 0

    def begin(self, *, manual: bool = False) -> None:
        """Make the Warehouse, as if it had discovered a while ago, and a Stage."""
        image = {"repoURL": self.repository, "imageSelectionStrategy": "NewestBuild", "allowTagsRegexes": ["^[0-9a-f]{40}$"]}
        spec = {"subscriptions": [{"image": image}], "interval": "5m0s", "freightCreationPolicy": "Manual" if manual else "Automatic"}
        self._create(WAREHOUSES, {"metadata": {"name": NAME}, "spec": spec})
        self._write({"discoveredArtifacts": {"discoveredAt": "2020-01-01T00:00:00Z", "images": []}})
        stage = resources.stage(self.namespace, "beta", NAME)
        self._create(STAGES, {"metadata": {"name": "beta"}, "spec": stage["spec"]})

    def reconcile(self) -> None:
        """Handle a refresh that has not been handled yet."""
        warehouse = self.client.get(WAREHOUSES, NAME, namespace=self.namespace)
        token = (warehouse["metadata"].get("annotations") or {}).get(resources.REFRESH)
        if token is None or token in self.refreshes:
            return
        self.refreshes.append(token)
        if self.fail:
            self.fail -= 1
            self._write({"lastHandledRefresh": token})
            return
        newest = sorted(self.tags.items(), key=lambda item: item[1][1], reverse=True)
        references = [{"tag": tag, "digest": digest, "createdAt": created} for tag, (digest, created) in newest]
        if references:
            self._make_freight(references[0])
        images = [{"repoURL": self.repository, "references": references}]
        self._write({"lastHandledRefresh": token, "discoveredArtifacts": {"discoveredAt": resources.timestamp(), "images": images}})

    def _make_freight(self, first: dict[str, str]) -> None:
        image = {"repoURL": self.repository, "tag": first["tag"], "digest": first["digest"]}
        made = resources.freight(self.namespace, NAME, [image])
        metadata = {key: made["metadata"][key] for key in ("name", "labels")}
        try:
            self._create(FREIGHTS, {"metadata": metadata, "alias": made["alias"], "origin": made["origin"], "images": [image]})
        except ApiError as error:
            if error.status.code != CONFLICT:
                raise

    def _create(self, kind: type[GenericNamespacedResource], document: dict[str, Any]) -> None:
        self.client.create(kind.from_dict(document), namespace=self.namespace)

    def _write(self, status: dict[str, object]) -> None:
        self.client.patch(WAREHOUSES.Status, NAME, {"status": status}, namespace=self.namespace, patch_type=PatchType.MERGE)


@contextmanager
def running(controller: Controller) -> Iterator[Controller]:
    """Let the controller work in a thread of its own."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.05):
            controller.reconcile()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield controller
    finally:
        stop.set()
        thread.join()
