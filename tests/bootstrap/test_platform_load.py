"""Reading platform.yaml: what is right is a platform, what is wrong is told at once, with its line and in the user's words."""

import os
import textwrap
from pathlib import Path

import pytest

from bootstrap.platform.load import Loaded, load, parse
from bootstrap.platform.problems import PlatformError
from plugin_kit.errors import PluginError

FILE = Path("platform.yaml")
HEAD = """\
domain: example.lan
prerequisites: {cert_manager: {mode: install}}
gitea: {mode: install}
registry: {mode: install}
"""
SHOP = """\
projects:
  - name: shop
    watched_image: api
    chart_path: deploy/shop
    stages:
      - {name: beta, promotion: auto}
      - {name: live, promotion: manual, promoters: {groups: [ops]}}
"""
SECOND = SHOP.replace("projects:\n", "").replace("shop", "bank")


def read(*parts: str) -> Loaded:
    """Read a file of these parts."""
    return parse("".join(textwrap.dedent(part) for part in parts), FILE)


def told(*parts: str) -> list[str]:
    """Return what is wrong with a file of these parts, as `line: key: text`."""
    with pytest.raises(PlatformError) as caught:
        read(*parts)
    return [str(problem) for problem in caught.value.problems]


def test_a_platform_needs_a_domain_and_four_decisions() -> None:
    """Everything else has a default."""
    loaded = read(HEAD)
    (warning,) = loaded.warnings
    assert "nothing is backed up at night" in warning
    assert loaded.platform.projects == ()
    assert told("name: x\n") == [
        "1: domain: required, and it is missing",
        "1: gitea.mode: required, and it is missing: one of external, install",
        "1: prerequisites.cert_manager.mode: required, and it is missing: one of external, install",
        "1: registry.mode: required, and it is missing: one of external, install",
    ]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("images: {sourc: ./x}", '5: images.sourc: unknown key, did you mean "source"?'),
        ("namspace: x", '5: namspace: unknown key, did you mean "namespace"?'),
        ("namspace:", '5: namspace: unknown key, did you mean "namespace"?'),
        ("woodpecker: {agents: {replica: 2}}", '5: woodpecker.agents.replica: unknown key, did you mean "replicas"?'),
        ("woodpecker: {rwx: true}", "5: woodpecker.rwx: unknown key; there is one of this name at `woodpecker.workspace.rwx`"),
        ("mtls: true", "5: mtls: unknown key; there is one of this name at `buildkit.mtls`"),
        ("xyzzy: true", "5: xyzzy: unknown key"),
        ("market_gate: {display_zones: [UTC]}", '5: market_gate.display_zones: unknown key, did you mean "zones"?'),
        (
            'market_gate: {windows: [{name: a, kind: open, since: "09:30", from: "09:30", until: "10:00", days: [monday]}]}',
            '5: market_gate.windows[a].from: unknown key, did you mean "since"?',
        ),
        (
            "woodpecker:\n  chart:\n    - 1",
            "6: woodpecker.chart: must be a map of the keys source, name, version, digest, release, namespace,",
        ),
        ("woodpecker: {chart: {versoin: 1.2.3}}", '5: woodpecker.chart.versoin: unknown key, did you mean "version"?'),
        ("woodpecker: {storage: {kind: NFS}}", '5: woodpecker.storage.kind: "NFS" is none of block, nfs, did you mean "nfs"?'),
    ],
)
def test_a_key_or_a_choice_that_does_not_exist_is_told_with_the_one_that_was_meant(written: str, problem: str) -> None:
    """At each level; also where the key stands elsewhere."""
    assert [line[: len(problem)] for line in told(HEAD, written + "\n")] == [problem]


