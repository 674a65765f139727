"""Why a bake failed, told from what buildx and BuildKit really said."""

import pytest

from plugin_kit.errors import BuilderError, BuildError, PluginError, RegistryError
from registry_push.failure import explain, is_race
from registry_push.plan import Plan
from registry_push.progress import Progress
from tests.support.plans import make, source
from tests.support.recordings import played

ON_BASE = {"base": "target:base"}
TARGETS = ("base", "api", "worker", "broken", "slow", "nofile", "private")
NAMES = {name: f"shop {name}" for name in TARGETS}


def plan(registry: str = "registry:5000", *, embedded: bool = False) -> Plan:
    """Plan what was recorded."""
    sources = [source("base", push=False), *(source(name, contexts=ON_BASE) for name in TARGETS[1:])]
    return make(*sources, given={"registry": registry}, builders=() if embedded else ("tcp://buildkit:1234",))


def explained(recording: str, registry: str = "registry:5000", *, embedded: bool = False) -> PluginError:
    """Explain a recorded failure."""
    progress, _ = played(recording, TARGETS)
    return explain(progress, plan(registry, embedded=embedded), NAMES)


def said(*words: str) -> Progress:
    """Return the progress of a build of which buildx said these words, and nothing else."""
    progress = Progress(list(TARGETS), on_done=lambda _target, _outcome: None)
    for line in words:
        progress.feed(line)
    return progress


@pytest.mark.parametrize(
    ("recording", "registry", "kind", "message"),
    [
        ("failing-run", "registry:5000", BuildError, "the build of shop broken failed: no tag was set"),
        ("failing-cancels", "registry:5000", BuildError, "the build of shop broken failed: no tag was set"),
        ("failing-base", "registry:5000", BuildError, "the build of shop base failed: no tag was set"),
        ("missing-file", "registry:5000", BuildError, "/absent.txt is not in the build context for shop nofile: no tag was set"),
        ("missing-base", "registry:5000", BuildError, "the base image was not found for shop api: no tag was set"),
        ("pull-refused", "registry:5000", RegistryError, "the builder can't reach a registry for shop private: no tag was set"),
        ("push-unknown-ca", "secure:5000", RegistryError, "the builder does not trust the certificate of the registry secure:5000"),
        ("pull-unknown-ca", "registry:5000", RegistryError, "the builder does not trust the certificate of the registry secure:5000"),
        (
            "push-plain-http",
            "locked:5000",
            RegistryError,
            "the builder expected https from the registry locked:5000, which speaks plain http",
        ),
        (
            "pull-plain-http",
            "registry:5000",
            RegistryError,
            "the builder expected https from the registry locked:5000, which speaks plain http",
        ),
        ("push-401", "locked:5000", RegistryError, "a registry refused the builder (401 Unauthorized)"),
        ("pull-401", "registry:5000", RegistryError, "a registry refused the builder (401 Unauthorized)"),
        ("push-500", "192.168.0.1:5999", RegistryError, "the push to 192.168.0.1:5999 failed: no tag was set"),
        ("push-refused", "registry:5998", RegistryError, "the push to registry:5998 failed: no tag was set"),
        ("push-unknown-host", "nowhere.invalid:5000", RegistryError, "the push to nowhere.invalid:5000 failed: no tag was set"),
        (
            "builder-refused",
            "registry:5000",
            BuilderError,
            "the builder tcp://buildkit:1234 takes connections and does not answer as a BuildKit",
        ),
        ("builder-killed", "registry:5000", BuilderError, "the connection to the builder was lost"),
    ],
)
def test_a_failure_says_who_failed(recording: str, registry: str, kind: type[PluginError], message: str) -> None:
    """Build, registry and builder are told apart, and named."""
    error = explained(recording, registry)
    assert type(error) is kind
    assert error.message == message
    assert error.exit_code == 1


class TestDockerfile:
    """A step that failed is shown with its own last lines, not with fourteen logs mixed."""

    def test_the_steps_last_lines_are_shown(self) -> None:
        """Step, log and error, in this order."""
        details = explained("failing-run").details
        assert details[0].startswith("at: [broken 1/2] RUN echo")
        assert sorted(details[1:3]) == ["| Collecting requests", "| ERROR: No matching distribution found for requests==99"]
        assert details[3].endswith("exit code: 3")

    def test_a_failing_base_is_shown_under_its_own_name(self) -> None:
        """Whichever image buildx reported first, the Dockerfile to look at is the base's."""
        assert explained("failing-base").details == (
            "at: [base 2/2] RUN echo nope >&2; exit 7",
            "| nope",
            'process "/bin/sh -c echo nope >&2; exit 7" did not complete successfully: exit code: 7',
        )

    def test_several_failures_are_counted(self) -> None:
        """The first one is explained, and that there are more is said."""
        progress, _ = played("failing-run", TARGETS)
        progress.feed('{"vertexes": [{"digest": "sha256:9", "name": "[slow 1/1] RUN x", "error": "exit code: 1"}]}')
        error = explain(progress, plan(), NAMES)
        assert error.message == "the build of shop broken failed (1 more failed, too): no tag was set"

    def test_a_missing_file_names_the_copy(self) -> None:
        """The COPY and the file that it did not find."""
        details = explained("missing-file").details
        assert details[0] == "at: [nofile 1/1] COPY absent.txt /"
        assert '"/absent.txt": not found' in details[-1]

    def test_a_long_log_is_cut_to_its_end(self) -> None:
        """Twenty lines of it are enough to see why."""
        progress, _ = played("failing-run", TARGETS)
        (failed,) = progress._failed
        progress._vertexes[failed].log.extend(f"line {number}" for number in range(100))
        log = [line for line in explain(progress, plan(), NAMES).details if line.startswith("|")]
        assert log == [f"| line {number}" for number in range(80, 100)]


