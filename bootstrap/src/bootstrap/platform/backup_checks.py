"""What is odd about the nightly export."""

from collections.abc import Iterator

from bootstrap.platform.finding import Finding
from bootstrap.platform.platform import Platform


def check_backup(platform: Platform) -> Iterator[Finding]:
    """Yield a warning where there is an export without secrets, or none for want of a volume."""
    backup, storage = platform.backup, platform.storage
    has_volume = storage is not None and bool(storage.argo_cd or storage.kargo)
    if not backup.enabled:
        return
    if not has_volume:
        text = (
            "nothing is backed up at night: there is no `storage.kargo` or `storage.argo_cd`; see docs/how-to/back-up-and-restore.md"
            " (`backup.enabled: false` says that it is meant so)"
        )
        yield Finding(at=("backup",) if storage is None or backup.model_fields_set else ("storage",), text=text, is_warning=True)
        return
    if not backup.recipients:
        text = (
            "no secret is in the nightly export to it, since `backup.recipients` has no public key to encrypt it for;"
            " `bootstrap backup --new-identity FILE` makes one"
        )
        volume = "kargo" if storage and storage.kargo else "argo_cd"
        yield Finding(at=("storage", volume), text=text, is_warning=True)
