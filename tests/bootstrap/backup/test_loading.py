"""What a restore is made from, and the keys that open it."""

from datetime import timedelta
from pathlib import Path

import pytest

from bootstrap.backup import making
from bootstrap.backup.index import BackupError
from bootstrap.backup.loading import Loaded, load
from bootstrap.backup.seal import Identities, SealError, new_identity
from tests.bootstrap.backup.objects import CLUSTER, NOW, SECRET_TEXT, backup, scope


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


def test_of_a_folder_the_newest_whole_one_is_taken(tmp_path: Path) -> None:
    """And it is told what was passed over."""
    for day in range(3):
        newest = backup(tmp_path, made=NOW + timedelta(days=day))
    assert loaded(tmp_path).archives == (newest,)
    (newest.path / "kargo/shop-cd/stage/live.yaml").unlink()
    found = loaded(tmp_path)
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
    found = loaded(new.path, old.path)
    assert [archive.path for archive in found.archives] == [old.path, new.path]
    assert len(found.objects) == 2
