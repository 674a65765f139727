"""The rule for moving `latest`: forward only. Every part that sets tags asks here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plugin_kit import git
from plugin_kit.git import Ancestry
from plugin_kit.manifest import Stamp

SAME_COMMIT = "same commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether `latest` moves, and why, in words for the log."""

    moves: bool
    reason: str


def judge(current: Stamp | None, ours: Stamp, *, ancestry: Ancestry = Ancestry.UNKNOWN, force: bool = False) -> Verdict:
    """Decide whether an image stamped `ours` may take over `latest` from `current` (None: there is no `latest`).

    `ancestry` tells of `current`'s commit as seen from ours. History decides where it is known; else `created`, then the pipeline's number.
    After a force-push neither helps when the clocks disagree: that is what `force` is for.
    """
    if current is None:
        return Verdict(moves=True, reason="there was none")
    if force:
        return Verdict(moves=True, reason="latest: force")
    if current.revision is not None and current.revision == ours.revision:
        return Verdict(moves=True, reason=SAME_COMMIT)
    if ancestry is Ancestry.ANCESTOR:
        return Verdict(moves=True, reason="its commit is an ancestor")
    return _by_time(current, ours)


def _by_time(current: Stamp, ours: Stamp) -> Verdict:
    of = f"of {current.revision[:12]}" if current.revision else "of an unknown commit"
    if current.created is None:
        # Set by another tool, without a stamp: nothing says that it is newer, and it has to start somewhere.
        return Verdict(moves=True, reason="it carries no time")
    if ours.created is None:
        return Verdict(moves=False, reason=f"it is {of}, and this commit's time is not known")
    if ours.created != current.created:
        newer = ours.created > current.created
        return Verdict(moves=newer, reason=f"it is {of}, {'older' if newer else 'newer'} than this commit")
    if ours.pipeline is not None and current.pipeline is not None and ours.pipeline != current.pipeline:
        newer = ours.pipeline > current.pipeline
        return Verdict(moves=newer, reason=f"it is {of}, of the same second, built by pipeline {current.pipeline}")
    return Verdict(moves=False, reason=f"it is {of}, of the same second")


def judge_all(verdicts: list[Verdict]) -> Verdict:
    """Decide for all images of a commit together: one that must stay keeps all, so that `latest` never names two commits."""
    stays = next((verdict for verdict in verdicts if not verdict.moves), None)
    return stays or (verdicts[0] if verdicts else Verdict(moves=True, reason="there was none"))


def judge_release(current: Sequence[Stamp], ours: Stamp, *, ancestry: Mapping[str, Ancestry], force: bool = False) -> Verdict:
    """Decide for all images of a commit by the stamps of what their `latest` names now; `ancestry` is what `ancestries` tells."""
    known = [ancestry.get(stamp.revision or "", Ancestry.UNKNOWN) for stamp in current]
    return judge_all([judge(stamp, ours, ancestry=kinship, force=force) for stamp, kinship in zip(current, known, strict=True)])


def ancestries(workspace: Path, current: Iterable[Stamp], revision: str) -> dict[str, Ancestry]:
    """Look up in the checkout how the commits that `latest` names stand to ours."""
    # Its own commit decides nothing, and reading the history is a good part of a rerun's time.
    others = {stamp.revision for stamp in current if stamp.revision} - {revision}
    return {other: git.ancestry(workspace, other, revision) for other in others}
