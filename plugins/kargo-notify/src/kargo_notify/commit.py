"""The images of a commit, as Kargo shall see them, against what its Warehouse subscribes to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kargo_notify.freight import Artifact, Freight, freight_name, same_repository
from kargo_notify.warehouse import ImageSubscription, Warehouse

# More tags than that which Kargo might choose are left to the listing.
_NAMES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit's images: one artifact for each image and each of its tags. `watched` are the repositories that `watch` names."""

    revision: str
    artifacts: tuple[Artifact, ...]
    created: datetime | None = None
    watched: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The revision as people write it."""
        return self.revision[:12]

    @property
    def repositories(self) -> tuple[str, ...]:
        """The repositories of the images."""
        return tuple(dict.fromkeys(artifact.repo_url for artifact in self.artifacts))

    def of(self, repository: str) -> tuple[Artifact, ...]:
        """Return the artifacts of a repository, spelled as it is given here."""
        known = self.repositories
        found = (artifact for artifact in self.artifacts if same_repository(repository, artifact.repo_url, others=known))
        return tuple(replace(artifact, repo_url=repository) for artifact in found)

    def is_in(self, freight: Freight) -> bool:
        """Tell whether the Freight has an image of this commit, and none of its repositories at another commit."""
        ours = [(image, self.of(image.repo_url)) for image in freight.images]
        return any(artifacts for _, artifacts in ours) and all(image in artifacts for image, artifacts in ours if artifacts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A subscription to an image of the commit, and the artifacts whose tag it takes, or may take."""

    subscription: ImageSubscription
    artifacts: tuple[Artifact, ...]

    @property
    def accepted(self) -> bool:
        """Whether the Warehouse takes a tag of the commit."""
        return bool(self.artifacts)

    def chosen(self, revision: str) -> Artifact:
        """Return the artifact for a Freight made by hand: the tag that is the commit itself, where there is one."""
        return next((artifact for artifact in self.artifacts if artifact.tag == revision), self.artifacts[0])


def matches(warehouse: Warehouse, commit: Commit) -> tuple[Match, ...]:
    """Return the subscriptions to images of the commit."""
    found = []
    for subscription in warehouse.images:
        ours = commit.of(subscription.repo_url)
        if ours:
            taken = tuple(artifact for artifact in ours if subscription.accepts(artifact.tag) is not False)
            found.append(Match(subscription=subscription, artifacts=taken))
    return tuple(found)


def names(warehouse: Warehouse, found: Sequence[Match]) -> tuple[str, ...]:
    """Compute the names that the commit's Freight can have; none where it also holds what this commit does not decide."""
    complete = len(found) == len(warehouse.images) and all(match.accepted and not match.subscription.named for match in found)
    if warehouse.others or not complete:
        return ()
    tags = dict.fromkeys(artifact.tag for match in found for artifact in match.artifacts)
    return tuple(dict.fromkeys(freight_name(warehouse.name, [match.chosen(tag) for match in found]) for tag in tags))[:_NAMES]