class TestRemedy:
    """What to do depends on where the builder runs."""

    @pytest.mark.parametrize(
        ("recording", "registry", "line"),
        [
            ("push-unknown-ca", "secure:5000", '    ca = ["/etc/buildkit/registry-ca.pem"]'),
            ("pull-unknown-ca", "registry:5000", '    ca = ["/etc/buildkit/registry-ca.pem"]'),
            ("push-plain-http", "locked:5000", "    http = true"),
            ("pull-plain-http", "registry:5000", "    http = true"),
        ],
    )
    def test_a_builder_that_stays_needs_lines_in_its_configuration(self, recording: str, registry: str, line: str) -> None:
        """The lines to add to buildkitd.toml, for the registry that was refused: it may be the base image's."""
        host = "secure:5000" if recording.endswith("-ca") else "locked:5000"
        assert explained(recording, registry).details[-3:] == (
            "add to the builder's buildkitd.toml and restart it:",
            f'  [registry."{host}"]',
            line,
        )

    @pytest.mark.parametrize(
        ("recording", "registry", "hint"),
        [("push-unknown-ca", "secure:5000", "set `ca_cert`"), ("push-plain-http", "locked:5000", "set `insecure: true`")],
    )
    def test_the_embedded_one_needs_a_setting(self, recording: str, registry: str, hint: str) -> None:
        """Its configuration is ours: the setting is enough."""
        error = explained(recording, registry, embedded=True)
        assert error.hint == hint
        assert "add to the builder's buildkitd.toml and restart it:" not in error.details

    def test_a_refused_login_names_the_settings(self) -> None:
        """Login of the registry and of base images' registries."""
        hint = explained("pull-401").hint or ""
        assert "`username` and `password`" in hint
        assert "`logins`" in hint

    def test_a_builder_that_does_not_answer_names_the_settings_of_mtls(self) -> None:
        """Buildx gives no reason; a wrong certificate is the usual one."""
        hint = explained("builder-refused").hint or ""
        assert all(name in hint for name in ("`builder_ca`", "`builder_cert`", "`builder_key`"))


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (
            'failed to do request: Head "https://r:5000/v2/x/blobs/1": tls: first record does not look like a TLS handshake',
            RegistryError,
            "the builder expected https from the registry r:5000, which speaks plain http",
        ),
        (
            "failed to push r:5000/x: server message: insufficient_scope: authorization failed",
            RegistryError,
            "a registry refused the builder (insufficient_scope)",
        ),
        (
            "failed to push r:5000/x: denied: requested access to the resource is denied",
            RegistryError,
            "a registry refused the builder (denied)",
        ),
        (
            "failed to push r:5000/x: unexpected status from PUT request to https://r:5000/v2/x: 507 Insufficient Storage",
            RegistryError,
            "the push to registry:5000 failed: 507 Insufficient Storage",
        ),
        (
            "failed to push r:5000/x: unexpected status from POST request to https://r:5000/v2/x: 500 Internal Server Error",
            RegistryError,
            "the push to registry:5000 failed: 500 Internal Server Error",
        ),
        (
            "failed to solve: write /var/lib/buildkit/x: no space left on device",
            RegistryError,
            "the push to registry:5000 failed: no space left on device",
        ),
        ("something nobody has seen", BuildError, "the build failed: no tag was set"),
        ("", BuildError, "the build failed: no tag was set"),
    ],
)
def test_other_words_are_understood_too(words: str, kind: type[PluginError], message: str) -> None:
    """Words that other registries and versions use lead to the same explanations; unknown ones are quoted."""
    error = explain(said(words), plan(), NAMES)
    assert type(error) is kind
    assert error.message == message
    assert not words or words in error.details


@pytest.mark.parametrize(
    ("recording", "race"),
    [
        ("push-race", True),
        ("push-401", False),
        ("push-500", False),
        ("push-refused", False),
        ("failing-run", False),
        ("missing-base", False),
    ],
)
def test_the_blob_race_is_told_from_other_failures(recording: str, race: bool) -> None:
    """Only a blob that two uploads sent at once is worth a second try of the same bake."""
    progress, _ = played(recording, TARGETS)
    assert is_race(progress) is race


@pytest.mark.parametrize(
    "words",
    [
        "failed to push r:5000/x: unknown: blob unknown to registry",
        "failed to push r:5000/x: unexpected status: 400 Bad Request: provided digest did not match uploaded content",
        "error writing cache: blob upload unknown to registry",
        "error writing cache: blob upload invalid",
    ],
)
def test_every_form_of_the_race_is_known(words: str) -> None:
    """Image push and cache export word it differently."""
    assert is_race(said(words))
