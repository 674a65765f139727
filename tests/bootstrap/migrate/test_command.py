"""`bootstrap migrate`: what a person sees, what programs get, and what stops it."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.bootstrap.check.trees import PLATFORM, REPOSITORY
from tests.bootstrap.migrate.conftest import Place
from tests.bootstrap.migrate.layouts import ANCHORS, SERVICES

VALUES = {
    ".woodpecker.yml": "steps: []\n",
    "chart/Chart.yaml": "name: shop\n",
    "chart/values.yaml": "image: ghcr.io/ann/shop/api:v1 # it\n",
}
TWO = PLATFORM + PLATFORM[PLATFORM.index("  - name: shop") :].replace("shop", "bank")


def test_the_diff_is_shown_and_nothing_is_written(place: Place) -> None:
    """Exit code 2, as that of `plan`."""
    place.lay(VALUES)
    code, printed = place.migrate()
    assert code == 2
    assert printed == (
        "chart/values.yaml changes\n"
        "  registry.example.lan/shop/api in place of ghcr.io/ann/shop/api\n"
        "--- a/chart/values.yaml\n"
        "+++ b/chart/values.yaml\n"
        "@@ -1 +1 @@\n"
        "-image: ghcr.io/ann/shop/api:v1 # it\n"
        "+image: registry.example.lan/shop/api:v1 # it\n"
        "\n"
        "1 file to change\n"
        "Nothing was written. The same with --write does it.\n"
    )
    assert place.files()["chart/values.yaml"] == VALUES["chart/values.yaml"].encode()


def test_a_diff_can_be_applied_by_git(place: Place) -> None:
    """What is shown is what is written, but for a password."""
    place.lay(ANCHORS.files)
    shown = place.migrate()[1]
    place.migrate("--write")
    said = [line for line in shown.splitlines() if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))]
    by_git = [
        line.rstrip("\r")
        for line in place.git("diff", "--no-color").split("\n")
        if line.startswith(("+", "-")) and not line.startswith(("+++", "---", "-  .dockerconfigjson"))
    ]
    assert [line for line in said if line in by_git] == by_git


def test_on_a_terminal_the_diff_has_colours(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Red what goes, green what comes."""
    place.lay(VALUES)
    monkeypatch.setenv("FORCE_COLOR", "1")
    printed = place.migrate()[1]
    assert "\x1b[31m-image: ghcr.io/ann/shop/api:v1 # it" in printed
    assert "\x1b[32m+image: registry.example.lan/shop/api:v1 # it" in printed


def undo(printed: str) -> list[str]:
    """Return the command that is said to undo it, as a shell takes it."""
    told = printed.partition("run:\n")[2].partition("Then look again")[0]
    return shlex.split(told.replace("\\\n", " "))


def test_write_does_it_and_says_how_to_undo_it(place: Place) -> None:
    """Exit code 0."""
    place.lay(VALUES)
    code, printed = place.migrate("--write")
    assert code == 0
    assert undo(printed) == ["git", "-C", str(place.root), "restore", "--", "chart/values.yaml"]
    said = " ".join(printed.split())
    assert f"1 file changed `git -C {place.root} diff` shows it. To undo it, run:" in said
    assert said.endswith(f"Then look again: bootstrap check --repository {place.root}")
    subprocess.run(undo(printed), check=True)
    assert place.files() == {name: text.encode() for name, text in VALUES.items()}


def test_undoing_it_leaves_what_somebody_has_changed_elsewhere(place: Place) -> None:
    """Also beside names that a pattern of git would match."""
    many = {f"deploy/a folder of stage {number:02}/values.yaml": VALUES["chart/values.yaml"] for number in range(30)}
    files = {
        **VALUES,
        **many,
        "deploy/*/values.yaml": VALUES["chart/values.yaml"],
        "deploy/x/values.yaml": "a: 1\n",
        "src/app.py": "a = 1\n",
    }
    del files[".woodpecker.yml"]
    place.lay(files)
    (place.root / "src/app.py").write_text("a = 2  # work of a day\n")
    (place.root / "deploy/x/values.yaml").write_text("a: 2\n")
    printed = place.migrate("--write")[1]
    assert "To undo it, delete .woodpecker.yml and run:\n" in printed
    assert all(len(line) < 120 for line in printed.partition("restore --")[2].partition("Then")[0].splitlines())
    subprocess.run(undo(printed), check=True)
    (place.root / ".woodpecker.yml").unlink()
    expected = {**files, "src/app.py": "a = 2  # work of a day\n", "deploy/x/values.yaml": "a: 2\n"}
    assert place.files() == {name: text.encode() for name, text in expected.items()}


