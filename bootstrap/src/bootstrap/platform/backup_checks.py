"""What is odd about the nightly export."""

from collections.abc import Iterator

from bootstrap.platform.finding import Finding
from bootstrap.platform.platform import Platform


def check_backup(platform: Platform) -> Iterator[Finding]:
    """Yield a warning where there is an export without secrets, or none for want of a volume though somebody has set it up."""
    backup, storage = platform.backup, platform.storage
    has_volume = storage is not None and bool(storage.argo_cd or storage.kargo)
    if not backup.enabled:
        return
    if not has_volume:
        if backup.model_fields_set:
            text = "there is no volume for the nightly export, so there is none; write `storage.kargo` with its path"
            yield Finding(at=("backup",), text=text, is_warning=True)
        return
    if not backup.recipients:
        text = (
            "no secret is in the nightly export, since there is no public key to encrypt it for; `bootstrap backup --new-identity FILE`"
            " makes one"
        )
        volume = "kargo" if storage and storage.kargo else "argo_cd"
        yield Finding(at=("backup", "recipients"), text=text, other=("storage", volume), is_warning=True)
