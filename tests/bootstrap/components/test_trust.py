"""The CA that everything trusts, and secrets as platform.yaml refers to them."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from bootstrap.components.argo_cd.component import ArgoCd
from bootstrap.components.authority import new_authority, parted
from bootstrap.components.buildkit.component import BuildKit
from bootstrap.components.cert_manager.component import CertManager
from bootstrap.components.given import secret_value
from bootstrap.components.kargo.component import Kargo
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.trust import awaits_ca, ca_pem
from bootstrap.components.woodpecker.component import Woodpecker
from bootstrap.core.component import Component
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest
from bootstrap.core.record import RecordResource
from bootstrap.core.release import ReleaseResource
from bootstrap.core.resource import Awaited, ObjectResource
from bootstrap.platform.secret_ref import SecretRef
from tests.support.bootstrap_run import a_platform
from tests.support.still_cluster import StillCluster, manifest_of, record

CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
INSTALL = {"cert_manager": {"mode": "install"}}


def secret(**data: str) -> Manifest:
    """Write the Secret cert-manager/ca-key-pair, `__` in a key being a dot."""
    encoded = {key.replace("__", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ca-key-pair", "namespace": "cert-manager"}, "data": encoded}


def from_secret(key: str = "tls.crt") -> dict[str, Any]:
    """Write the `ca` that names it."""
    return {"secret": {"namespace": "cert-manager", "name": "ca-key-pair", "key": key}}


def test_a_ca_of_our_own_signs_and_its_parts_belong_together() -> None:
    """Key and certificate are stored as one text, so that they can't be parted by a death between two writes."""
    key, certificate = parted(new_authority("shop CA"))
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    private = serialization.load_pem_private_key(key.encode(), password=None)
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert private.public_key().public_bytes(*form) == parsed.public_key().public_bytes(*form)
    parsed.verify_directly_issued_by(parsed)
    assert parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert parsed.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert parsed.not_valid_after_utc - datetime.now(UTC) > timedelta(days=3000)


def test_the_ca_comes_from_a_secret_of_the_cluster_without_its_key() -> None:
    """The key of a CA issuer lies beside it, and nobody may be handed that."""
    mixed = f"-----BEGIN EC PRIVATE KEY-----\nsecret\n-----END EC PRIVATE KEY-----\n{CA}"
    cluster = StillCluster(secret(tls__crt=mixed))
    assert ca_pem(cluster.context(a_platform(ca=from_secret()))) == CA


def test_the_ca_comes_from_a_config_map_or_a_file(tmp_path: Path) -> None:
    """Whichever platform.yaml names."""
    (tmp_path / "ca.pem").write_text(CA + CA)
    assert ca_pem(StillCluster().context(a_platform(ca={"file": "ca.pem"}), tmp_path)) == CA + CA
    there = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca", "namespace": "x"}, "data": {"ca.crt": CA}}
    platform = a_platform(ca={"config_map": {"namespace": "x", "name": "ca", "key": "ca.crt"}})
    assert ca_pem(StillCluster(there).context(platform)) == CA


def test_without_a_ca_the_systems_are_trusted() -> None:
    """An empty text, and no file is made of it."""
    assert ca_pem(StillCluster().context(a_platform())) == ""


def test_a_ca_that_the_platform_makes_is_trusted_by_itself() -> None:
    """Nobody has to copy it into platform.yaml; who does has it once."""
    platform = a_platform(prerequisites=INSTALL)
    assert ca_pem(StillCluster().context(platform)) == ""
    pem = new_authority("shop CA")
    assert ca_pem(StillCluster(record(platform, "ca", authority__pem=pem)).context(platform)) == parted(pem)[1]
    copied = a_platform(prerequisites=INSTALL, ca=from_secret())
    there = (record(copied, "ca", authority__pem=pem), secret(tls__crt=CA + parted(pem)[1]))
    assert ca_pem(StillCluster(*there).context(copied)) == CA + parted(pem)[1]


def test_a_ca_of_others_is_trusted_beside_it() -> None:
    """A Gitea that is elsewhere has its certificate from that one; and whoever can wait, waits for both."""
    platform = a_platform(prerequisites=INSTALL, ca=from_secret())
    before = StillCluster(secret(tls__crt=CA)).context(platform)
    assert (ca_pem(before), awaits_ca(before)) == (CA, True)
    pem = new_authority("shop CA")
    made = StillCluster(record(platform, "ca", authority__pem=pem), secret(tls__crt=CA)).context(platform)
    assert (ca_pem(made), awaits_ca(made)) == (CA + parted(pem)[1], False)


def test_a_ca_that_was_made_once_is_no_longer_trusted_where_the_platform_makes_none() -> None:
    """Its record stays behind."""
    platform = a_platform(ca=from_secret())
    context = StillCluster(record(platform, "ca", authority__pem=new_authority("shop CA")), secret(tls__crt=CA)).context(platform)
    assert (ca_pem(context), awaits_ca(context)) == (CA, False)