def test_what_git_does_not_know_is_a_warning_of_its_own(place: Place) -> None:
    """Nothing brings it back, so it is in no command that undoes it."""
    place.lay(VALUES)
    workflow = "on: push\njobs:\n  build:\n    steps:\n      - uses: docker/build-push-action@v6\n"
    for name, text in {".github/workflows/ci.yml": workflow, "deploy/values.yaml": VALUES["chart/values.yaml"]}.items():
        (place.root / name).parent.mkdir(parents=True)
        (place.root / name).write_text(text)
    printed = place.migrate("--write")[1]
    said = " ".join(printed.split())
    assert "git does not know 2 files, and nothing brings back what was in there: deploy/values.yaml, .github/workflows/ci.yml" in said
    assert "would undo, too" not in said
    assert undo(printed)[4:] == ["--", "chart/values.yaml"]


def test_what_is_staged_comes_back_as_it_was(place: Place) -> None:
    """So it is no warning."""
    place.lay(VALUES)
    staged = "image: ghcr.io/ann/shop/api:v2\n"
    (place.root / "chart/values.yaml").write_text(staged)
    place.git("add", "-A")
    printed = place.migrate("--write")[1]
    assert "warning" not in printed
    subprocess.run(undo(printed), check=True)
    assert (place.root / "chart/values.yaml").read_text() == staged


def test_where_there_is_nothing_to_do_it_says_so(place: Place) -> None:
    """Exit code 0; and it makes nothing, not even for a moment."""
    place.lay(REPOSITORY)
    before = place.root.stat().st_mtime_ns
    assert place.migrate() == (0, "nothing to do\n")
    assert place.migrate("--write") == (0, "nothing to do\n")
    assert place.root.stat().st_mtime_ns == before


def test_programs_get_the_same_as_json(place: Place) -> None:
    """With the diff of each file."""
    place.lay(VALUES)
    code, answer = place.answer()
    assert (code, answer["outcome"], answer["look_at"], answer["problems"], answer["warnings"]) == (2, "changes", [], [], [])
    (change,) = answer["changes"]
    assert (change["path"], change["action"]) == ("chart/values.yaml", "edit")
    assert change["reasons"] == [{"line": 1, "text": "registry.example.lan/shop/api in place of ghcr.io/ann/shop/api"}]
    assert change["diff"][-1] == "+image: registry.example.lan/shop/api:v1 # it"
    assert place.answer("--write")[1]["outcome"] == "written"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("chart/values-beta.yaml", b"image: {tag: a\n", "chart/values-beta.yaml:2: ", id="no YAML"),
        pytest.param("chart/values-beta.yaml", b"a: 1\n\tb: 2\n", "chart/values-beta.yaml:2: is indented with a tab", id="a tab"),
        pytest.param("chart/values-beta.yaml", b"a: \xe4\n", "chart/values-beta.yaml: is not UTF-8 text (line 1)", id="not UTF-8"),
        pytest.param("chart/templates/a.yaml", b"ok: 1\na: \xe4\n", "chart/templates/a.yaml: is not UTF-8 text (line 2)", id="a template"),
        pytest.param("k8s/pod.yaml", b"apiVersion: v1\nkind: Pod\na: [\n", "k8s/pod.yaml:4: ", id="a manifest"),
    ],
)
def test_what_can_not_be_read_is_named_and_nothing_is_written(place: Place, name: str, content: bytes, said: str) -> None:
    """Also not what could have been."""
    place.lay(VALUES)
    (place.root / name).parent.mkdir(parents=True, exist_ok=True)
    (place.root / name).write_bytes(content)
    before = place.files()
    code, printed = place.migrate("--write")
    assert code == 1
    assert said in printed
    assert "1 file can't be read: nothing is changed before all can" in printed
    assert place.files() == before
    code, answer = place.answer("--write")
    assert (code, answer["outcome"], answer["changes"], len(answer["problems"])) == (1, "problems", [], 1)
    assert place.migrate("--write", "--exclude", name)[0] == 0
    assert place.files()["chart/values.yaml"] == b"image: registry.example.lan/shop/api:v1 # it\n"