def test_a_project_is_called_by_its_name() -> None:
    """Not by its number in the list."""
    text = SHOP.replace("promotion: auto", "promotion: automatic")
    assert told(HEAD, text) == ['10: projects[shop].stages[beta].promotion: "automatic" is none of auto, manual, did you mean "auto"?']


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (
            "woodpecker: {chart: {version: 1.10}}",
            '5: woodpecker.chart.version: `1.10` without quotes is the number 1.1 to YAML; write "1.10"',
        ),
        ("images: {tag: 1.5}", '5: images.tag: `1.5` without quotes is a number to YAML, not a text; write "1.5"'),
        ("images: {tag: 012}", '5: images.tag: `012` without quotes is the number 10 to YAML; write "012"'),
        ("images: {tag: 12345e6}", '5: images.tag: `12345e6` without quotes is the number 12345000000.0 to YAML; write "12345e6"'),
        ("labels: {country: no}", '5: labels.country: `no` without quotes is a yes or no to YAML, not a text; write "no"'),
        ("labels: {a: On}", '5: labels.a: `On` without quotes is a yes or no to YAML, not a text; write "On"'),
        ("buildkit: {mtls: 'yes'}", "5: buildkit.mtls: must be true or false, not a text"),
        ("woodpecker: {agents: {replicas: '2'}}", "5: woodpecker.agents.replicas: must be a whole number, not a text"),
        ("woodpecker: {agents: {replicas: 0}}", "5: woodpecker.agents.replicas: must be at least 1"),
        ("timeouts: {ready: 30}", "5: timeouts.ready: 30 of what? Write the unit: 30s, 30m"),
        ("timeouts: {ready: soon}", "5: timeouts.ready: is not a duration: 30s, 10m, 1h30m"),
        ("timeouts: {ready: 0s}", "5: timeouts.ready: must be longer than nothing"),
        ("hand_managers: k9s", "5: hand_managers: must be a list: each element on a line of its own, with `- ` in front"),
        ("namespace: {a: 1}", "5: namespace: must be a text, not a map"),
        ("labels: [a]", "5: labels: must be a map, not a list"),
        ("version: 2", "5: version: 2 is none of 1"),
        ("kargo:\n  host: https://kargo.lan", '6: kargo.host: "https://kargo.lan" is an address; write the host alone, without https://'),
        ("kargo: {host: 'kargo.lan:8080'}", '5: kargo.host: "kargo.lan:8080" has a port; write the host alone: kargo.lan'),
        ("kargo: {host: Kargo_.lan}", '5: kargo.host: "Kargo_.lan" is not a host name: letters a-z, digits, - and . between them'),
        ("name: My_Platform", '5: name: "My_Platform" is not a name: letters a-z, digits and - between them'),
        (f"name: {'x' * 64}", "5: name: has 64 characters, at most 63 are possible"),
        ("buildkit: {storage: {size: 50GB}}", '5: buildkit.storage.size: "50GB" is not a size: 5Gi (1024s), 10G (1000s)'),
        ("images: {project: Local}", "5: images.project: 'Local' has upper-case letters; repository names are lower case: 'local'"),
        (
            "woodpecker: {bootstrap_url: ci.lan}",
            '5: woodpecker.bootstrap_url: "ci.lan" is not an address: http://host:port or https://host',
        ),
        (
            "woodpecker: {bootstrap_url: 'http://u:p@ci.lan'}",
            "5: woodpecker.bootstrap_url: holds a login; it belongs into a secret",
        ),
        (
            "woodpecker: {bootstrap_url: 'http://ci.lan:99999'}",
            '5: woodpecker.bootstrap_url: "http://ci.lan:99999" is not an address: Port out',
        ),
        (
            "woodpecker: {bootstrap_url: 'http://ci.lan/?x'}",
            '5: woodpecker.bootstrap_url: "http://ci.lan/?x" has more than scheme, host, port',
        ),
        ("woodpecker: {chart: {version: ^3.6}}", '5: woodpecker.chart.version: "^3.6" is not one exact version (3.6.5); a range would'),
        (
            "woodpecker: {chart: {source: ghcr.io/x}}",
            '5: woodpecker.chart.source: "ghcr.io/x" is no source of charts: oci://..., https://..., or',
        ),
        ("woodpecker: {chart: {digest: abc}}", "5: woodpecker.chart.digest: is not a digest: sha256: and 64 hexadecimal digits"),
        (
            "woodpecker: {trusted_plugins: [mirror]}",
            '5: woodpecker.trusted_plugins[0]: "mirror" is not the full name of an image: registry/path/name',
        ),
        (
            "woodpecker: {trusted_plugins: ['r.lan:5000/a/b']}",
            '5: woodpecker.trusted_plugins[0]: "r.lan:5000/a/b" is not the full name of an',
        ),
        (
            "woodpecker: {trusted_plugins: [r.lan/a/b]}",
            '5: woodpecker.trusted_plugins[0]: "r.lan/a/b" has no tag; write the full name with tag',
        ),
        (
            "storage: {server: nas, kargo: {path: kargo}}",
            '5: storage.kargo.path: "kargo" is not a path of the NFS server: it begins with /',
        ),
        ("storage: {kargo: {path: /kargo}}", "5: storage.server: required, and it is missing"),
        (
            "ca: {file: a.pem, secret: {namespace: a, name: b, key: c}}",
            "5: ca: says file and secret; write one of file, secret, config_map",
        ),
        ("ca: {}", "5: ca: says nothing; write one of file, secret, config_map"),
    ],
)
def test_a_value_that_can_not_be_is_told_in_the_users_words(written: str, problem: str) -> None:
    """One sentence each, with the line and the key."""
    assert [line[: len(problem)] for line in told(HEAD, written + "\n")] == [problem]


