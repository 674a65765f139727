"""What can't go together in platform.yaml, and what is possible but unwise."""

from pathlib import Path

import pytest

from bootstrap.platform.load import parse
from bootstrap.platform.problems import PlatformError

FILE = Path("platform.yaml")
HEAD = """\
domain: example.lan
prerequisites: {cert_manager: {mode: external}}
gitea: {mode: external, namespace: git-server}
backup: {enabled: false}
"""
REGISTRY = "registry: {mode: external, namespace: git-server}\n"
SHOP = """\
  - name: shop
    watched_image: api
    chart_path: deploy/shop
    stages:
      - {name: beta, promotion: auto}
      - {name: live, promotion: manual, promoters: {groups: [ops]}}
"""
BANK = SHOP.replace("shop", "bank")
STORAGE = "storage: {server: nas, woodpecker: {path: /v/woodpecker}}\n"


def errors(*parts: str, registry: str = REGISTRY) -> list[str]:
    """Return what is wrong, without lines."""
    try:
        parse(HEAD + registry + "".join(parts), FILE)
    except PlatformError as error:
        return [f"{problem.key}: {problem.text}" for problem in error.problems]
    return []


def warnings(*parts: str, registry: str = REGISTRY) -> list[str]:
    """Return what is unwise, without file and line."""
    return [each.partition(" ")[2] for each in parse(HEAD + registry + "".join(parts), FILE).warnings]


def one(found: list[str], *words: str) -> None:
    """Check that there is one finding, and that it has these words."""
    assert len(found) == 1, found
    for word in words:
        assert word in found[0]


def test_two_projects_beside_each_other_are_fine() -> None:
    """Nothing of theirs clashes by default."""
    assert errors("projects:\n", SHOP, BANK) == []
    assert warnings("projects:\n", SHOP, BANK) == []


@pytest.mark.parametrize(
    ("written", "key", "words"),
    [
        ("    kargo: {namespace: shop-live}\n", "projects[shop].kargo.namespace", "a Kargo project, which takes its namespace along"),
        ("    kargo: {namespace: git-server}\n", "projects[shop].kargo.namespace", "Gitea or the registry, which `bootstrap down` keeps"),
        ("    kargo: {namespace: kargo}\n", "projects[shop].kargo.namespace", "a part of the platform, which `bootstrap down` deletes"),
        ("    kargo: {namespace: local-cicd}\n", "projects[shop].kargo.namespace", "the platform itself"),
        ("    kargo: {namespace: default}\n", "projects[shop].kargo.namespace", "default belongs to the cluster"),
        (
            "    integration_tests: {namespaces: [shop-live]}\n",
            "projects[shop].integration_tests.namespaces[0]",
            "which may delete everything in it",
        ),
        (
            "    integration_tests: {namespaces: [kube-system]}\n",
            "projects[shop].integration_tests.namespaces[0]",
            "belongs to the cluster",
        ),
        ("woodpecker: {chart: {namespace: shop-live}}\n", "woodpecker.chart.namespace", "a running application"),
        ("woodpecker: {workspace: {namespace: git-server}}\n", "woodpecker.workspace.namespace", "Gitea or the registry"),
        ("kargo: {chart: {namespace: kube-system}}\n", "kargo.chart.namespace", "belongs to the cluster"),
        ("buildkit: {namespace: local-cicd}\n", "buildkit.namespace", "the platform itself"),
        ("arc: {namespace: git-server}\n", "arc.namespace", "Actions Runner Controller, which is removed with its namespace"),
        ("arc: {namespace: argocd}\n", "arc.namespace", "a part of the platform"),
        ("argo_rollouts: {enabled: true, chart: {namespace: shop-live}}\n", "argo_rollouts.chart.namespace", "a running application"),
    ],
)
def test_what_deletes_its_namespace_shares_it_with_nothing_else(written: str, key: str, words: str) -> None:
    """A Kargo project, `bootstrap down`, the removal of ARC, integration tests."""
    found = errors("projects:\n", SHOP, written)
    assert any(each.startswith(f"{key}: ") and words in each for each in found), found


def test_a_clash_of_namespaces_names_both_places() -> None:
    """Also the line of the other one, where it is written."""
    text = SHOP.replace("{name: beta, promotion: auto}", "{name: beta, promotion: auto, namespace: apps}")
    found = errors("projects:\n", text, "    kargo: {namespace: apps}\n")
    one(found, "apps would hold a Kargo project", "and also a running application", "(projects[shop].stages[beta].namespace, line 11)")


def test_parts_of_the_platform_may_share_a_namespace() -> None:
    """`down` deletes all of them anyway."""
    chart = "{chart: {namespace: cicd}}"
    assert errors(f"woodpecker: {chart}\nargo_cd: {chart}\nkargo: {chart}\nbuildkit: {{namespace: cicd}}\n") == []


