"""What `./dev demo` shows at its end: times, images, tags, Freight and mirror, each compared with what the pipelines promise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devtools.errors import DevError
from devtools.runner import StepResult
from kargo_notify.freight import Freight
from plugin_kit.console import Console, counted, elapsed
from plugin_kit.manifest import Manifest
from plugin_kit.parallel import each
from plugin_kit.registry import Registry
from plugin_kit.release import LATEST, RELEASES, Release, candidate_tag

SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the pipeline: what it ran on, its steps, and what was in the registry, in Kargo and at "GitHub" after it.

    `tags` has the digest of every tag by (repository, tag).
    """

    title: str
    sha: str
    steps: Sequence[StepResult]
    release: Release
    seconds: float
    tags: Mapping[tuple[str, str], str]
    freight: Sequence[Freight]
    mirrored: str

    def state(self, name: str) -> str:
        """Tell how a step ended."""
        return next((step.state for step in self.steps if step.name == name), "skipped")

    @property
    def followed(self) -> dict[tuple[str, str], str]:
        """The tags that somebody may follow: all but the candidates."""
        return {place: digest for place, digest in self.tags.items() if not place[1].startswith("candidate-")}

    def at(self, tag: str) -> dict[str, str]:
        """Return the digests under a tag, by repository."""
        return {path: digest for (path, other), digest in self.tags.items() if other == tag}

    @property
    def latest(self) -> dict[str, str]:
        """The digests that `latest` names."""
        return self.at(LATEST)

    @property
    def released(self) -> set[str]:
        """The repositories that have the commit's tag."""
        return set(self.at(self.sha))

    @property
    def own_freight(self) -> list[Freight]:
        """The Freight of the commit."""
        return [freight for freight in self.freight if any(image.tag == self.sha for image in freight.images)]


def show(runs: Sequence[Run], store: Registry, console: Console) -> None:
    """Show everything; DevError where the pipelines did not do what they promise. The runs: first, changed, again, broken."""
    first, changed, again, broken = runs
    took(runs, console)
    built([first, changed], store, console)
    released(runs, console)
    check_releases(first, changed, console)
    check_repetition(changed, again, console)
    check_failure(again, broken, console)
    check_mirror(runs, console)
    console.info("")
    console.info("Where to look next: examples/demo/.woodpecker.yml, plugins/*/docs.md, ./dev demo --keep --show-commands")


def took(runs: Sequence[Run], console: Console) -> None:
    """Show how long each step took, and which of them failed."""
    console.info("")
    names = [step.name for step in runs[0].steps if step.state != "skipped"]
    rows = [[name, *(_step(run, name) for run in runs)] for name in names]
    console.table(
        ["step", *(run.title for run in runs)],
        [*rows, ["pipeline", *(_pipeline(run) for run in runs)]],
        title="What each run took",
        align="l" + "r" * len(runs),
    )


def built(runs: Sequence[Run], store: Registry, console: Console) -> None:
    """Show what became of the images of two commits."""
    console.info("")
    first, second = (_manifests(run, store) for run in runs)
    shared = {name: second[name].layers == first[name].layers for name in second}
    console.table(
        ["image", *(run.sha[:SHOWN] for run in runs), "layers"],
        [
            [image.name, *(_image(run, image.name) for run in runs), "the same" if shared[image.name] else "new"]
            for image in runs[1].release.images
        ],
        title="What the first two runs did: built or taken from the cache, seconds, digest",
    )


def released(runs: Sequence[Run], console: Console) -> None:
    """Show which commits are released, where `latest` is, and what Kargo has made of them."""
    console.info("")
    console.table(
        ["run", "commit", "released", f"{LATEST} is then", "Freight", "alias"],
        [[run.title, run.sha[:SHOWN], _released(run), _latest(run, runs), *_freight(run)] for run in runs],
        title="What was released, and the Freight that it became",
    )
    console.info("")
    for freight in runs[-1].freight:
        console.info(f"Freight {freight.name}, {freight.alias}, of Warehouse {freight.warehouse}")
        for image in freight.images:
            console.info(f"  {image.repo_url}:{image.tag}")
            console.info(f"  {image.digest}")


def check_releases(first: Run, changed: Run, console: Console) -> None:
    """Say what the first two commits became; DevError where one of them is not released as a whole, or no Freight."""
    for run in (first, changed):
        whole = {*(image.repository.split("/", 1)[1] for image in run.release.images), _records(run)}
        if run.released != whole or run.latest != run.at(run.sha) or run.at(candidate_tag(run.sha)) != run.at(run.sha):
            raise DevError(f"{run.title}: the commit is not released as a whole, as it was tested: {sorted(run.released)}")
        if len(run.own_freight) != 1:
            raise DevError(f"{run.title}: the commit is not one Freight: {run.freight}")
        watched = run.own_freight[0].images[0]
        if run.tags[watched.repo_url.split("/", 1)[1], run.sha] != watched.digest:
            raise DevError(f"{run.title}: Kargo and the registry differ: {watched}")
    count = counted(len(changed.release.images), "image")
    console.info("")
    console.info(f"Both commits have their tag on all {count} and on the release record, with the digests that they had as candidates.")


