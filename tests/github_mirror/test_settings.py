from datetime import timedelta

import pytest

from github_mirror.settings import Settings
from plugin_kit.errors import SettingsError

REQUIRED = {"PLUGIN_REMOTE": "git@github.com:acme/shop.git", "PLUGIN_SSH_KEY": "not-a-real-key"}


def load(**given: str) -> Settings:
    """Load settings as Woodpecker hands them over."""
    return Settings.load({**REQUIRED, **{f"PLUGIN_{name}": value for name, value in given.items()}}).settings


def problems(**given: str) -> tuple[str, ...]:
    """Give what is wrong with settings."""
    with pytest.raises(SettingsError) as caught:
        load(**given)
    return caught.value.problems


def test_the_defaults_are_the_safe_ones() -> None:
    """Only this pipeline's ref, nothing overwritten, nothing deleted, nothing blocked."""
    settings = load()
    assert (settings.refs, settings.divergence, settings.prune, settings.strict) == ([], "keep", "false", False)
    assert settings.timeout == timedelta(minutes=10)
    assert settings.push_limit == 1900 * 1024**2


def test_remote_and_key_are_required() -> None:
    """Both are named in one error."""
    with pytest.raises(SettingsError) as caught:
        Settings.load({})
    assert caught.value.problems == ("remote: required, but not set", "ssh_key: required, but not set")


def test_a_misspelt_setting_is_refused() -> None:
    """With `excludes` for `exclude` a branch would be published that was to be hidden, and that can't be undone."""
    assert problems(EXCLUDES="heads/secret") == ('unknown setting "excludes", did you mean "exclude"?',)


def test_several_remotes() -> None:
    """A list, or names with commas."""
    assert load(REMOTE="git@github.com:a/b.git,ssh://git@host:2222/c").remote == ["git@github.com:a/b.git", "ssh://git@host:2222/c"]


@pytest.mark.parametrize(
    ("text", "size"),
    [("1900MiB", 1900 * 1024**2), ("1.5 GiB", 3 * 1024**3 // 2), ("2GB", 2_000_000_000), ("500k", 500_000), ("4096", 4096), ("10b", 10)],
)
def test_sizes(text: str, size: int) -> None:
    """By 1024 with an i, by 1000 without."""
    assert load(MAX_PUSH_SIZE=text).push_limit == size


@pytest.mark.parametrize("text", ["much", "0", "-1MiB", "1 XiB"])
def test_a_size_that_is_none(text: str) -> None:
    """The error shows how to write one."""
    assert problems(MAX_PUSH_SIZE=text) == (f'max_push_size: "{text}" is no size; write 1900MiB or 1.5GiB',)


def test_force_is_overwrite() -> None:
    """As drone-git-push has it."""
    assert load(FORCE="true").divergence == "overwrite"
    assert load(FORCE="false", ON_DIVERGENCE="fail").divergence == "fail"


def test_force_against_on_divergence_is_refused() -> None:
    """Which of the two counts is nothing to guess about."""
    assert problems(FORCE="true", ON_DIVERGENCE="keep") == ("force: true means `on_divergence: overwrite`, but `on_divergence` is keep",)


@pytest.mark.parametrize("value", ["true", "false", "force", "True"])
def test_prune_takes_yaml_booleans(value: str) -> None:
    """Woodpecker writes them as words."""
    assert load(PRUNE=value, REFS="heads/*").prune == value.lower()


def test_prune_needs_refs() -> None:
    """Without patterns nothing says where a ref may be deleted."""
    assert "prune: needs `refs`" in problems(PRUNE="true")[0]


def test_what_belongs_to_this_pipelines_ref_does_not_go_with_refs() -> None:
    """Both contradictions are named at once."""
    found = problems(REFS="heads/*", BRANCH="main", FOLLOWTAGS="true")
    assert [problem.partition(":")[0] for problem in found] == ["branch", "followtags"]


def test_patterns_are_checked() -> None:
    """A pattern that could never match is an error before anything is done."""
    assert "heads/main" in problems(REFS="main")[0]
    assert problems(REFS="heads/*", EXCLUDE="refs/pull/*")[0].startswith("exclude: ")


@pytest.mark.parametrize("name", ["a..b", "refs/tags/v1", "a b", "-x", "a:b"])
def test_a_branch_name_that_is_none(name: str) -> None:
    """It never becomes another refspec, and never the empty one that deletes."""
    assert problems(BRANCH=name) == (f'branch: "{name}" is no name of a branch',)


def test_branch_may_be_written_in_full() -> None:
    """People copy it from CI_COMMIT_REF."""
    assert load(BRANCH="refs/heads/main").branch == "main"


def test_skip_verify_is_refused_with_the_reason() -> None:
    """It is no setting to ignore: whoever sets it would believe that it works."""
    assert "give its CA in `ca_cert`" in problems(SKIP_VERIFY="true")[0]
    assert load(SKIP_VERIFY="false").skip_verify is False


def test_settings_of_drone_git_push_without_meaning_are_named() -> None:
    """The step still runs; each warning says what to use instead."""
    warnings = Settings.load({**REQUIRED, "PLUGIN_REMOTE_NAME": "deploy", "PLUGIN_MIRROR": "true", "PLUGIN_COMMIT": "true"}).warnings
    assert [warning.partition(" is ignored")[0] for warning in warnings] == ['"commit"', '"mirror"', '"remote_name"']


def test_secrets_are_known_as_such() -> None:
    """What the console has to hide."""
    assert load(SOURCE_TOKEN="tok-123", SOURCE_SSH_KEY="key-456").secret_values() == {"not-a-real-key", "tok-123", "key-456"}