def test_a_part_that_is_not_installed_has_no_namespace() -> None:
    """Nothing is deleted for it."""
    assert errors("buildkit: {enabled: false, namespace: git-server}\nargo_rollouts: {chart: {namespace: git-server}}\n") == []


def test_two_stages_do_not_share_a_namespace() -> None:
    """Neither of one project nor of two: their releases would fight."""
    text = SHOP.replace("promoters:", "namespace: shop-beta, promoters:")
    one(
        errors("projects:\n", text), "projects[shop].stages[live].namespace: shop-beta would hold a running application, and also a running"
    )


@pytest.mark.parametrize(
    ("changed", "to", "words"),
    [
        ("name: bank", "name: shop", "there are two projects shop"),
        ("watched_image: api", "watched_image: api\n    repository: {name: shop}", "two projects have the repository platform/shop"),
        ("watched_image: api", "watched_image: api\n    repository: {name: Shop}", "two projects have the repository platform/shop"),
        ("watched_image: api", "watched_image: api\n    registry_project: shop", "two projects have their images in shop"),
        ("watched_image: api", "watched_image: api\n    registry_project: local-cicd", "local-cicd holds the platform's own images"),
        ("promotion: auto", "promotion: auto, application: shop-beta", "two stages have the Application shop-beta"),
        ("watched_image: api", "watched_image: api\n    kargo: {namespace: shop-cd}", "shop-cd would hold a Kargo project"),
    ],
)
def test_projects_share_nothing(changed: str, to: str, words: str) -> None:
    """Adding one must change nothing of the others."""
    found = errors("projects:\n", SHOP, BANK.replace(changed, to))
    assert any(words in each for each in found), found


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (
            "{name: live, promotion: auto, after: bta}",
            "projects[shop].stages[live].after: there is no stage bta in this project; there are beta, live",
        ),
        (
            "{name: live, promotion: auto, after: live}",
            "projects[shop].stages[live].after: live comes after itself: no commit could ever reach it",
        ),
        ("{name: beta, promotion: auto, namespace: x, application: y}", "there are two stages beta"),
        (
            "{name: live, promotion: auto, promoters: {users: [a]}}",
            "promoters: the stage promotes by itself; promoters are for `promotion: manual`",
        ),
    ],
)
def test_a_chain_of_stages_that_leads_nowhere_is_refused(live: str, words: str) -> None:
    """Kargo would take it and never promote."""
    found = errors("projects:\n", SHOP.replace("{name: live, promotion: manual, promoters: {groups: [ops]}}", live))
    assert any(words in each for each in found), found


def test_what_hangs_on_a_name_that_is_there_twice_is_not_told_as_well() -> None:
    """Namespace, Application and the stage before are made of it; both lines stand there."""
    twice = SHOP.replace("name: live", "name: beta") + "      - {name: paper, promotion: auto, after: beta}\n"
    with pytest.raises(PlatformError) as caught:
        parse(HEAD + REGISTRY + "projects:\n" + twice, FILE)
    assert [str(problem) for problem in caught.value.problems] == [
        "12: projects[shop].stages[beta].name: there are two stages beta (the other one is in line 11)"
    ]


def test_stages_in_a_circle_are_refused() -> None:
    """All of them are told."""
    stages = SHOP.replace("promotion: auto", "promotion: auto, after: live")
    found = errors("projects:\n", stages)
    assert [each.partition(":")[0] for each in found] == ["projects[shop].stages[beta].after", "projects[shop].stages[live].after"]


def test_two_stages_may_come_after_the_same_one() -> None:
    """Or none: null says so."""
    text = SHOP + "      - {name: canary, promotion: auto, after: beta}\n      - {name: lab, promotion: auto, after: null}\n"
    stages = parse(HEAD + REGISTRY + "projects:\n" + text, FILE).platform.projects[0].stages
    assert [(stage.name, stage.after) for stage in stages] == [("beta", None), ("live", "beta"), ("canary", "beta"), ("lab", None)]


def test_names_of_the_platforms_own_secrets_are_taken() -> None:
    """One would overwrite the other."""
    found = errors("projects:\n", SHOP, "    secrets: {kargo_token: {value: {env: T}}, other: {value: {env: T}}}\n")
    one(found, "projects[shop].secrets.kargo_token: is made by the platform itself; take another name")


def test_the_release_records_are_not_watched_as_an_image() -> None:
    """The chart could not pull them."""
    one(errors("projects:\n", SHOP.replace("api", "releases")), "releases holds the release records")


