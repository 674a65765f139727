"""What is asked of the chart of Kargo, and the account of its administrator."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from bootstrap.components.authority import new_authority
from bootstrap.components.kargo.account import HASH, PASSWORD, SIGNING_KEY
from bootstrap.components.kargo.component import Kargo
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest
from bootstrap.core.record import RecordResource
from bootstrap.core.release import ReleaseResource
from bootstrap.core.resource import Awaited, Resource
from tests.support.bootstrap_run import a_platform
from tests.support.chart_values import unknown
from tests.support.still_cluster import StillCluster, manifest_of, record

CERTIFICATE = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
SIGNS = "5e" * 32
RELEASE = "Helm release kargo/kargo"
SECRET = "Secret kargo/kargo-admin-account"
FAST = 4


def account(password: str = "correct horse", hashed: str = "correct horse") -> Manifest:
    """Write the Secret of record of the account."""
    there = bcrypt.hashpw(hashed.encode(), bcrypt.gensalt(FAST)).decode()
    return record(a_platform(), "kargo", **{PASSWORD: password, HASH: there, SIGNING_KEY: SIGNS})


def context(*objects: Manifest, folder: Path | None = None, **platform: Any) -> Context:  # noqa: ANN401  keys of platform.yaml
    """Return a run on a cluster with these objects."""
    return StillCluster(*objects).context(a_platform(**platform), folder)


def values(*objects: Manifest, folder: Path | None = None, **platform: Any) -> Any:  # noqa: ANN401  any YAML
    """Return the values of the release, where the account is there."""
    found = {each.label: each for each in Kargo().resources(context(*(objects or (account(),)), folder=folder, **platform))}
    release = found[RELEASE]
    assert isinstance(release, ReleaseResource)
    return release.values


def the_record(resources: Any) -> RecordResource:  # noqa: ANN401  resources
    """Return the record of the account."""
    assert isinstance(resources[0], RecordResource)
    return resources[0]


def decoded(manifest: Manifest) -> dict[str, str]:
    """Return the data of a Secret."""
    return {key: base64.b64decode(value).decode() for key, value in manifest["data"].items()}


def test_the_first_run_makes_password_hash_and_key_in_one_go() -> None:
    """Made one after the other, a death in between would leave a hash of another password."""
    resources = Kargo().resources(context())
    made = {key: make() for key, make in the_record(resources).values.items()}
    assert set(made) == {PASSWORD, HASH, SIGNING_KEY}
    assert len(made[PASSWORD]) == 32
    assert bcrypt.checkpw(made[PASSWORD].encode(), made[HASH].encode())
    later = [each.label for each in resources if isinstance(each, Awaited)]
    assert later == [SECRET, RELEASE]


def test_a_hash_that_fits_is_kept() -> None:
    """Another one each time would restart Kargo with every run."""
    there = account()
    for _ in range(2):
        resources = Kargo().resources(context(there))
        assert the_record(resources).given == {}
        found = decoded(manifest_of(resources, SECRET))
        assert found == {"ADMIN_ACCOUNT_PASSWORD_HASH": decoded(there)[HASH], "ADMIN_ACCOUNT_TOKEN_SIGNING_KEY": SIGNS}


def test_a_new_password_of_the_persons_gets_a_new_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until both are recorded the Secret and the release can't be described; the key that signs tokens stays."""
    monkeypatch.setenv("KARGO_PASSWORD", "battery staple")
    resources = Kargo().resources(context(account(), kargo={"admin_password": {"env": "KARGO_PASSWORD"}}))
    given = the_record(resources).given
    assert given[PASSWORD] == "battery staple"
    assert bcrypt.checkpw(b"battery staple", given[HASH].encode())
    assert set(given) == {PASSWORD, HASH}
    assert [each.label for each in resources if isinstance(each, Awaited)] == [SECRET, RELEASE]


@pytest.mark.parametrize("hashed", ["another password", ""])
def test_a_hash_that_does_not_fit_is_made_again(hashed: str) -> None:
    """Somebody has changed the record by hand."""
    there = account(hashed="x")
    if hashed == "":
        there = record(a_platform(), "kargo", **{PASSWORD: "correct horse", HASH: "nonsense", SIGNING_KEY: SIGNS})
    given = the_record(Kargo().resources(context(there))).given
    assert bcrypt.checkpw(b"correct horse", given[HASH].encode())


def test_another_hash_or_key_restarts_the_api_server() -> None:
    """It reads its Secret only when it starts."""
    digests = {
        values(account())["api"]["podAnnotations"]["local-cicd.dev/account"],
        values(account("other", "other"))["api"]["podAnnotations"]["local-cicd.dev/account"],
        values(record(a_platform(), "kargo", **{**decoded(account()), SIGNING_KEY: "77" * 32}))["api"]["podAnnotations"][
            "local-cicd.dev/account"
        ],
    }
    assert len(digests) == 3


def test_no_secret_is_a_value_of_the_release() -> None:
    """Whoever may read releases would read them; the Secret is named instead."""
    there = account()
    found = values(there)
    assert found["api"]["secret"] == {"name": "kargo-admin-account"}
    for secret in decoded(there).values():
        assert secret not in str(found)
        assert hashlib.sha256(secret.encode()).hexdigest()[:16] not in str(found)