@pytest.mark.parametrize("name", [".woodpecker.yml", ".woodpecker.yaml", ".woodpecker/build.yaml"])
@pytest.mark.parametrize("kind", ["broken", "ignored", "link"])
def test_beside_a_pipeline_that_is_left_out_none_is_made(place: Place, name: str, kind: str) -> None:
    """Left out by --exclude or by git, or as a link: the rest is migrated."""
    place.lay({"chart/values.yaml": VALUES["chart/values.yaml"], ".gitignore": ".woodpecker*\n" if kind == "ignored" else ""})
    pipeline = place.root / name
    pipeline.parent.mkdir(exist_ok=True)
    if kind == "link":
        pipeline.symlink_to("elsewhere.yml")
    else:
        pipeline.write_text("steps: [\n" if kind == "broken" else "steps: []\n")
    excluded = ["--exclude", ".woodpecker" if "/" in name else name] if kind == "broken" else []
    code, answer = place.answer("--write", *excluded)
    assert (code, [change["path"] for change in answer["changes"]]) == (0, ["chart/values.yaml"])
    assert sorted(file.name for file in place.root.glob(".woodpecker*")) == [name.partition("/")[0]]


def test_a_file_without_permission_to_read_it_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything: the refusal is that of the kernel for others."""
    place.lay(VALUES)
    original = Path.read_bytes

    def refused(self: Path) -> bytes:
        if self.name == "values.yaml":
            raise PermissionError(13, os.strerror(13), str(self))
        return original(self)

    monkeypatch.setattr(Path, "read_bytes", refused)
    code, printed = place.migrate("--write")
    assert code == 1
    assert "chart/values.yaml: can't be read: Permission denied" in printed


def test_broken_yaml_that_is_of_no_concern_is_only_named(place: Place) -> None:
    """A test's own broken file."""
    place.lay({**VALUES, "tests/broken.yaml": "a: b: c\n"})
    code, printed = place.migrate("--write")
    assert code == 0
    assert "tests/broken.yaml:1: has a second `: `" in printed


def test_links_submodules_dependencies_and_ignored_files_are_left_alone(place: Place, tmp_path: Path) -> None:
    """What they lead to is somebody else's."""
    text = "image: ghcr.io/ann/shop/api\n"
    outside = tmp_path / "outside.yaml"
    outside.write_text(text)
    place.lay(
        {
            **VALUES,
            ".gitignore": "out/\n",
            "out/a.yaml": text,
            "chart/Chart.yaml": "name: shop\ndependencies:\n  - {name: db, version: 1.0.0, repository: 'https://charts.example.lan'}\n",
            "chart/charts/db/Chart.yaml": "name: db\n",
            "chart/charts/db/values.yaml": "image: ghcr.io/ann/shop/db\nbad: [\n",
        }
    )
    (place.root / "link.yaml").symlink_to(outside)
    (place.root / "inside.yaml").symlink_to("chart/values.yaml")
    module = tmp_path / "module"
    module.mkdir()
    (module / "values.yaml").write_text(text)
    for argv in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *argv], cwd=module, check=True)
    place.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(module), "module")
    code, answer = place.answer("--write")
    assert code == 0
    assert [change["path"] for change in answer["changes"]] == ["chart/values.yaml"]
    assert outside.read_text() == (place.root / "module/values.yaml").read_text() == text
    assert (place.root / "inside.yaml").is_symlink()


def test_what_is_not_committed_is_a_warning(place: Place) -> None:
    """`git restore` would take it away, too."""
    place.lay(VALUES)
    file = place.root / "chart/values.yaml"
    file.write_text("image: ghcr.io/ann/shop/api:v2\n")
    code, printed = place.migrate("--write")
    assert code == 0
    assert "warning: 1 file with changes that are not committed, which `git restore` would undo, too: chart/values.yaml" in printed
    assert file.read_text() == "image: registry.example.lan/shop/api:v2\n"


