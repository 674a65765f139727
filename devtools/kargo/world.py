"""A Kargo project and the controllers that work on it."""

import json
import queue
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devtools.kargo import resources
from devtools.kargo.discovery import DiscoveryError, Image, Registries
from devtools.kargo.faults import Faults
from devtools.kargo.resources import REFRESH, Document

_EQUAL = re.compile(r"imageFrom\('([^']+)'\)\.Tag\s*==\s*imageFrom\('([^']+)'\)\.Tag")


class World:
    """The objects of one project; every change gets a version and is told to whoever watches."""

    def __init__(self, project: str, registries: Registries | None = None) -> None:
        self.project = project
        self.registries = registries or Registries()
        self.faults = Faults()
        self.closed = False
        self.changed = threading.Condition(threading.RLock())
        self.objects: dict[str, dict[str, Document]] = {"Warehouse": {}, "Freight": {}, "Stage": {}}
        self.version = 500
        self._log: list[tuple[str, str, Document]] = []
        self._waiting = 0
        self._work: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._controller = threading.Thread(target=self._control, daemon=True)
        self._controller.start()

    def close(self) -> None:
        """Stop the controller and end all watches."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self._work.put(None)
        self._controller.join()

    def add_warehouse(
        self,
        name: str,
        repositories: Sequence[str],
        *,
        manual: bool = False,
        criteria: str = "",
        interval: str = "5m0s",
        **image: Any,  # noqa: ANN401  whatever fields a subscription has
    ) -> None:
        """Add a Warehouse that subscribes to repositories by SHA tags, newest first, unless the fields of `image` say otherwise."""
        fields = {"imageSelectionStrategy": "NewestBuild", "allowTagsRegexes": ["^[0-9a-f]{40}$"], "cacheByTag": True, **image}
        spec: Document = {"subscriptions": [{"image": {**fields, "repoURL": each}} for each in repositories], "interval": interval}
        if manual:
            spec["freightCreationPolicy"] = "Manual"
        if criteria:
            spec["freightCreationCriteria"] = {"expression": criteria}
        self.add(resources.warehouse(self.project, name, spec))

    def add_stage(self, name: str, origin: str, *, upstream: Sequence[str] = (), automatic: bool = False) -> None:
        """Add a Stage; an automatic one promotes new Freight of its Warehouse by itself."""
        self._store("ADDED", resources.stage(self.project, name, origin, upstream=upstream, automatic=automatic))

    def add(self, document: Document) -> Document:
        """Add an object as the API does; a new Warehouse discovers at once."""
        stored = self._store("ADDED", document)
        if document["kind"] == "Warehouse":
            self._sync(document["metadata"]["name"])
        return stored

    def push(self, repository: str, tag: str, digest: str, created: str, annotations: Mapping[str, str] | None = None) -> None:
        """Write an image into the list that stands for a registry; tags can be set again."""
        with self.changed:
            images = self.registries.written.setdefault(repository, [])
            images[:] = [image for image in images if image.tag != tag]
            images.append(Image(tag=tag, digest=digest, created=created, annotations=annotations or {}))

    def hold(self, stage: str, origin: str, freight: str, actor: str = "admin") -> None:
        """Put a Stage's auto-promotion on hold, as a promotion of other Freight by hand does."""
        value = {
            "actor": actor,
            "createdAt": resources.timestamp(),
            "freightName": freight,
            "origin": {"kind": "Warehouse", "name": origin},
            "promotionName": f"{stage}.0.{freight[:7]}",
        }
        with self.changed:
            found = self.copy("Stage", stage)
            found["status"] |= {
                "autoPromotionHolds": {f"Warehouse/{origin}": value},
                "effectiveAutoPromotionHolds": {f"Warehouse/{origin}": value},
            }
            self._store("MODIFIED", found)

    def refresh(self, name: str) -> bool:
        """Annotate a Warehouse with the second of the request, and have it looked at; False where there is none."""
        with self.changed:
            if name not in self.objects["Warehouse"]:
                return False
            found = self.copy("Warehouse", name)
            notes = found["metadata"].setdefault("annotations", {})
            if notes.get(REFRESH) == resources.timestamp():
                return True
            notes[REFRESH] = resources.timestamp()
            self._store("MODIFIED", found)
            if not self.faults.refresh_is_lost():
                self._waiting += 1
                self._work.put(name)
        return True

    def settle(self, timeout: float = 5.0) -> bool:
        """Wait until every refresh is handled; False where that takes too long."""
        with self.changed:
            return self.changed.wait_for(lambda: not self._waiting, timeout=timeout)

    def create_freight(self, origin: str, images: Sequence[Mapping[str, Any]]) -> Document | None:
        """Create a Freight; None where it exists."""
        made = resources.freight(self.project, origin, images)
        with self.changed:
            if made["metadata"]["name"] in self.objects["Freight"]:
                return None
            stored = self._store("ADDED", made)
            self._promote_everywhere(stored)
        return stored

    def copy(self, kind: str, name: str) -> Document:
        """Return an object as it is now; raises KeyError."""
        with self.changed:
            return _copied(self.objects[kind][name])

    def every(self, kind: str) -> list[Document]:
        """Return all objects of a kind, the oldest first."""
        with self.changed:
            return [_copied(each) for each in self.objects[kind].values()]

    def watch(self, kind: str) -> Iterator[tuple[str, Document] | None]:
        """Give what is there, then each change; None each half second without one, so that a reader who has left is noticed."""
        with self.changed:
            seen = len(self._log)
            now = self.every(kind)
        yield from (("ADDED", each) for each in now)
        while not self.closed:
            news = self._news(seen)
            seen += len(news)
            for happened, of, document in news:
                if of == kind:
                    yield happened, _copied(document)
            if not news:
                yield None

    def _news(self, seen: int) -> list[tuple[str, str, Document]]:
        """Wait for changes after the first `seen` ones."""
        with self.changed:
            self.changed.wait_for(lambda: self.closed or len(self._log) > seen, timeout=0.5)
            return [] if self.closed else self._log[seen:]

    def _store(self, happened: str, document: Document) -> Document:
        with self.changed:
            self.version += 1
            document["metadata"]["resourceVersion"] = str(self.version)
            kept = _copied(document)
            self.objects[document["kind"]][document["metadata"]["name"]] = kept
            self._log.append((happened, document["kind"], _copied(kept)))
            self.changed.notify_all()
            return _copied(kept)

    def _patch_status(self, found: Document) -> None:
        """Store a status alone: somebody may have asked for a refresh since the object was read."""
        with self.changed:
            current = self.copy(found["kind"], found["metadata"]["name"])
            self._store("MODIFIED", {**current, "status": found["status"]})

    def _control(self) -> None:
        while True:
            name = self._work.get()
            if name is None:
                return
            with self.changed:
                self.changed.wait_for(lambda: self.closed, timeout=self.faults.lag)
            self._sync(name)
            with self.changed:
                self._waiting -= 1
                self.changed.notify_all()

    def _sync(self, name: str) -> None:
        """Reconcile a Warehouse in the steps of pkg/controller/warehouses/warehouses.go."""
        found = self.copy("Warehouse", name)
        status = found["status"]
        token = found["metadata"].get("annotations", {}).get(REFRESH)
        asked = token is not None and token != status.get("lastHandledRefresh")
        if asked or "discoveredArtifacts" not in status:
            self._begin(found)
            try:
                discovered = self._discover(found)
            except DiscoveryError as error:
                self._fail(found, token, str(error))
                return
            status["discoveredArtifacts"] = discovered
        self._conclude(found, token)

    def _begin(self, found: Document) -> None:
        status = found["status"]
        count = len(found["spec"]["subscriptions"])
        resources.set_condition(status, "Reconciling", "True", "ScheduledDiscovery", f"Discovering artifacts for {count} subscriptions")
        resources.set_condition(status, "Ready", "False", "DiscoveryInProgress", "Waiting for discovery to complete")
        waiting = "Health status cannot be determined until artifact discovery is finished"
        resources.set_condition(status, "Healthy", "Unknown", "Pending", waiting)
        resources.drop_conditions(status, "FreightCreationCriteriaSatisfied", "FreightCreated")
        self._patch_status(found)

    def _discover(self, found: Document) -> Document:
        images = []
        for subscription in found["spec"]["subscriptions"]:
            image = subscription["image"]
            if self.faults.discovery_fails():
                raise DiscoveryError(self.faults.complaint.format(repository=image["repoURL"]))
            references = [each.reference() for each in self.registries.discover(image)]
            images.append({"repoURL": image["repoURL"], "references": references})
        return {"discoveredAt": resources.timestamp(), "images": images}

    def _fail(self, found: Document, token: str | None, complaint: str) -> None:
        status = found["status"]
        if token is not None:
            status["lastHandledRefresh"] = token
        cause = f"error discovering artifacts: {complaint}"
        resources.set_condition(status, "Healthy", "False", "DiscoveryFailed", f"Unable to discover artifacts: {cause}")
        resources.set_condition(status, "Ready", "False", "DiscoveryFailure", f"Artifact discovery failed: {cause}")
        self._patch_status(found)
        if "discoveredArtifacts" in status:
            # The controller tries again at once, takes the refresh for handled, and is content with what it knew.
            self._conclude(found, token)

    def _conclude(self, found: Document, token: str | None) -> None:
        status = found["status"]
        if token is not None:
            status["lastHandledRefresh"] = token
        status["observedGeneration"] = 1
        images = status["discoveredArtifacts"]["images"]
        problem = _nothing_found(images) or self._make_freight(found, images)
        if problem:
            reason, message = problem
            healthy = "NoImageReferencesDiscovered" if reason == "MissingImageReferences" else reason
            resources.set_condition(status, "Healthy", "False", healthy, message)
            resources.set_condition(status, "Ready", "False", reason, message)
        else:
            resources.set_condition(status, "Healthy", "True", "ReconciliationSucceeded", "")
            count = len(found["spec"]["subscriptions"])
            resources.set_condition(
                status, "Ready", "True", "ArtifactsDiscovered", f"Successfully discovered artifacts from {count} subscriptions"
            )
        resources.drop_conditions(status, "Reconciling")
        self._patch_status(found)

    def _make_freight(self, found: Document, images: Sequence[Document]) -> tuple[str, str] | None:
        """Make the Freight of what is first, where policy and criteria allow it; gives reason and message where they can't be told."""
        spec, status = found["spec"], found["status"]
        if spec["freightCreationPolicy"] == "Manual":
            return None
        first = {each["repoURL"]: each["references"][0] for each in images}
        try:
            met = _meets(spec.get("freightCreationCriteria", {}).get("expression", ""), first)
        except KeyError as error:
            return "CriteriaEvaluationFailed", f"Evaluation of Freight creation criteria failed: no image {error} was discovered"
        kind = "FreightCreationCriteriaSatisfied"
        if not met:
            resources.set_condition(status, kind, "False", "CriteriaNotSatisfied", "Freight creation criteria were not satisfied")
            return None
        resources.set_condition(status, kind, "True", "CriteriaSatisfied", "Freight creation criteria satisfied")
        contents = [{"repoURL": url, **{key: value for key, value in each.items() if key != "createdAt"}} for url, each in first.items()]
        if self.create_freight(found["metadata"]["name"], contents):
            news = "No Freight composed of the newest artifacts already existed"
            resources.set_condition(status, "FreightCreated", "True", "NewFreight", news)
        else:
            old = "Freight composed of the newest artifacts already exists"
            resources.set_condition(status, "FreightCreated", "False", "AlreadyExists", old)
        status["lastFreightID"] = resources.freight_id("/", contents)
        return None

    def _promote_everywhere(self, made: Document) -> None:
        for stage in self.every("Stage"):
            wanted = [each["origin"]["name"] for each in stage["spec"]["requestedFreight"] if each["sources"].get("direct")]
            origin = made["origin"]["name"]
            held = f"Warehouse/{origin}" in stage["status"].get("effectiveAutoPromotionHolds", {})
            if stage["status"].get("autoPromotionEnabled") and origin in wanted and not held:
                self._promote(stage, made["metadata"]["name"])

    def _promote(self, stage: Document, freight: str) -> None:
        name = stage["metadata"]["name"]
        for each in self.every("Freight"):
            status = each["status"]
            if status.get("currentlyIn", {}).pop(name, None):
                if not status["currentlyIn"]:
                    del status["currentlyIn"]
                status.get("verifiedIn", {}).get(name, {})["longestSoak"] = "1m10.086097247s"
                self._store("MODIFIED", each)
        for key, value in (("currentlyIn", {"since": resources.timestamp()}), ("verifiedIn", {"verifiedAt": resources.timestamp()})):
            carried = self.copy("Freight", freight)
            carried["status"].setdefault(key, {})[name] = value
            self._store("MODIFIED", carried)
        stage["status"] = resources.promoted(stage, carried)
        self._store("MODIFIED", stage)


def _nothing_found(images: Sequence[Document]) -> tuple[str, str] | None:
    empty = next((each["repoURL"] for each in images if not each["references"]), None)
    return ("MissingImageReferences", f'No references discovered for image repository "{empty}"') if empty else None


def _meets(expression: str, first: Mapping[str, Document]) -> bool:
    """Evaluate the form of criteria that the tests need: equal tags of images, joined by `&&`; raises KeyError."""
    return all(first[one]["tag"] == first[other]["tag"] for one, other in _EQUAL.findall(expression))


def _copied(document: Document) -> Document:
    copy: Document = json.loads(json.dumps(document))
    return copy
