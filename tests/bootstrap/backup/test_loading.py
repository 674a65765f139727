"""What a restore is made from, and the keys that open it."""

from datetime import timedelta
from pathlib import Path

import pytest

from bootstrap.backup import making
from bootstrap.backup.index import BackupError
from bootstrap.backup.kinds import ARGO_CD, DEFINITIONS, KARGO
from bootstrap.backup.loading import Loaded, check_entries, load
from bootstrap.backup.saved import Saved
from bootstrap.backup.scope import Part
from bootstrap.backup.seal import Identities, SealError, new_identity
from bootstrap.core.objects import Manifest
from tests.bootstrap.backup.objects import CLUSTER, NOW, SECRET_TEXT, backup, record, scope, stage


def loaded(*sources: Path, identity: Path | None = None, without_secrets: bool = False) -> Loaded:
    """Load, and hide nothing."""
    return load(sources, identity, without_secrets=without_secrets, hide=lambda *_: None)


def test_secrets_come_first_and_are_opened(tmp_path: Path) -> None:
    """With the private key."""
    public = new_identity(tmp_path / "key.txt")
    hidden: list[str] = []
    found = load(
        [backup(tmp_path / "a.tar", public).path], tmp_path / "key.txt", without_secrets=False, hide=lambda *each: hidden.extend(each)
    )
    assert [each.ref.label for each in found.objects] == ["Secret local-cicd/gitea-admin", "Stage shop-cd/beta", "Stage shop-cd/live"]
    assert found.objects[0].manifest["data"] == {"password": SECRET_TEXT}
    assert hidden == ["secret-value"]


def test_the_wrong_key_is_told_with_the_right_one(tmp_path: Path) -> None:
    """By their public halves."""
    public, other = (new_identity(tmp_path / f"{name}.txt") for name in ("key", "other"))
    with pytest.raises(SealError, match=r"gitea-admin\.yaml\.age can't be decrypted with .*other\.txt") as caught:
        loaded(backup(tmp_path / "a.tar", public).path, identity=tmp_path / "other.txt")
    assert list(caught.value.details) == [
        f"it is encrypted for {public}",
        f"{tmp_path / 'other.txt'} is the private key of {other}",
    ]


def test_an_empty_backup_is_none(tmp_path: Path) -> None:
    """It says so, rather than that there is nothing to do."""
    made = making.make(tmp_path / "a.tar", scope(), [], cluster=CLUSTER, made=NOW)
    with pytest.raises(BackupError, match=r"this backup is empty: .*a\.tar, made of https://10\.1\.1\.11:6443") as caught:
        loaded(made.archive.path)
    assert "name another one" in str(caught.value.hint)


def test_each_of_several_recipients_opens_it(tmp_path: Path) -> None:
    """Two people, two keys."""
    keys = [tmp_path / "ann.txt", tmp_path / "bob.txt"]
    made = backup(tmp_path / "a.tar", *(new_identity(key) for key in keys))
    assert loaded(made.path, identity=keys[0]).objects == loaded(made.path, identity=keys[1]).objects


def test_without_a_key_it_says_whose_is_needed(tmp_path: Path) -> None:
    """Unless the secrets are to be left out."""
    public = new_identity(tmp_path / "key.txt")
    made = backup(tmp_path / "a.tar", public)
    with pytest.raises(BackupError, match=f"are encrypted for {public}") as caught:
        loaded(made.path)
    assert "--identity" in str(caught.value.hint)
    found = loaded(made.path, without_secrets=True)
    assert [each.ref.kind for each in found.objects] == ["Stage", "Stage"]
    assert found.sealed == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no private key of age"),
        ("age1gzxplgzj70l9e9xv2wr7f53f7p84vxzkpxcuurya036l90ptqywsfj3udv\n", "holds no private key of age"),
        ("AGE-SECRET-KEY-1QQQ\n", "holds no private key of age"),
        ("age-encryption.org/v1\n-> scrypt x 18\n", "is encrypted itself"),
        ("-----BEGIN AGE ENCRYPTED FILE-----\n", "is encrypted itself"),
    ],
)
def test_a_file_that_is_no_key(tmp_path: Path, text: str, said: str) -> None:
    """Its text is never shown: it may be a key with a typing error."""
    file = tmp_path / "key.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SealError, match=said) as caught:
        Identities.read(file)
    assert "QQQ" not in f"{caught.value.message}{caught.value.hint}{caught.value.details}"