def test_a_folder_that_is_no_git_repository_is_a_warning(place: Place) -> None:
    """And its owner is known by the names of the images."""
    place.platform.write_text(PLATFORM)
    (place.root / "chart").mkdir()
    (place.root / "chart/values.yaml").write_text(VALUES["chart/values.yaml"])
    code, printed = place.migrate("--write")
    assert code == 0
    assert "is no git repository: keep a copy" in " ".join(printed.split())
    assert place.files()["chart/values.yaml"] == b"image: registry.example.lan/shop/api:v1 # it\n"


def test_whose_images_they_are_must_be_known(place: Place) -> None:
    """Otherwise it asks."""
    place.lay({**VALUES, "chart/values.yaml": "image: ghcr.io/acme/backend/api\n"}, remote=None)
    code, printed = place.migrate()
    assert code == 1
    assert "whose images on GHCR are this project's? There are those of acme" in printed
    assert "hint: name the beginning of theirs: --from ghcr.io/acme" in printed
    assert place.migrate("--write", "--from", "ghcr.io/acme/backend")[0] == 0
    assert place.files()["chart/values.yaml"] == b"image: registry.example.lan/shop/api\n"


def test_the_project_is_known_by_the_remote_or_named(place: Place) -> None:
    """Where platform.yaml has more than one."""
    place.lay(VALUES, platform=TWO)
    assert place.migrate()[0] == 2
    place.git("remote", "set-url", "origin", "git@github.com:ann/other.git")
    code, printed = place.migrate()
    assert code == 1
    assert "hint: name it with --project: shop, bank" in printed
    assert place.migrate("--project", "shop")[0] == 2
    assert "has no project shopp" in place.migrate("--project", "shopp")[1]


def test_images_of_another_project_of_the_platform_get_its_place(place: Place) -> None:
    """`ghcr.io/ann/bank/api` in the repository of shop."""
    place.lay({**VALUES, "chart/values.yaml": "image: ghcr.io/ann/bank/api\n"}, platform=TWO)
    place.migrate("--write")
    assert place.files()["chart/values.yaml"] == b"image: registry.example.lan/bank/api\n"


def test_a_folder_of_a_repository_is_migrated_alone(place: Place) -> None:
    """And what git says of it is about that folder."""
    place.lay({f"shop/{name}": text for name, text in VALUES.items()} | {"other/values.yaml": "image: ghcr.io/ann/shop/api\n"})
    (place.root / "shop/chart/values.yaml").write_text("image: ghcr.io/ann/shop/api:v3\n")
    inside = Place(folder=place.folder, capsys=place.capsys, name="repository/shop")
    code, printed = inside.migrate("--write")
    assert code == 0
    assert "too: chart/values.yaml" in printed
    assert place.files()["shop/chart/values.yaml"] == b"image: registry.example.lan/shop/api:v3\n"
    assert place.files()["other/values.yaml"] == b"image: ghcr.io/ann/shop/api\n"


def test_a_byte_order_mark_stays(place: Place) -> None:
    """As some editors write it."""
    place.lay({**VALUES, "chart/values.yaml": "\ufeff" + VALUES["chart/values.yaml"]})
    place.migrate("--write")
    assert place.files()["chart/values.yaml"].startswith(b"\xef\xbb\xbfimage: registry.example.lan/")


def test_a_watched_image_that_nobody_deploys_is_named(place: Place) -> None:
    """Kargo would wait for ever."""
    files = {name: text.replace("shop/api", "shop/web") for name, text in VALUES.items() if name != ".woodpecker.yml"}
    place.lay(files)
    assert "Kargo is to watch registry.example.lan/shop/api, and nothing here deploys an image of this name" in " ".join(
        place.migrate()[1].split()
    )


def test_a_folder_that_is_not_there_is_named(place: Place) -> None:
    """With what to do."""
    place.platform.write_text(PLATFORM)
    place.root.rmdir()
    code, printed = place.migrate()
    assert code == 1
    assert "there is no folder" in printed


def test_the_pull_secrets_name_in_a_log_is_shown_and_its_content_is_not(place: Place) -> None:
    """Of a login in the values the keys are shown."""
    place.lay(SERVICES.files, platform=SERVICES.platform)
    printed = place.migrate()[1]
    assert "-    username: ann" in printed
    assert "-    password: ********" in printed