@pytest.mark.parametrize("component", [ArgoCd(), BuildKit(), Kargo(), Woodpecker()], ids=lambda component: component.name)
def test_what_trusts_both_is_described_once(component: Component, tmp_path: Path) -> None:
    """The one CA alone would start every pod twice in the first `up`, and the plan would not have said so."""
    (tmp_path / "ca.pem").write_text(CA)

    def found(ca: dict[str, str] | None, *records: Manifest) -> tuple[set[str], str]:
        there = component.resources(StillCluster(*records).context(a_platform(prerequisites=INSTALL, ca=ca), tmp_path))
        described = [each.manifest for each in there if isinstance(each, ObjectResource)]
        described += [dict(each.values) for each in there if isinstance(each, ReleaseResource)]
        return {each.label for each in there if isinstance(each, Awaited)}, json.dumps(described)

    later, described = found({"file": "ca.pem"})
    assert later == found(None)[0]
    assert "MIIB" not in described
    pem = new_authority("shop CA")
    sooner, described = found({"file": "ca.pem"}, record(a_platform(), "ca", authority__pem=pem))
    assert sooner < later
    for certificate in (CA, parted(pem)[1]):
        assert json.dumps(certificate).strip('"') in described


@pytest.mark.parametrize(
    ("objects", "key", "said"),
    [
        ([], "tls.crt", "there is no Secret cert-manager/ca-key-pair"),
        ([secret(ca__crt=CA)], "tls.crt", "has no key tls.crt"),
        ([secret(tls__crt="-----BEGIN EC PRIVATE KEY-----")], "tls.crt", "no certificate"),
    ],
)
def test_a_ca_that_is_not_there_is_said(objects: list[Manifest], key: str, said: str) -> None:
    """With what to do about it."""
    with pytest.raises(BootstrapError, match=said) as caught:
        ca_pem(StillCluster(*objects).context(a_platform(ca=from_secret(key))))
    assert caught.value.hint


def test_a_secret_is_read_from_where_it_is_and_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment, file without its last line feed, Secret of the cluster."""
    (tmp_path / "word").write_text("from a file\n")
    monkeypatch.setenv("WORD", "from the environment")
    context = StillCluster(secret(word="from the cluster")).context(a_platform(), tmp_path)
    refs = {
        "from a file": {"file": "word"},
        "from the environment": {"env": "WORD"},
        "from the cluster": from_secret("word"),
    }
    for value, ref in refs.items():
        assert secret_value(context, SecretRef.model_validate(ref), what="the password") == value
        assert value in context.secrecy.known


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ({"env": "NOT_THERE"}, "NOT_THERE is not set"),
        ({"file": "none"}, "none"),
        (from_secret("none"), "there is no Secret"),
        ({"env": "EMPTY"}, "empty"),
    ],
)
def test_a_secret_that_is_not_there_is_said(ref: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence that begins with what it is for."""
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("NOT_THERE", raising=False)
    with pytest.raises(BootstrapError, match=said) as caught:
        secret_value(StillCluster().context(a_platform(), tmp_path), SecretRef.model_validate(ref), what="the password of the registry")
    assert caught.value.message.startswith("the password of the registry")
    assert caught.value.hint


def test_cert_manager_keeps_its_crds() -> None:
    """When they go all certificates go, those of the ingresses that `down` keeps as well."""
    platform = a_platform(prerequisites=INSTALL)
    release = next(each for each in CertManager().resources(StillCluster().context(platform)) if isinstance(each, ReleaseResource))
    assert release.values["crds"] == {"enabled": True, "keep": True}
    assert not CertManager().enabled(a_platform())


def test_cert_manager_stays_where_something_stays_that_needs_it() -> None:
    """A certificate lasts for 90 days, and a registry that `down` keeps may be asked for longer."""

    def kept(**more: Any) -> set[str]:  # noqa: ANN401  keys of platform.yaml
        platform = a_platform(prerequisites=INSTALL, **more)
        context = StillCluster(record(platform, "ca", authority__pem=new_authority("test"))).context(platform)
        namespace = [each for each in Namespaces().resources(context) if each.label == "Namespace cert-manager"]
        found = [*CertManager().resources(context), *namespace]
        return {each.kept for each in found if isinstance(each, ReleaseResource | ObjectResource)}

    assert kept() == {""}
    (reason,) = kept(registry={"mode": "install"})
    assert "the registry" in reason


def test_the_issuer_waits_for_its_ca_and_then_signs_with_it() -> None:
    """The CA is in a record, because `down` may delete the namespace of cert-manager and people trust this CA by hand."""
    platform = a_platform(prerequisites=INSTALL)
    found = CertManager().resources(StillCluster().context(platform))
    (made,) = [each for each in found if isinstance(each, RecordResource)]
    waiting = {each.label for each in found if isinstance(each, Awaited)}
    assert waiting == {"Secret cert-manager/ca-issuer-ca", "ClusterIssuer ca-issuer"}
    pem = made.values["authority.pem"]()
    found = CertManager().resources(StillCluster(record(platform, "ca", authority__pem=pem)).context(platform))
    issuer = manifest_of(found, "ClusterIssuer ca-issuer")
    assert issuer["spec"] == {"ca": {"secretName": "ca-issuer-ca"}}
    data = manifest_of(found, "Secret cert-manager/ca-issuer-ca")["data"]
    assert tuple(base64.b64decode(data[key]).decode() for key in ("tls.key", "tls.crt")) == parted(pem)


def test_an_issuer_of_one_namespace_is_not_installed() -> None:
    """It could serve none of the others."""
    prerequisites = {"cert_manager": {"mode": "install", "issuer_kind": "Issuer"}}
    with pytest.raises(BootstrapError, match="issuer_kind"):
        CertManager().resources(StillCluster().context(a_platform(prerequisites=prerequisites)))