@pytest.mark.parametrize(
    ("changed", "to", "problem"),
    [
        (
            "chart_path: deploy/shop",
            "chart_path: /deploy",
            '8: projects[shop].chart_path: "/deploy" leaves the repository; write a path from',
        ),
        ("chart_path: deploy/shop", "repository: platform/shop", "5: projects[shop].chart_path: required"),
        (
            "chart_path: deploy/shop",
            "chart_path: a\n    repository: platform/shop",
            "9: projects[shop].repository: must be a map of the keys owner, name",
        ),
        (
            "chart_path: deploy/shop",
            "chart_path: a\n    repository: {owner: admin}",
            '9: projects[shop].repository.owner: "admin" is a name that Gitea',
        ),
        (
            "chart_path: deploy/shop",
            "chart_path: a\n    mirror: {remote: 'https://github.com/a/b', deploy_key: {env: K}}",
            "9: projects[shop].mirror.rem",
        ),
        (
            "chart_path: deploy/shop",
            "chart_path: a\n    mirror: {remote: 'git@github.com:a/b'}",
            "9: projects[shop].mirror.deploy_key: required",
        ),
        (
            "chart_path: deploy/shop",
            "chart_path: a\n    secrets: {Token: {value: {env: T}}}",
            '9: projects[shop].secrets.Token: "Token" is not the',
        ),
        (
            "chart_path: deploy/shop",
            "chart_path: a\n    secrets: {t: {value: {env: T}, events: [pushed]}}",
            '9: projects[shop].secrets.t.events[0]: "pus',
        ),
        (
            "chart_path: deploy/shop",
            "chart_path: a\n    secrets: {t: {value: {env: T}, events: []}}",
            "9: projects[shop].secrets.t.events: needs at leas",
        ),
        ("{name: beta, promotion: auto}", "beta", "10: projects[shop].stages[0]: must be a map of the keys name, namespace, application,"),
        (
            "{name: beta, promotion: auto}",
            "{name: beta, promotion: auto, values_files: []}",
            "10: projects[shop].stages[beta].values_files: needs at",
        ),
        ("{name: beta, promotion: auto}", "{promotion: auto}", "10: projects[shop].stages[0].name: required, and it is missing"),
        ("name: shop", "name: Shop_1", '6: projects[Shop_1].name: "Shop_1" is not a name: letters a-z, digits and - between them'),
        ("name: shop", "name:", "6: projects[0].name: required, and nothing is written behind it"),
    ],
)
def test_a_value_of_a_project_that_can_not_be_is_told(changed: str, to: str, problem: str) -> None:
    """Once, and not again in the names that are made of it."""
    found = told(HEAD, SHOP.replace(changed, to))
    assert any(problem.split(": ", 1)[1] in line for line in found), found
    assert len(found) == (2 if "chart_path: required" in problem else 1)


