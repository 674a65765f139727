"""What the YAML user may write under `settings:` of a github-mirror step."""

import re
from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from github_mirror.refs import BRANCHES, Pattern, Selection, is_valid
from plugin_kit.errors import SettingsError
from plugin_kit.settings import PluginSettings, group

WHERE = group("Where to mirror to")
WHAT = group("What is mirrored")
SAFETY = group("What may be lost")
SOURCE = group("Where the history comes from")
RUN = group("The run")

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_NO_COMMIT = "a mirror sends the commits that are there and makes none"


class Settings(PluginSettings):
    """Mirrors what has passed to GitHub over SSH; never blocks the pipeline and never destroys."""

    remote: list[str] = Field(min_length=1, json_schema_extra=WHERE)
    """Where to: `git@github.com:owner/repository.git`, or `ssh://user@host:port/path`; several get the same refs one after another."""

    ssh_key: SecretStr = Field(json_schema_extra=WHERE)
    """Private deploy key with write access, from a secret. OpenSSH, PEM or PKCS#8; lost newlines, CRLF and indents are repaired."""

    known_hosts: str | None = Field(default=None, json_schema_extra=WHERE)
    """Host keys of another server than github.com: lines of a known_hosts file, or its path in the workspace. GitHub's are built in."""

    refs: list[str] = Field(default=[], json_schema_extra=group("What is mirrored", default="the ref of this pipeline"))
    """Patterns of branches and tags, such as `heads/*`, `tags/v*`; a `*` at the end matches slashes, too. Without it only the ref of
    this pipeline is mirrored: its branch at the commit that has passed, or its tag. A pattern that matches nothing is a warning;
    with `strict` a failure, unless it has a `*`."""

    exclude: list[str] = Field(default=[], json_schema_extra=WHAT)
    """Patterns of refs that are neither sent nor deleted; one that matches nothing is told as in `refs`."""

    branch: str | None = Field(default=None, json_schema_extra=group("What is mirrored", default="the same name"))
    """Branch of the far side that gets the commit of this pipeline, instead of the one with the same name. Not with `refs`."""

    followtags: bool = Field(default=False, json_schema_extra=WHAT)
    """`true`: also send the annotated tags on commits that are sent, as `git push --follow-tags` does. Not with `refs`."""

    lfs: Literal["auto", "true", "false"] = Field(default="auto", json_schema_extra=WHAT)
    """Send the Git LFS objects before the refs. `auto`: where a .gitattributes says that the repository uses LFS; `true` also where
    only its past does."""

    on_divergence: Literal["keep", "fail", "overwrite"] = Field(default="keep", json_schema_extra=SAFETY)
    """What to do with a ref that has commits at the far side which the source does not have, or a tag that has moved. `keep`: report it and
    leave it alone. `fail`: the same, and it counts as a failure. `overwrite`: replace it, unless it moves again meanwhile; but a branch
    that has all that the source has, and more, is kept even then."""

    force: bool | None = Field(default=None, json_schema_extra=SAFETY)
    """`true` means `on_divergence: overwrite`, as in drone-git-push."""

    prune: Literal["false", "true", "force"] = Field(default="false", json_schema_extra=SAFETY)
    """`true`: delete refs at the far side that `refs` matches and the source does not have. The far side's default branch, and more than
    half of its branches, are only deleted with `force`. Needs the forge: with `source: workspace` nothing is deleted."""

    source: str = Field(default="auto", json_schema_extra=SOURCE)
    """`forge`: a clone of the plugin's own, by https with the credentials of Woodpecker or `source_token`, or by ssh with
    `source_ssh_key`. `workspace`: the clone of the pipeline, completed if it is shallow. Or a URL. `auto`: the forge where there are
    credentials or none are needed, else the workspace."""

    source_token: SecretStr | None = Field(default=None, json_schema_extra=SOURCE)
    """Token that may read the repository at the forge. Not needed where Woodpecker trusts the plugin's image with the credentials."""

    source_username: str | None = Field(default=None, json_schema_extra=SOURCE)
    """User of `source_token`, where the forge wants a certain one."""

    source_ssh_key: SecretStr | None = Field(default=None, json_schema_extra=SOURCE)
    """Private key that may read the repository at the forge, with an ssh `source`."""

    ca_cert: str | None = Field(default=None, json_schema_extra=SOURCE)
    """CA that signed the forge's certificate: PEM, or its path in the workspace."""

    cache_dir: str | None = Field(default=None, json_schema_extra=SOURCE)
    """Folder that outlives the step (a volume): the clone is kept there, so that only new commits are fetched."""

    max_push_size: str = Field(default="1900MiB", json_schema_extra=RUN)
    """A bigger push goes in pieces along the history. GitHub refuses more than 2 GiB at once."""

    timeout: timedelta = Field(default=timedelta(minutes=10), gt=timedelta(0), json_schema_extra=RUN)
    """Longest time for everything together."""

    strict: bool = Field(default=False, json_schema_extra=RUN)
    """`true`: exit 1 when something could not be mirrored; for a step with `failure: ignore`, which is then red in a green pipeline.
    `false`: a warning, and exit 0. Wrong settings always exit 2. What `on_divergence: keep` leaves alone is no failure."""

    dry_run: bool = Field(default=False, json_schema_extra=RUN)
    """`true`: print what would be done and send nothing, like the option `--dry-run`; the exit code is that of a real run."""

    skip_verify: bool = Field(default=False, json_schema_extra=SOURCE)
    """Refused: whoever answers in the forge's place would be believed. Use `ca_cert`."""

    meaningless: ClassVar[dict[str, str]] = {
        "remote_name": "the address in `remote` is used as it is, under no name",
        "local_branch": "the commit of this pipeline is sent; for more, use `refs`",
        "mirror": "`git push --mirror` deletes whatever a CI clone does not have; use `refs: [heads/*, tags/*]`, and `prune` to delete",
        "rebase": "nothing is rewritten on the way; see `on_divergence`",
        "path": "the repository of the pipeline is mirrored; see `source`",
        "tag": _NO_COMMIT,
        "commit": _NO_COMMIT,
        "commit_message": _NO_COMMIT,
        "empty_commit": _NO_COMMIT,
        "author_name": _NO_COMMIT,
        "author_email": _NO_COMMIT,
        "no_verify": "hooks of the clone are never run",
    }
    """Settings of drone-git-push that are accepted with a warning, and the sentence it says."""

    # A misspelt `exclude` would publish what it should hide.
    refuse_unknown: ClassVar[bool] = True

    @field_validator("refs", "exclude")
    @classmethod
    def _patterns(cls, texts: list[str]) -> list[str]:
        for text in texts:
            Pattern.parse(text)
        return texts

    @field_validator("branch")
    @classmethod
    def _branch(cls, text: str | None) -> str | None:
        if text is None:
            return None
        name = text.removeprefix(BRANCHES)
        if not is_valid(f"{BRANCHES}{name}") or name.startswith(("refs/", "-")):
            raise ValueError(f'"{text}" is no name of a branch')
        return name

    @field_validator("max_push_size")
    @classmethod
    def _push_size(cls, text: str) -> str:
        found = _SIZE.fullmatch(text.strip())
        if found is None or float(found[1]) <= 0:
            raise ValueError(f'"{text}" is no size; write 1900MiB or 1.5GiB')
        return text

    @field_validator("skip_verify")
    @classmethod
    def _verified(cls, skip: bool) -> bool:
        if skip:
            raise ValueError("is refused: whoever answers in the forge's place would be believed; give its CA in `ca_cert`")
        return skip

    @model_validator(mode="after")
    def _agree(self) -> Self:
        problems = []
        if self.refs and self.branch:
            problems.append("branch: renames the ref of this pipeline, so it can't be used with `refs`")
        if self.refs and self.followtags:
            problems.append("followtags: belongs to the ref of this pipeline; with `refs`, add `tags/*` there")
        if self.prune != "false" and not self.refs:
            problems.append("prune: needs `refs` (such as `heads/*`) that say where refs may be deleted")
        if self.force and "on_divergence" in self.model_fields_set and self.on_divergence != "overwrite":
            problems.append(f"force: true means `on_divergence: overwrite`, but `on_divergence` is {self.on_divergence}")
        if problems:
            raise SettingsError(problems)
        return self

    @property
    def selection(self) -> Selection:
        """The refs that are chosen by pattern; with an empty `refs` none."""
        return Selection.parse(self.refs, self.exclude)

    @property
    def divergence(self) -> Literal["keep", "fail", "overwrite"]:
        """What `on_divergence` and `force` say together."""
        return "overwrite" if self.force else self.on_divergence

    @property
    def push_limit(self) -> int:
        """Bytes of `max_push_size`: KiB, MiB and GiB by 1024, KB, MB and GB by 1000."""
        found = _SIZE.fullmatch(self.max_push_size.strip())
        if found is None:
            raise ValueError(self.max_push_size)
        base = 1024 if found[3] or not found[2] else 1000
        return int(float(found[1]) * base ** " kmgt".index(found[2].lower() or " "))