def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    """One sentence."""
    with pytest.raises(SealError, match="can't be read: No such file"):
        Identities.read(tmp_path / "key.txt")


def test_a_private_key_is_never_overwritten(tmp_path: Path) -> None:
    """And nobody else can read it."""
    file = tmp_path / "key.txt"
    public = new_identity(file)
    assert Identities.read(file).recipients == (public,)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SealError, match="exists already"):
        new_identity(file)
    assert Identities.read(file).recipients == (public,)


def test_a_backup_that_never_had_secrets_says_so(tmp_path: Path) -> None:
    """It was made without a recipient: `up` would make new secrets, and nobody would know before Gitea's no longer fits."""
    file = backup(tmp_path / "a.tar").path
    with pytest.raises(BackupError, match=r"there are no secrets in this backup: .*a\.tar was made without a public key") as caught:
        load([file], None, without_secrets=False, hide=lambda *_: None)
    assert "--without-secrets" in str(caught.value.hint)
    found = loaded(file, without_secrets=True)
    assert [each.ref.kind for each in found.objects] == ["Stage", "Stage"]
    assert found.is_bare


def test_a_part_that_holds_no_secrets_of_record_needs_none(tmp_path: Path) -> None:
    """Argo CD's, beside that of Kargo, which has them; or alone, as `--only` made it."""
    public = new_identity(tmp_path / "key.txt")
    whole = backup(tmp_path / "whole.tar", public).path
    part = making.make(tmp_path / "part.tar", scope(parts=(Part.ARGO_CD,)), [stage()], cluster=CLUSTER, made=NOW).archive.path
    assert not loaded(part).is_bare
    assert not loaded(part, whole, identity=tmp_path / "key.txt").is_bare


def test_of_a_folder_the_newest_whole_one_is_taken(tmp_path: Path) -> None:
    """And it is told what was passed over."""
    for day in range(3):
        newest = backup(tmp_path, made=NOW + timedelta(days=day))
    assert loaded(tmp_path, without_secrets=True).archives == (newest,)
    (newest.path / "kargo/shop-cd/stage/live.yaml").unlink()
    found = loaded(tmp_path, without_secrets=True)
    assert found.archives[0].index.made == NOW + timedelta(days=1)
    assert [newest.path.name in error.message for error in found.passed_over] == [True]


def test_a_folder_without_a_whole_one(tmp_path: Path) -> None:
    """Says what is wrong with those that are there."""
    with pytest.raises(BackupError, match="there is no whole backup in"):
        loaded(tmp_path)
    (backup(tmp_path).path / "index.json").unlink()
    with pytest.raises(BackupError, match="there is no whole backup in") as caught:
        loaded(tmp_path)
    assert "index.json is missing" in caught.value.details[0]
    with pytest.raises(BackupError, match="there is no"):
        loaded(tmp_path / "nowhere")


def test_several_backups_are_one(tmp_path: Path) -> None:
    """Of what is in two of them the newer says how it is, in whichever order they are named."""
    old = backup(tmp_path / "old.tar")
    new = backup(tmp_path / "new.tar", made=NOW + timedelta(days=1))
    found = loaded(new.path, old.path, without_secrets=True)
    assert [archive.path for archive in found.archives] == [old.path, new.path]
    assert len(found.objects) == 2


