"""What a run that was killed while it wrote leaves, and what the next one makes of it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.migrate import journal
from bootstrap.migrate.write import write
from plugin_kit.errors import PluginError
from tests.bootstrap.migrate.conftest import Place
from tests.bootstrap.migrate.killed import CHANGES, lay

State = dict[str, tuple[bytes, int]]
VALUES = "image: ghcr.io/ann/shop/api:v1\n"
AFTER = "image: registry.example.lan/shop/api:v1\n"


def state(root: Path) -> State:
    """Return every file with its content and its permissions."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode & 0o777) for path in files}


def kill_everywhere(what: str, folders: Sequence[Path]) -> None:
    """Kill a run before each of its steps, each time in another copy of the folder."""
    subprocess.run([sys.executable, "-m", "tests.bootstrap.migrate.killed", what, *map(str, folders)], check=True)


def copies(folder: Path) -> list[Path]:
    """Return the copies of a folder, in the order of the steps."""
    return sorted(folder.parent.glob(f"{folder.name}.*"), key=lambda path: int(path.suffix[1:]))


def stopped(root: Path, *, changes: int) -> None:
    """Leave a folder as a run does that is killed when so many of its files are changed."""
    with journal.held(root) as held:
        entries = held.begin([(change.path, change.before, change.after) for change in CHANGES])
        for entry in entries:
            if entry.after is not None:
                held.prepare(entry, entry.after)
        for entry in entries[:changes]:
            held.exchange(entry, entry.after)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with the files that are to change."""
    lay(tmp_path / "shop")
    return tmp_path / "shop"


def test_wherever_a_run_is_killed_the_next_one_finds_all_or_nothing(root: Path) -> None:
    """A real SIGKILL before each step: what is left is put back, until the very last step has made all of it count."""
    before = state(root)
    kill_everywhere("write", [root])
    *died, done = copies(root)
    after = state(done)
    seen = []
    for folder in died:
        journal.recover(folder)
        seen.append(state(folder))
    assert all(found in (before, after) for found in seen)
    # Once it counts it counts: only what comes after the journal is gone leaves all of it.
    assert [found == after for found in seen] == sorted(found == after for found in seen)
    assert len([found for found in seen if found == before]) > 20


def test_a_run_that_puts_back_may_be_killed_as_well(root: Path) -> None:
    """Wherever that is: the one after it goes on."""
    before = state(root)
    halves = []
    for changes in range(len(CHANGES) + 1):
        lay(half := root.with_name(f"half-{changes}"))
        stopped(half, changes=changes)
        halves.append(half)
    kill_everywhere("recover", halves)
    for folder in (each for half in halves for each in copies(half)):
        journal.recover(folder)
        assert state(folder) == before, folder.name


def test_what_was_put_back_is_told(root: Path) -> None:
    """Only those that had changed by then."""
    stopped(root, changes=2)
    assert journal.recover(root) == (PurePosixPath("a.yaml"), PurePosixPath("b/gone.yaml"))
    assert journal.recover(root) == ()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_journal_that_is_not_whole_is_of_a_run_that_had_changed_nothing(root: Path, share: float) -> None:
    """It was killed, or the power went, before all of it was written."""
    before = state(root)
    stopped(root, changes=0)
    for made in root.rglob(".*.new"):
        made.unlink()
    whole = (root / journal.NAME).read_bytes()
    (root / journal.NAME).write_bytes(whole[: int(len(whole) * share)])
    assert journal.recover(root) == ()
    assert state(root) == before


def test_a_file_that_was_changed_since_stops_it(root: Path) -> None:
    """Neither what somebody has written is lost, nor is half of the rest put back; and it is said how to go on."""
    stopped(root, changes=3)
    (root / "z.yaml").write_text("z: 3\n")
    found = state(root)
    with pytest.raises(PluginError, match=r"was stopped while it wrote, and z\.yaml was changed since") as caught:
        journal.recover(root)
    assert state(root) == found
    assert f"delete {root / journal.NAME}" in (caught.value.hint or "")
    assert "git restore z.yaml" in (caught.value.hint or "")


def test_what_the_run_had_not_yet_changed_may_have_been_brought_back_by_hand(root: Path) -> None:
    """As with `git restore .`: then there is less to do."""
    before = state(root)
    stopped(root, changes=4)
    (root / "b/gone.yaml").write_bytes(b"b: 1\n")
    (root / "b/gone.yaml").chmod(before["b/gone.yaml"][1])
    assert PurePosixPath("b/gone.yaml") not in journal.recover(root)
    assert state(root) == before


def test_two_runs_do_not_write_at_once(root: Path) -> None:
    """The second neither writes nor takes the first for dead."""
    before = state(root)
    with journal.held(root):
        for run in (lambda: write(root, CHANGES), lambda: journal.recover(root)):
            with pytest.raises(PluginError, match="another `bootstrap migrate` is at work"):
                run()
        (root / journal.NAME).unlink()
    assert state(root) == before


def test_a_run_that_finds_another_dead_while_it_was_planning_writes_nothing(root: Path) -> None:
    """The files that it has planned for are not what they were."""
    stopped(root, changes=0)
    found = state(root)
    with pytest.raises(PluginError, match=r"was stopped in .* meanwhile"):
        write(root, CHANGES)
    assert state(root) == found


@pytest.mark.parametrize("path", ["../a.yaml", ".git/hooks/post-checkout", "b/.GIT/config", "/etc/a.yaml", "out/a.yaml"])
def test_a_journal_that_somebody_has_committed_leads_nowhere_else(root: Path, path: str) -> None:
    """Not out of the repository, nor into git's own folder."""
    (root / "out").symlink_to(root.parent)
    entry = {"path": path, "beside": ".a.new", "mode": None, "before": "eA==", "after": None}
    (root / journal.NAME).write_text(json.dumps({"files": [entry]}))
    with pytest.raises(PluginError, match="is not what `bootstrap migrate` writes there"):
        journal.recover(root)
    assert not (root.parent / "a.yaml").exists()