def check_repetition(changed: Run, again: Run, console: Console) -> None:
    """Say what a second run of a released commit did; DevError where it changed something."""
    if again.tags != changed.tags or again.freight != changed.freight:
        raise DevError(f"{again.title}: a second run of a commit changed tags or Freight: {_difference(changed, again)}")
    console.info(
        f"{again.title}: the same commit a second time changed none of the {counted(len(again.tags), 'tag')}, and made no Freight."
    )


def check_failure(before: Run, broken: Run, console: Console) -> None:
    """Say what a commit left behind that failed its integration test; DevError where that is more than candidates."""
    new = {place for place in broken.tags if place not in before.tags}
    if broken.followed != before.followed or broken.freight != before.freight or {tag for _, tag in new} != {candidate_tag(broken.sha)}:
        raise DevError(f"{broken.title}: a commit that failed its test changed tags or Freight: {_difference(before, broken)}")
    failed = next(step.name for step in broken.steps if step.state == "failure")
    count = counted(len(broken.release.images), "image")
    compared = counted(len(broken.followed), "tag")
    console.info(f"{broken.title}: red in {failed}. Its {count} are in the registry as {candidate_tag(broken.sha[:SHOWN])}..., and")
    console.info(f"  no other tag came or moved ({compared} compared), {LATEST} is still {_latest(broken, [before])},")
    console.info(f'  Kargo has the {len(broken.freight)} Freight that it had, and main at "GitHub" is still {broken.mirrored[:SHOWN]}.')


def check_mirror(runs: Sequence[Run], console: Console) -> None:
    """Say what "GitHub" had after each run; DevError where that is not what the pipelines promise."""
    first, changed, again, _ = runs
    states = [run.state("mirror") for run in runs]
    mirrored = [run.mirrored for run in runs]
    if mirrored != [first.sha, *[changed.sha] * 3] or states != ["success", "success", "ignored", "skipped"]:
        raise DevError(f"the mirror has not what it should have: {mirrored}; {states}")
    console.info("")
    console.info(f'"GitHub" had main at {first.sha[:SHOWN]}, then at {changed.sha[:SHOWN]}; nothing was sent there with a wrong host key.')
    console.warn(
        f"{again.title}: the step mirror is red and the pipeline green, since nothing that is deployed depends on a mirror",
        hint="what the step saw, and what to do, stands in its log above and in docs/how-to/mirror-to-github.md",
    )


def _difference(before: Run, after: Run) -> str:
    changed = {":".join(place) for place, digest in after.tags.items() if before.tags.get(place) != digest}
    gone = {":".join(place) for place in before.tags if place not in after.tags}
    freight = [freight.name for freight in after.freight if freight not in before.freight]
    return f"set {sorted(changed)}, gone {sorted(gone)}, Freight {freight}"


def _manifests(run: Run, store: Registry) -> dict[str, Manifest]:
    def fetch(image: tuple[str, str, str]) -> tuple[str, Manifest]:
        name, repository, digest = image
        manifest = store.manifest(repository.split("/", 1)[1], digest)
        if manifest is None:
            raise DevError(f"{repository} has lost {digest}")
        return name, manifest

    return dict(each(fetch, [(image.name, image.repository, image.digest) for image in run.release.images]))


def _step(run: Run, name: str) -> str:
    step = next((step for step in run.steps if step.name == name and step.state != "skipped"), None)
    return f"{'' if step.state == 'success' else 'red, '}{elapsed(step.seconds)}" if step else "-"


def _pipeline(run: Run) -> str:
    return f"{'red' if any(step.state == 'failure' for step in run.steps) else 'green'}, {elapsed(run.seconds)}"


def _image(run: Run, name: str) -> str:
    image = next(image for image in run.release.images if image.name == name)
    return f"{image.state}, {image.seconds or 0:.1f}s, {image.digest[7:19]}"


def _released(run: Run) -> str:
    count = len(run.released - {_records(run)})
    return f"{counted(count, 'image')} and the record" if count else "no"


def _latest(run: Run, runs: Sequence[Run]) -> str:
    """Name the commit whose images `latest` names."""
    return next((other.sha[:SHOWN] for other in runs if run.latest == run.at(other.sha)), "of several commits")


def _freight(run: Run) -> tuple[str, str]:
    return (run.own_freight[0].name[:SHOWN], run.own_freight[0].alias) if run.own_freight else ("none", "-")


def _records(run: Run) -> str:
    return f"{run.release.images[0].repository.split('/')[1]}/{RELEASES}"
