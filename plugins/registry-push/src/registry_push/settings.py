"""What the YAML user may write under `settings:` of a registry-push step."""

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import AliasChoices, Field, SecretStr

from plugin_kit.access import RegistryLogin
from plugin_kit.settings import PluginSettings, SettingsModel, group

WHAT = group("What to build")
WHERE = group("Where to push, and as what")
LOGIN = group("Registry access")
BUILDER = group("Builder and cache")
RUN = group("The run")

_NO_DAEMON = "there is no Docker daemon in this plugin, so it has no meaning here"
_NO_ECR = "there is no login to AWS here; use `username: AWS` and a token as `password`"


class Image(SettingsModel):
    """One image of the `images` list. Paths are relative to the repository's root."""

    name: str
    """Name below `<registry>/<project>/`; also how other images refer to it (`target:<name>`)."""

    context: str = "."
    """Folder that the Dockerfile's COPY sees."""

    dockerfile: str | None = None
    """Dockerfile, from the repository's root or from the context. Default: `Dockerfile` in the context."""

    target: str | None = None
    """Stage of the Dockerfile to build."""

    build_args: dict[str, str] = {}
    """Build arguments, on top of the step's own `build_args`."""

    build_contexts: dict[str, str] = {}
    """Further contexts by name: a folder, `docker-image://...`, or `target:<name>` for an image of this run."""

    platforms: list[str] = []
    """Platforms, instead of the step's own `platforms`."""

    labels: dict[str, str] = {}
    """Labels, on top of the step's own `labels`."""

    secrets: dict[str, SecretStr] = {}
    """Build secrets by id (`RUN --mount=type=secret,id=...`), on top of the step's own `secrets`."""

    push: bool = True
    """`false`: only a base for other images of this run, never pushed."""