@pytest.mark.parametrize("is_there", [True, False])
def test_a_journal_that_is_a_link_is_not_followed(root: Path, *, is_there: bool) -> None:
    """Nothing is written, or made, where it leads to."""
    other = root.parent / "other"
    if is_there:
        other.write_text("mine\n")
    (root / journal.NAME).symlink_to(other)
    with pytest.raises(PluginError, match=r"can't write \.bootstrap-migrate\.json"):
        write(root, CHANGES)
    assert (other.read_text() if is_there else other.exists()) == ("mine\n" if is_there else False)


def test_the_journal_is_for_nobody_else_to_read(root: Path) -> None:
    """Values of charts hold passwords."""
    stopped(root, changes=1)
    assert (root / journal.NAME).stat().st_mode & 0o777 == 0o600


def test_what_was_is_on_the_disk_before_the_first_file_changes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is what is to be: a power cut may come at any time."""
    order: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(number: int) -> None:
        order.append(Path(f"/proc/self/fd/{number}").readlink().name)
        sync(number)

    def replaced(self: Path, target: Path) -> Path:
        order.append(f"-> {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write(root, CHANGES)
    names = [name.split(".yaml")[0] if name.startswith(".") and name != journal.NAME else name for name in order]
    assert names[:8] == [journal.NAME, "shop", ".a", ".made", ".z", "-> a.yaml", "-> made.yaml", "-> z.yaml"]
    assert sorted(names[8:]) == ["b", "shop", "shop"]


def test_the_command_puts_it_back_and_says_so(place: Place) -> None:
    """Then it plans as if nothing had been."""
    place.lay({".woodpecker.yml": "steps: []\n", "chart/Chart.yaml": "name: shop\n", "chart/values.yaml": VALUES})
    planned = place.migrate()
    with journal.held(place.root) as held:
        (entry,) = held.begin([(PurePosixPath("chart/values.yaml"), VALUES.encode(), AFTER.encode())])
        held.prepare(entry, AFTER.encode())
        held.exchange(entry, AFTER.encode())
    code, printed = place.migrate()
    assert code == 2
    assert printed == (
        "warning: a run of `bootstrap migrate --write` was stopped while it wrote; every file is as it was before it\n"
        "  put back: chart/values.yaml\n" + planned[1]
    )
    assert place.files()["chart/values.yaml"].decode() == VALUES
    assert place.migrate() == planned