def test_host_names_lead_to_one_part_each() -> None:
    """Also where one of them is made of the domain."""
    one(errors("argo_cd: {host: ci.example.lan}\n"), "argo_cd.host: ci.example.lan already leads to another part of the platform")
    registry = "registry: {mode: install, host: 'ci.example.lan:443'}\n"
    one(errors(registry=registry), "registry.host: ci.example.lan already leads to another")


def test_a_gitea_that_is_installed_has_a_host_name_of_its_own() -> None:
    """One that is there may be behind the same ingress as it likes."""
    head = HEAD.replace("namespace: git-server", "endpoint: {public_url: 'https://kargo.example.lan'}")
    assert parse(head + REGISTRY, FILE).warnings == ()
    with pytest.raises(PlatformError, match=r"kargo\.example\.lan already leads to another part"):
        parse(head.replace("gitea: {mode: external", "gitea: {mode: install") + REGISTRY, FILE)


@pytest.mark.parametrize("path", ["/v/woodpecker", "/v/woodpecker/", "/v", "/v/woodpecker/kargo"])
def test_volumes_have_folders_of_their_own(path: str) -> None:
    """Neither the same nor one inside of the other."""
    one(
        errors(STORAGE.replace("nas,", f"nas, kargo: {{path: {path}}},")), "they would overwrite each other", "(storage.kargo.path, line 6)"
    )


def test_volumes_have_names_of_their_own() -> None:
    """PersistentVolumes know no namespaces."""
    volume = "kargo: {path: /v/kargo, persistent_volume: pipeline-woodpecker-pv},"
    one(errors(STORAGE.replace("nas,", f"nas, {volume}")), "there are two PersistentVolumes pipeline-woodpecker-pv")


def test_folders_with_similar_names_are_different() -> None:
    """/v/woodpecker is not around /v/woodpecker-old."""
    assert errors(STORAGE.replace("nas,", "nas, kargo: {path: /v/woodpecker-old},")) == []


def test_a_server_on_nfs_needs_its_volume() -> None:
    """And one that is big enough."""
    postgres = "database: {driver: postgres, datasource: {env: D}}"
    one(errors(f"woodpecker: {{storage: {{kind: nfs}}, {postgres}}}\n"), "woodpecker.storage.kind: there is no volume on NFS for it")
    big = errors(STORAGE, f"woodpecker: {{storage: {{kind: nfs, size: 6Gi}}, {postgres}}}\n")
    one(big, "the claim of 6Gi is bigger than its volume of 5Gi and would wait for ever")
    assert errors(STORAGE, f"woodpecker: {{storage: {{kind: nfs, size: 5000M}}, {postgres}}}\n") == []


def test_the_volume_waits_for_the_claim_that_the_chart_makes() -> None:
    """Another release has another claim."""
    text = "woodpecker: {storage: {kind: nfs}, chart: {release: wp}}\n"
    found = errors(STORAGE, text)
    one(
        found, "storage.woodpecker.claim: the volume waits for a claim data-woodpecker-server-0, but the chart's is called data-wp-server-0"
    )
    assert errors(STORAGE.replace("/v/woodpecker}", "/v/woodpecker, claim: data-wp-server-0}"), text) == []


def test_sqlite_on_nfs_is_warned_about() -> None:
    """Postgres there, or SQLite elsewhere, is not."""
    nfs = "storage: {kind: nfs}"
    one(warnings(STORAGE, f"woodpecker: {{{nfs}}}\n"), "SQLite on NFS locks badly", "database.driver: postgres", "storage.kind: block")
    assert warnings(STORAGE, f"woodpecker: {{{nfs}, database: {{driver: postgres, datasource: {{env: D}}}}}}\n") == []
    assert warnings("woodpecker: {storage: {kind: block}}\n") == []


def test_postgres_has_an_address_and_sqlite_has_none() -> None:
    """One without the other is a mistake."""
    one(errors("woodpecker: {database: {driver: postgres}}\n"), "woodpecker.database: postgres needs a `datasource`")
    one(errors("woodpecker: {database: {datasource: {env: D}}}\n"), "woodpecker.database: sqlite3 has no `datasource`; it is a file")


def test_shared_workspaces_without_a_class_are_warned_about() -> None:
    """On k3s all pipelines would hang."""
    rwx = "woodpecker: {workspace: {rwx: true}}\n"
    one(warnings(rwx), "woodpecker.workspace.rwx", "local-path", "all pipelines hang in Pending", "`rwx: false`")
    assert warnings("woodpecker: {workspace: {rwx: true, storage_class: nfs}}\n") == []
    named = parse((HEAD + REGISTRY + rwx).replace("external}}", "external}, rwx_storage_class: nfs}"), FILE)
    assert (named.warnings, named.platform.woodpecker.workspace.storage_class) == ((), "nfs")