class Settings(PluginSettings):
    """Builds every image of a repository in one step, all or nothing."""

    images: list[Image] = Field(default=[], json_schema_extra=WHAT)
    """The images to build."""

    discover: list[str] = Field(default=[], json_schema_extra=WHAT)
    """Globs of Dockerfiles (`services/*/Dockerfile`), one image each, named like the folder."""

    bake_file: str | None = Field(default=None, json_schema_extra=WHAT)
    """A bake file (HCL, JSON or Compose) whose targets are the images; outputs and tags in it are replaced."""

    targets: list[str] = Field(default=[], json_schema_extra=WHAT)
    """Targets or groups of `bake_file` to build. Default: its `default` group."""

    repo: list[str] = Field(default=[], json_schema_extra=WHAT)
    """A single image's full repository name(s), as in plugin-docker-buildx. Without `tags` or `auto_tag` it gets `latest`."""

    context: str = Field(default=".", json_schema_extra=WHAT)
    """With `repo` or `discover`: the build context. With `discover` the default is the Dockerfile's folder."""

    dockerfile: str | None = Field(default=None, validation_alias=AliasChoices("dockerfile", "containerfile"), json_schema_extra=WHAT)
    """With `repo`: the Dockerfile."""

    target: str | None = Field(default=None, json_schema_extra=WHAT)
    """With `repo`: stage of the Dockerfile to build."""

    build_args: dict[str, str] = Field(default={}, json_schema_extra=WHAT)
    """Build arguments of every image. Readable in the image's history: secrets belong into `secrets`."""

    build_args_from_env: list[str] = Field(default=[], json_schema_extra=WHAT)
    """Names of environment variables of the step that are passed on as build arguments."""

    platforms: list[str] = Field(default=[], json_schema_extra=WHAT)
    """Platforms of every image, such as `linux/amd64`. Default: the builder's own."""

    labels: dict[str, str] = Field(default={}, validation_alias=AliasChoices("labels", "label"), json_schema_extra=WHAT)
    """Labels of every image, beside created, revision and source."""

    secrets: list[dict[str, str]] | dict[str, SecretStr] = Field(default={}, json_schema_extra=WHAT)
    """Build secrets by id, for every image: a map `id: value` with `from_secret`, or as in plugin-docker-buildx `id=x,src=file`,
    `id=x,env=NAME`."""

    add_host: list[str] = Field(default=[], json_schema_extra=WHAT)
    """Further `host:ip` entries for RUN steps."""

    pull_image: bool = Field(default=True, json_schema_extra=WHAT)
    """`true`: a base image that has moved in its registry is noticed and images on it are rebuilt."""

    no_cache: bool = Field(default=False, json_schema_extra=WHAT)
    """`true`: build everything from scratch; for a weekly cron pipeline, so that packages installed by RUN don't age."""

    registry: str = Field(default="", json_schema_extra=WHERE)
    """Registry host, such as `registry.lan:5000`. Default: Docker Hub with `repo`, else it must be set."""

    project: str = Field(default="", json_schema_extra=WHERE)
    """Path between registry and image name. Default: the repository's name on the forge (`owner/name` gives `name`)."""

    tags: list[str] = Field(default=[], validation_alias=AliasChoices("tags", "tag"), json_schema_extra=WHERE)
    """Tags instead of the default ones: SHA and `latest` on the default branch, `<branch>-<SHA>` on others, the version on
    git tags. With `repo`: `latest`."""

    tags_file: str | None = Field(default=None, json_schema_extra=WHERE)
    """File in the workspace with one tag per line, instead of `tags`."""

    auto_tag: bool = Field(default=False, json_schema_extra=WHERE)
    """Tags by git ref: `default_tag` on the default branch, `1`, `1.2`, `1.2.3` on a tag `v1.2.3`; nothing to do elsewhere.
    `tags` come on top."""

    default_tag: str = Field(default="latest", json_schema_extra=WHERE)
    """The tag that `auto_tag` uses on the default branch."""

    default_suffix: str = Field(default="", validation_alias=AliasChoices("default_suffix", "auto_tag_suffix"), json_schema_extra=WHERE)
    """Suffix of `auto_tag`'s tags (`1.2.3-alpine`); it stands alone instead of `default_tag`."""

    latest: Literal["auto", "force", "never"] = Field(default="auto", json_schema_extra=WHERE)
    """`auto`: the tag `latest` only moves forward. `force`: it moves, after a force-push or to go back. `never`: it is left alone."""

    hold: bool = Field(default=False, json_schema_extra=WHERE)
    """`true`: set only `candidate-<sha>`; kargo-notify sets the wanted tags after the integration test."""

    force: bool = Field(default=False, json_schema_extra=WHERE)
    """`true`: build a commit again whose tags are already released. They then name other bytes than before."""

    record: Literal["auto", "registry", "workspace"] = Field(default="auto", json_schema_extra=WHERE)
    """Where the release record goes beside the workspace: the `releases` repository (`registry`), or nowhere (`workspace`).
    `auto`: registry, but with `repo` workspace."""

    output: str = Field(default="", json_schema_extra=WHERE)
    """Refused: images go to a registry. To write files, run `buildctl` in a step of its own."""

    dry_run: bool = Field(default=False, json_schema_extra=WHERE)
    """`true`: build everything and push nothing (as in plugin-docker-buildx). To only see the plan, use the option `--dry-run`."""

    username: str | None = Field(default=None, json_schema_extra=LOGIN)
    """User for `registry`."""

    password: SecretStr | None = Field(default=None, json_schema_extra=LOGIN)
    """Password or access token for `registry`."""

    logins: list[RegistryLogin] = Field(default=[], json_schema_extra=LOGIN)
    """Logins for further registries, such as those of private base images."""

    config: SecretStr | None = Field(default=None, json_schema_extra=LOGIN)
    """Content of a Docker config.json with logins, or its path in the workspace."""

    insecure: bool = Field(default=False, json_schema_extra=LOGIN)
    """`true`: talk to `registry` over plain http, or https with any certificate."""

    ca_cert: str | None = Field(default=None, json_schema_extra=LOGIN)
    """CA that signed the registry's certificate: PEM, or its path in the workspace."""

    mirrors: list[str] = Field(default=[], validation_alias=AliasChoices("mirrors", "mirror"), json_schema_extra=LOGIN)
    """Mirrors of Docker Hub for base images; used by the embedded builder (`http://` in front allows plain http)."""

    builder: list[str] = Field(default=[], json_schema_extra=BUILDER)
    """Address of a BuildKit that stays, `tcp://buildkit:1234` or `unix:///...`; several are one builder with a node per platform.
    Default: BUILDKIT_HOST, else the builder embedded in the `-embedded` image."""

    builder_ca: str | None = Field(default=None, json_schema_extra=BUILDER)
    """mTLS: CA of the builder's certificate, PEM or path."""

    builder_cert: str | None = Field(default=None, json_schema_extra=BUILDER)
    """mTLS: our certificate, PEM or path."""

    builder_key: SecretStr | None = Field(default=None, json_schema_extra=BUILDER)
    """mTLS: our key, PEM or path."""

    buildkit_config: str | None = Field(default=None, json_schema_extra=BUILDER)
    """Text added to the embedded builder's buildkitd.toml."""

    cache: Literal["auto", "registry", "none"] = Field(default="auto", json_schema_extra=BUILDER)
    """`registry`: keep the build cache beside each image under the tag `buildcache`. `auto`: registry with the embedded builder (but none
    with `repo`), none with one that stays: it has its own."""

    cache_from: list[dict[str, str]] = Field(default=[], json_schema_extra=BUILDER)
    """Cache sources instead of `cache`: maps (`{type: registry, ref: ...}`), or the strings of plugin-docker-buildx."""

    cache_to: list[dict[str, str]] = Field(default=[], json_schema_extra=BUILDER)
    """Cache destinations instead of `cache`."""

    cache_images: list[str] = Field(default=[], json_schema_extra=BUILDER)
    """Repositories used as cache source and destination, as in plugin-docker-buildx."""

    provenance: str = Field(default="", json_schema_extra=BUILDER)
    """Provenance attestation (`true`, `mode=max`). Off by default: it turns an image into an index that differs in every run."""

    sbom: bool = Field(default=False, json_schema_extra=BUILDER)
    """`true`: attach a software bill of materials."""

    timeout: timedelta = Field(default=timedelta(hours=1), json_schema_extra=RUN)
    """Longest time for the build."""

    registry_timeout: timedelta = Field(default=timedelta(seconds=30), json_schema_extra=RUN)
    """How long a registry that is down or busy is asked again before the step fails."""

    verbose: bool = Field(default=False, validation_alias=AliasChoices("verbose", "debug"), json_schema_extra=RUN)
    """`true`: print every step of the build with its output, not only those of a failing image."""

    meaningless: ClassVar[dict[str, str]] = {
        "daemon_off": _NO_DAEMON,
        "storage_driver": _NO_DAEMON,
        "storage_path": _NO_DAEMON,
        "bip": _NO_DAEMON,
        "mtu": _NO_DAEMON,
        "custom_dns": _NO_DAEMON,
        "custom_dns_search": _NO_DAEMON,
        "ipv6": _NO_DAEMON,
        "experimental": _NO_DAEMON,
        "insecure_skip_verify": "use `insecure` or, better, `ca_cert`",
        "buildkit_driveropt": "the builder is no container of this plugin; configure it where it runs",
        "buildkit_debug": "use `verbose`",
        "purge": "nothing is left behind, so there is nothing to purge",
        "compress": "BuildKit sends only files that changed; there is nothing to compress",
        "email": "no registry asks for one",
        "quiet": "the log is short by default",
        "auto_labels": "created, revision and source are always set: the order of releases depends on them",
        "default_labels": "created, revision and source are always set: the order of releases depends on them",
        "env_file": "set the values under `settings`",
        "aws_access_key_id": _NO_ECR,
        "aws_secret_access_key": _NO_ECR,
        "aws_region": _NO_ECR,
        "ecr_create_repository": _NO_ECR,
        "ecr_lifecycle_policy": _NO_ECR,
        "ecr_repository_policy": _NO_ECR,
        "ecr_scan_on_push": _NO_ECR,
    }
    """Settings of plugin-docker-buildx that are accepted with a warning, and the sentence it says."""