def thing(api_version: str, kind: str, name: str, namespace: str | None) -> Manifest:
    """Make an object of any kind."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


@pytest.mark.parametrize(
    ("part", "api_version", "kind", "name", "namespace"),
    [
        (Part.RECORDS, "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "everybody", None),
        (Part.RECORDS, "rbac.authorization.k8s.io/v1", "RoleBinding", "everybody", "local-cicd"),
        (Part.RECORDS, "v1", "Namespace", "kube-system", None),
        (Part.RECORDS, "v1", "Namespace", "shop-cd", None),
        (Part.RECORDS, "v1", "ConfigMap", "a", "local-cicd"),
        (Part.BREAK_GLASS, "v1", "ConfigMap", "coredns", "kube-system"),
        (Part.KARGO, KARGO, "Project", "other", None),
        (Part.KARGO, KARGO, "Project", "shop-cd", "shop-cd"),
        (Part.KARGO, KARGO, "Stage", "live", None),
        (Part.KARGO, KARGO, "Stage", "live", "other"),
        (Part.KARGO, KARGO, "Stage", "live/status", "shop-cd"),
        (Part.KARGO, "kargo.akuity.io/v1", "Stage", "live", "shop-cd"),
        (Part.KARGO, ARGO_CD, "Application", "a", "argocd"),
        (Part.KARGO, DEFINITIONS, "CustomResourceDefinition", "applications.argoproj.io", None),
        (Part.ARGO_CD, DEFINITIONS, "CustomResourceDefinition", "certificates.cert-manager.io", None),
    ],
)
def test_what_no_backup_of_this_platform_holds_is_refused(
    tmp_path: Path, part: Part, api_version: str, kind: str, name: str, namespace: str | None
) -> None:
    """Whoever may write to the folder of the backups can put anything into one, with an index that fits; the entry is named."""
    added = Saved(part=part, manifest=thing(api_version, kind, name, namespace))
    file = making.make(tmp_path / "a.tar", scope(), [stage(), added], cluster=CLUSTER, made=NOW).archive.path
    found = loaded(file, without_secrets=True)
    with pytest.raises(BackupError, match=r"nothing was restored: .*a\.tar holds what no backup of this platform does") as caught:
        check_entries(found, scope())
    assert list(caught.value.details) == [f"{added.ref.label} ({added.path})"]


def test_a_secret_of_another_namespace_is_refused_even_without_secrets(tmp_path: Path) -> None:
    """The public key, for which it has to be encrypted, is no secret."""
    public = new_identity(tmp_path / "key.txt")
    added = Saved(part=Part.RECORDS, manifest=thing("v1", "Secret", "a", "kube-system"))
    file = making.make(tmp_path / "a.tar", scope(public), [record(), added], cluster=CLUSTER, made=NOW).archive.path
    for found in (loaded(file, identity=tmp_path / "key.txt"), loaded(file, without_secrets=True)):
        with pytest.raises(BackupError) as caught:
            check_entries(found, scope())
        assert list(caught.value.details) == ["Secret kube-system/a (records/kube-system/secret/a.yaml.age)"]


def test_what_a_backup_holds_is_let_in(tmp_path: Path) -> None:
    """Of each part the namespaces and the definitions, beside its objects."""
    around = [
        (Part.RECORDS, thing("v1", "Namespace", "local-cicd", None)),
        (Part.BREAK_GLASS, thing("v1", "ConfigMap", "live-1", "local-cicd")),
        (Part.KARGO, thing("v1", "Namespace", "shop-cd", None)),
        (Part.KARGO, thing(DEFINITIONS, "CustomResourceDefinition", "stages.kargo.akuity.io", None)),
        (Part.KARGO, thing(DEFINITIONS, "CustomResourceDefinition", "analysistemplates.argoproj.io", None)),
        (Part.KARGO, thing(KARGO, "Project", "shop-cd", None)),
        (Part.KARGO, thing(KARGO, "Promotion", "beta.01m84cqx3bnxnxwx57c1j7ca2j.0da4b68", "shop-cd")),
        (Part.ARGO_CD, thing(DEFINITIONS, "CustomResourceDefinition", "applications.argoproj.io", None)),
        (Part.ARGO_CD, thing(ARGO_CD, "Application", "shop-live", "argocd")),
    ]
    public = new_identity(tmp_path / "key.txt")
    objects = [record(), stage(), *(Saved(part=part, manifest=manifest) for part, manifest in around)]
    file = making.make(tmp_path / "a.tar", scope(public), objects, cluster=CLUSTER, made=NOW).archive.path
    check_entries(loaded(file, identity=tmp_path / "key.txt"), scope())