def test_it_is_reached_by_https_through_the_ingress() -> None:
    """TLS ends there, and addresses that Kargo gives away begin with https all the same."""
    api = values(prerequisites={"cert_manager": {"mode": "external", "issuer": "lan-ca"}})["api"]
    assert (api["host"], api["tls"]) == ("kargo.example.lan", {"enabled": False, "terminatedUpstream": True})
    assert api["ingress"] == {
        "enabled": True,
        "ingressClassName": "traefik",
        "annotations": {"cert-manager.io/cluster-issuer": "lan-ca"},
        "tls": {"enabled": True, "selfSignedCert": False, "secretName": "kargo-tls"},
    }
    assert api["argocd"]["urls"] == {"": "https://argocd.example.lan"}


@pytest.mark.parametrize(("address", "allowed"), [("http://gitea.git.svc:3000", True), ("https://git.example.lan", False)])
def test_credentials_go_over_http_only_where_gitea_has_nothing_else(address: str, *, allowed: bool) -> None:
    """Kargo would otherwise clone without a login and be refused."""
    found = values(gitea={"mode": "external", "endpoint": {"public_url": "https://git.example.lan", "cluster_url": address}})
    assert found["controller"]["allowCredentialsOverHTTP"] is allowed


@pytest.mark.parametrize("enabled", [True, False])
def test_verifications_are_on_where_argo_rollouts_is(*, enabled: bool) -> None:
    """With the kinds but without the controller they would never end."""
    found = values(argo_rollouts={"enabled": enabled})
    assert found["controller"]["rollouts"] == found["api"]["rollouts"] == {"integrationEnabled": enabled}


def test_it_finds_argo_cd_where_that_is_installed() -> None:
    """It would look in `argocd`."""
    found = values(argo_cd={"chart": {"namespace": "cd"}})
    assert found["controller"]["argocd"] == {"integrationEnabled": True, "namespace": "cd"}


def test_each_certificate_of_the_ca_has_a_key_of_its_own(tmp_path: Path) -> None:
    """Kargo asks for one in each; API server and controller are restarted for another CA, which they read when they start."""
    seen = set()
    for names in (("one", "two"), ("one", "three")):
        (tmp_path / "ca.pem").write_text("".join(CERTIFICATE.format(name) for name in names))
        run = context(account(), folder=tmp_path, ca={"file": "ca.pem"})
        resources = Kargo().resources(run)
        data = manifest_of(resources, "ConfigMap kargo/platform-ca")["data"]
        assert data == {f"ca-{number}.crt": CERTIFICATE.format(name) for number, name in enumerate(names, start=1)}
        found = values(account(), folder=tmp_path, ca={"file": "ca.pem"})
        assert found["controller"]["cabundle"] == found["api"]["cabundle"] == {"configMapName": "platform-ca"}
        assert found["controller"]["podAnnotations"]["local-cicd.dev/ca"] == found["api"]["podAnnotations"]["local-cicd.dev/ca"]
        seen.add(found["controller"]["podAnnotations"]["local-cicd.dev/ca"])
    assert len(seen) == 2


def test_without_a_ca_nothing_names_one() -> None:
    """A ConfigMap that is not there would keep the pods from starting."""
    found = values()
    assert "configMapName" not in found["controller"]["cabundle"]
    assert "configMapName" not in found["api"]["cabundle"]


def test_a_ca_that_is_made_here_is_waited_for() -> None:
    """The account is made all the same."""
    install = {"cert_manager": {"mode": "install"}}
    resources = Kargo().resources(context(account(), prerequisites=install))
    assert [each.label for each in resources if isinstance(each, Awaited)] == ["ConfigMap kargo/platform-ca", RELEASE]
    assert manifest_of(resources, SECRET)
    ca = record(a_platform(), "ca", authority__pem=new_authority("shop CA"))
    resources = Kargo().resources(context(account(), ca, prerequisites=install))
    assert not [each for each in resources if isinstance(each, Awaited)]


def test_no_value_depends_on_projects() -> None:
    """A new project would restart Kargo for all the others."""
    stages = [{"name": "beta", "promotion": "auto"}]
    project = {"name": "shop", "watched_image": "api", "chart_path": "chart", "stages": stages, "kargo": {"warehouse": {"interval": "30s"}}}
    there = account()
    assert values(there, projects=[project]) == values(there)


def test_a_short_interval_of_a_project_counts() -> None:
    """The chart's minimum of 5 minutes would overrule it without a word."""
    assert values()["controller"]["reconcilers"]["warehouses"] == {"minReconciliationInterval": "10s"}


def test_the_chart_knows_every_value(tmp_path: Path) -> None:
    """A misspelt key would be ignored by Helm."""
    (tmp_path / "ca.pem").write_text(CERTIFICATE.format("one"))
    assert unknown(values(account(), folder=tmp_path, ca={"file": "ca.pem"}), "kargo/chart-values-v1.11.2.yaml") == []


def test_the_account_comes_before_the_release_and_the_webhooks_after_it() -> None:
    """Pods without their Secret don't start; the next component needs the webhooks."""
    labels: list[Resource] = list(Kargo().resources(context(account())))
    assert [each.label for each in labels] == ["Secret of record kargo", SECRET, RELEASE, "Kargo's admission webhook"]
