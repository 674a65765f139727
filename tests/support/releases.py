"""A release record as registry-push writes it."""

from datetime import UTC, datetime

from plugin_kit.manifest import OCI_MANIFEST
from plugin_kit.release import Pipeline, Release, ReleasedImage

SHA = "4c1f0d0a7e5b9d1c2f3a4b5c6d7e8f9012345678"

API = ReleasedImage(
    name="api",
    repository="registry.lan:5000/shop/api",
    tag=SHA,
    wanted_tags=(SHA, "latest"),
    digest=f"sha256:{'1' * 64}",
    media_type=OCI_MANIFEST,
    platforms=("linux/amd64",),
    config_digest=f"sha256:{'2' * 64}",
    size=1234,
    state="built",
    seconds=1.5,
)
WEB = API.model_copy(update={"name": "web", "repository": "registry.lan:5000/shop/web", "state": "cached"})
RELEASE = Release(
    repository="https://git.example.lan/acme/shop",
    revision=SHA,
    created=datetime(2026, 5, 4, 10, 0, tzinfo=UTC),
    pipeline=Pipeline(number=7, url="https://ci.example.lan/7"),
    images=(API, WEB),
)
