"""What the YAML user may write under `settings:` of a kargo-notify step."""

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import AliasChoices, Field, SecretStr

from plugin_kit.access import RegistryLogin
from plugin_kit.settings import PluginSettings, group

WHAT = group("What is released")
LOGIN = group("Registry access")
KARGO = group("Kargo")
RUN = group("The run")

_KARGO_CLI = "the plugin speaks to Kargo's API itself; set `kargo_url` and `kargo_token`"


class Settings(PluginSettings):
    """Verifies the images of a commit, releases their tags, tells Kargo and waits for the Freight."""

    registry: str = Field(default="", json_schema_extra=WHAT)
    """Registry host, such as `registry.lan:5000`. Default: the one in the release record that registry-push left in the workspace."""

    project: str = Field(default="", json_schema_extra=WHAT)
    """Path between registry and image name. Default: the repository's name on the forge (`owner/name` gives `name`)."""

    revision: str = Field(default="", json_schema_extra=WHAT)
    """The commit, as 40-character SHA. Default: the pipeline's."""

    images: list[str] = Field(default=[], json_schema_extra=WHAT)
    """Images by hand, for a repository that is built by other plugins: names below `<registry>/<project>/`, or full repository names.
    They are verified and nothing is tagged. Default: those of the release record."""

    tags: list[str] = Field(default=[], validation_alias=AliasChoices("tags", "tag"), json_schema_extra=WHAT)
    """With `images`: the tags that each of them must have. Default: the commit's SHA."""

    watch: list[str] = Field(default=[], json_schema_extra=WHAT)
    """The image(s) that the Kargo Warehouse subscribes to, by name; `releases` for the release record. Their tags are set last, so that
    Kargo can never see half a commit. Default: what the Warehouse says, where Kargo can be asked."""

    latest: Literal["auto", "force", "never"] = Field(default="auto", json_schema_extra=WHAT)
    """`auto`: the tag `latest` only moves forward. `force`: it moves, after a force-push or to go back. `never`: it is left alone."""

    username: str | None = Field(default=None, json_schema_extra=LOGIN)
    """User for `registry`."""

    password: SecretStr | None = Field(default=None, json_schema_extra=LOGIN)
    """Password or access token for `registry`."""

    logins: list[RegistryLogin] = Field(default=[], json_schema_extra=LOGIN)
    """Logins for further registries."""

    config: SecretStr | None = Field(default=None, json_schema_extra=LOGIN)
    """Content of a Docker config.json with logins, or its path in the workspace."""

    insecure: bool = Field(default=False, json_schema_extra=LOGIN)
    """`true`: talk to `registry` over plain http, or https with any certificate."""

    ca_cert: str | None = Field(default=None, json_schema_extra=LOGIN)
    """CA that signed the registry's certificate: PEM, or its path in the workspace."""

    via: Literal["auto", "api", "kubernetes", "webhook", "none"] = Field(default="auto", json_schema_extra=KARGO)
    """How Kargo is told. `api`: its REST API, with a token. `kubernetes`: an annotation on the Warehouse, as the pod's ServiceAccount or by
    `kubeconfig`. `webhook`: a generic webhook receiver; nothing can be read back. `none`: not at all, Kargo polls by itself.
    `auto`: what the settings are there for, else `none`."""

    kargo_url: str = Field(default="", json_schema_extra=KARGO)
    """Address of Kargo's API, such as `https://kargo.lan`."""

    kargo_token: SecretStr | None = Field(default=None, json_schema_extra=KARGO)
    """API token of a role in the Kargo project that may get, list and watch `freights` and `warehouses`, and list `stages`."""

    kargo_ca_cert: str | None = Field(default=None, json_schema_extra=KARGO)
    """CA that signed Kargo's certificate: PEM, or its path in the workspace. Default: `ca_cert`."""

    kargo_insecure: bool = Field(default=False, json_schema_extra=KARGO)
    """`true`: accept any certificate of Kargo's."""

    kargo_project: str = Field(default="", json_schema_extra=KARGO)
    """Kargo project, which is also its namespace. Default: `project`, or the repository's name."""

    warehouse: str = Field(default="", json_schema_extra=KARGO)
    """The Warehouse to refresh. Required for `api` and `kubernetes`."""

    webhook_url: SecretStr | None = Field(default=None, json_schema_extra=KARGO)
    """Address of a generic webhook receiver. Its path is all that protects it: use `from_secret`."""

    kubeconfig: SecretStr | None = Field(default=None, json_schema_extra=KARGO)
    """With `via: kubernetes` outside the cluster: a kubeconfig, or its path in the workspace. Default: the pod's ServiceAccount."""

    create_freight: bool = Field(default=False, json_schema_extra=KARGO)
    """`true`: make the Freight with the verified digests, for a Warehouse with `freightCreationPolicy: Manual`."""

    wait: timedelta = Field(default=timedelta(0), json_schema_extra=KARGO)
    """How long to wait for the Freight, such as `2m`. Default: Kargo is told and nobody waits."""

    timeout: timedelta = Field(default=timedelta(minutes=1), json_schema_extra=RUN)
    """How long images that are missing, or a registry that is down, are waited for before the verification fails."""

    registry_timeout: timedelta = Field(default=timedelta(seconds=30), json_schema_extra=RUN)
    """How long a registry that is down or busy is asked again while tags are set."""

    strict: bool = Field(default=False, json_schema_extra=RUN)
    """`true`: a Kargo that can't be reached, refuses, or makes no Freight in time fails the step. Otherwise it is a warning: Kargo polls
    the registry by itself. Images that are wrong always fail the step."""

    dry_run: bool = Field(default=False, json_schema_extra=RUN)
    """`true`: verify, say what would be tagged and told, and change nothing. The same as the option `--dry-run`."""

    refuse_unknown: ClassVar[bool] = True

    meaningless: ClassVar[dict[str, str]] = {
        "kargo_username": _KARGO_CLI,
        "kargo_password": _KARGO_CLI,
    }
    """Settings that people bring along, accepted with a warning, and the sentence it says."""