@pytest.mark.parametrize(
    ("host", "is_warned"),
    [
        ("registry.example.lan", True),
        ("registry.example.lan:5000", True),
        ("registry.local", True),
        ("'192.168.42.8:5000'", False),
        ("'[fd00::1]:5000'", False),
        ("'localhost:5000'", False),
    ],
)
def test_plain_http_under_a_name_is_warned_about(host: str, is_warned: bool) -> None:
    """Kargo speaks https to every name, and has no setting for that."""
    found = warnings(registry=f"registry: {{mode: external, plain_http: true, host: {host}}}\n")
    assert bool(found) is is_warned
    if is_warned:
        one(found, "registry.plain_http", "Kargo speaks only https to a name", "IP address")


def test_a_registry_that_is_installed_speaks_https() -> None:
    """It stands behind the ingress."""
    found = errors(registry="registry: {mode: install, plain_http: true, host: '10.0.0.1:5000'}\n")
    one(found, "registry.plain_http: a registry that is installed here speaks https; leave this out")


def test_a_manual_stage_that_nobody_may_promote_to_is_warned_about() -> None:
    """But Kargo's administrator, whom everybody would then have to be."""
    found = warnings("projects:\n", SHOP.replace(", promoters: {groups: [ops]}", ""))
    one(found, "projects[shop].stages[live].promotion", "nobody may promote to live but Kargo's own administrator")


def test_everything_that_gives_the_cluster_away_is_warned_about() -> None:
    """Each with what to do instead."""
    one(warnings("woodpecker: {agents: {rbac: cluster-admin}}\n"), "no step gets anything from it")
    one(warnings("woodpecker: {privileged_plugins: ['r.lan/a/buildx:1']}\n"), "every step that runs r.lan/a/buildx:1 is root on its node")
    apart = "woodpecker: {workspace: {namespace: pipelines}}\n"
    found = warnings(apart, "projects:\n", SHOP, "    integration_tests: {rbac: cluster-admin}\n")
    one(found, "whoever can push to a repository of this Woodpecker can do everything on the cluster")


def test_tests_beside_the_server_are_warned_about() -> None:
    """Their step may name a ServiceAccount, and so may every other one."""
    tests = "    integration_tests: {namespaces: [shop-tests]}\n"
    one(
        warnings("projects:\n", SHOP, tests),
        "woodpecker.workspace.namespace",
        "any ServiceAccount in woodpecker",
        "a namespace of their own",
    )
    assert warnings("woodpecker: {workspace: {namespace: pipelines}}\nprojects:\n", SHOP, tests) == []


def test_scoped_tests_need_a_scope() -> None:
    """Else they could do nothing at all."""
    one(errors("projects:\n", SHOP, "    integration_tests: {}\n"), "name a namespace for them in `namespaces`")
    assert errors("projects:\n", SHOP, "    integration_tests: {namespaces: [shop-tests]}\n") == []


def test_variables_of_the_steps_hold_no_comma() -> None:
    """Woodpecker would split them there."""
    one(errors("woodpecker: {environment: {HOSTS: 'a,b'}}\n"), "woodpecker.environment.HOSTS: Woodpecker takes these as one comma list")
    assert errors("woodpecker: {environment: {URL: 'https://a.lan:1'}}\n") == []


def test_a_warning_stands_at_the_line_that_causes_it(tmp_path: Path) -> None:
    """Not where something else is written, or nothing."""
    (tmp_path / "images").mkdir()
    written = HEAD.replace("backup: {enabled: false}\n", "images: {source: images}\n") + REGISTRY
    written += "storage: {server: nas, kargo: {path: /v/kargo}}\nprojects:\n" + SHOP.replace("auto}", "auto, gate: hold}")
    places = [each.partition("platform.yaml:")[2].split(": ")[:3] for each in parse(written, tmp_path / "platform.yaml").warnings]
    assert [place[:2] for place in places] == [
        ["4", "images.source"],
        ["6", "storage.kargo"],
        ["12", "projects[shop].stages[beta].gate"],
    ]
    assert [place[2].split(", since")[0] for place in places] == [
        "images is taken for a registry's path",
        "no secret is in the nightly export to it",
        "nobody may break glass",
    ]


def test_a_registry_that_is_called_like_no_folder_is_fine(tmp_path: Path) -> None:
    """And so is a folder that is named as one."""
    (tmp_path / "images").mkdir()
    for source in ("./images", "registry.example.lan/local-cicd"):
        assert parse(f"{HEAD}{REGISTRY}images: {{source: {source}}}\n", tmp_path / "platform.yaml").warnings == ()