@pytest.mark.parametrize("name", ["admin", "Admin", "api", "user", "ghost", "v2", "x.keys"])
def test_a_name_that_gitea_keeps_for_itself_is_refused_with_the_reason(name: str) -> None:
    """As its own wizard and API would, only later."""
    (problem,) = told(HEAD.replace("gitea: {mode: install}", f"gitea: {{mode: install, admin: {{name: {name}}}}}"))
    assert problem.startswith(f'3: gitea.admin.name: "{name}" is a name that Gitea keeps for itself')
    assert problem.endswith("take another, such as platform")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: is empty; `bootstrap init` writes a file to begin with"),
        ("# only this\n", "1: is empty; `bootstrap init` writes a file to begin with"),
        ("- a\n", "1: must be a map of keys, such as `domain: example.lan`"),
        ("gitea:\n\tmode: install\n", "2: is indented with a tab; YAML takes blanks only"),
        ("gitea:\n  mode: install\n \tssh_port: 1\n", "3: is indented with a tab; YAML takes blanks only"),
        ("a: b: c\n", "1: has a second `: `, or is indented otherwise"),
        ("a: 1\n---\nb: 2\n", "2: begins a second document with `---`; a platform is one"),
        ("a: 'x\n", "2: begins a quote that never ends"),
        ("a: *x\n", "1: names an anchor that does not exist before it"),
        ("a: %x\n", "1: begins with %; put it into quotes"),
        ('a: "\\d"\n', '1: has a backslash in "..."; write it twice'),
        ("a:\n  b: 1\n c: 2\n", "3: is not indented like its neighbours"),
        ("a: \x07\n", "1: has a character that YAML does not allow (number 0x7)"),
        ("[" * 500, "1: is nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_explained(text: str, problem: str) -> None:
    """Where it is, and what is meant by it."""
    (found,) = told(text)
    assert found.startswith(problem)


def test_a_key_that_stands_twice_is_told_with_both_lines() -> None:
    """In any map, also in free ones; PyYAML would let the second win."""
    found = told(HEAD, "woodpecker:\n  host: a.lan\n  chart: {values: {a: 1, a: 2}}\n  host: b.lan\n")
    assert found == [
        "7: `a` stands twice, first in line 7; the second would silently win",
        "8: `host` stands twice, first in line 6; the second would silently win",
    ]


@pytest.mark.parametrize("text", ["labels: !vault x\n", "labels: {a: !env X}\n"])
def test_a_tag_of_another_program_is_refused(text: str) -> None:
    """Somebody may expect it to be resolved."""
    assert any("is a YAML tag, which means nothing here; secrets are written {env: NAME}" in line for line in told(HEAD, text))


def test_anchors_and_merges_work() -> None:
    """As in every other YAML file."""
    text = """\
    woodpecker:
      chart: &chart {timeout: 3m, take_ownership: true}
    kargo:
      chart:
        <<: *chart
        take_ownership: false
    """
    platform = read(HEAD, text).platform
    assert (platform.kargo.chart.timeout.total_seconds(), platform.kargo.chart.take_ownership) == (180, False)


def test_an_alias_to_what_is_around_it_is_refused() -> None:
    """It would never end."""
    assert told(HEAD, "labels: &a\n  b: *a\n") == ["6: holds itself, by an alias"]


def test_free_values_reach_helm_as_helm_would_read_them() -> None:
    """Booleans of YAML 1.1 and octal numbers, but no base-60 numbers and no dates."""
    text = "{a: on, b: 010, c: 30:22, d: 2026-11-23, e: 1e3, f: '1', g: ~, h: 0x1F, i: -1.5, j: 1_000, k: .5, l: [x, 2]}"
    values = read(HEAD, f"kargo: {{chart: {{values: {text}}}}}\n").platform.kargo.chart.values
    assert values == {
        "a": True, "b": 8, "c": "30:22", "d": "2026-11-23", "e": 1000.0, "f": "1", "g": None, "h": 31, "i": -1.5, "j": 1000, "k": 0.5,
        "l": ["x", 2],
    }  # fmt: skip


def test_a_section_whose_keys_are_all_commented_out_is_as_if_it_were_not_there() -> None:
    """A file of `bootstrap init` is full of them."""
    assert read(HEAD, "woodpecker:\nkargo:\n  chart:\nstorage:\narc:\nprojects:\n").platform == read(HEAD).platform


def test_everything_is_told_at_once() -> None:
    """What is wrong with single values, and also what can't go together in the rest of the file."""
    text = """\
    contxt: x
    kargo: {host: ci.example.lan}
    storage:
      server: nas
      argo_cd: {path: /v/argocd, size: big}
      kargo: {path: /v}
      woodpecker: {path: /v/wp}
    projects:
      - {name: shop, chart_path: deploy, stages: [{name: beta, promotion: auto}]}
      - name: bank
        watched_image: api
        chart_path: deploy
        kargo: {namespace: bank-beta}
        stages: [{name: beta, promotion: auto}, {name: live, promotion: auto, after: paper}]
    """
    around = "is inside of, or around, the folder of another volume: they would overwrite each other"
    both = "a Kargo project, which takes its namespace along when it is deleted, and also a running application"
    assert told(HEAD, text) == [
        '5: contxt: unknown key, did you mean "context"?',
        "6: kargo.host: ci.example.lan already leads to another part of the platform; each needs a host name of its own",
        '9: storage.argo_cd.size: "big" is not a size: 5Gi (1024s), 10G (1000s)',
        f"10: storage.kargo.path: /v {around} (storage.argo_cd.path, line 9)",
        f"11: storage.woodpecker.path: /v/wp {around} (storage.kargo.path, line 10)",
        "13: projects[shop].watched_image: required, and it is missing",
        f"17: projects[bank].kargo.namespace: bank-beta would hold {both}; they need namespaces of their own",
        "18: projects[bank].stages[live].after: there is no stage paper in this project; there are beta, live",
    ]


def test_what_hangs_on_a_wrong_value_is_not_told_as_well() -> None:
    """A stage that nobody can read is not missing, a domain that is wrong makes no wrong hosts."""
    assert told(HEAD.replace("example.lan", "Example.lan"), SHOP) == [
        '1: domain: "Example.lan" is not a host name: letters a-z, digits, - and . between them'
    ]
    text = SHOP.replace("{name: beta, promotion: auto}", "{name: beta, promotion: auto, namespace: B_}")
    assert told(HEAD, text) == ['10: projects[shop].stages[beta].namespace: "B_" is not a name: letters a-z, digits and - between them']


def test_one_problem_is_the_error_itself_and_many_are_its_details() -> None:
    """Each with the file's name, so that an editor jumps there; the command exits 1, since 2 means changes."""
    with pytest.raises(PlatformError) as one:
        read(HEAD, "nam: x\n")
    assert (one.value.message, one.value.details, one.value.exit_code) == ('platform.yaml:5: nam: unknown key, did you mean "name"?', (), 1)
    with pytest.raises(PlatformError) as two:
        read(HEAD, "nam: x\nlabel: 1\n")
    assert two.value.message == "platform.yaml has 2 problems"
    assert [line.partition(" ")[0] for line in two.value.details] == ["platform.yaml:5:", "platform.yaml:6:"]


def test_a_file_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    """The first thing that a new user sees."""
    with pytest.raises(PluginError) as caught:
        load(tmp_path / "platform.yaml")
    assert caught.value.message == f"there is no {tmp_path / 'platform.yaml'}"
    assert caught.value.hint == "`bootstrap init` writes one; --file names another"


def test_a_file_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    """A folder, or not text."""
    (tmp_path / "x.yaml").write_bytes(b"domain: \xff\xfe")
    with pytest.raises(PluginError, match="it is not UTF-8 text"):
        load(tmp_path / "x.yaml")
    with pytest.raises(PluginError, match="Is a directory"):
        load(tmp_path)


def test_paths_of_the_file_are_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the command runs; `~` is a home."""
    (tmp_path / "platform.yaml").write_text(HEAD)
    monkeypatch.setitem(os.environ, "HOME", "/home/ci")
    loaded = load(tmp_path / "platform.yaml")
    assert loaded.path("./images") == tmp_path / "images"
    assert loaded.path("~/keys/deploy") == Path("/home/ci/keys/deploy")
    assert loaded.path("/etc/ca.pem") == Path("/etc/ca.pem")
