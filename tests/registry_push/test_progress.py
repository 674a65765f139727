"""What a bake is doing is read from what buildx really said."""

import base64
import json

import pytest

from registry_push.progress import Outcome, Progress
from tests.support.recordings import lines, played


def silent(*targets: str) -> Progress:
    """Return a progress that tells nobody."""
    return Progress(list(targets), on_done=lambda _target, _outcome: None)


@pytest.mark.parametrize(
    ("recording", "targets", "cached"),
    [
        ("cold", ("base", "api", "worker"), {"base": False, "api": False, "worker": False}),
        ("cached", ("base", "api", "worker"), {"base": True, "api": True, "worker": True}),
        ("one-changed", ("base", "api", "worker"), {"base": True, "api": False, "worker": True}),
        ("twins", ("base", "left", "right"), {"base": False, "left": False, "right": False}),
        ("single", ("single",), {"single": True}),
        ("failing-run", ("base", "api", "worker", "broken"), {"base": True, "api": True, "worker": True, "broken": False}),
    ],
)
def test_built_is_told_from_cached(recording: str, targets: tuple[str, ...], cached: dict[str, bool]) -> None:
    """A target is cached when no step of its Dockerfile had to run; fetching its base image is no such step."""
    progress, _ = played(recording, targets)
    assert {target: outcome.cached for target, outcome in progress.outcomes.items()} == cached


@pytest.mark.parametrize(
    ("recording", "target", "ran"), [("cold", "base", 1), ("cold", "api", 3), ("cold", "worker", 3), ("one-changed", "api", 2)]
)
def test_the_steps_that_ran_are_counted(recording: str, target: str, ran: int) -> None:
    """Steps of a base count for each image on it: its name stands in front of them."""
    progress, _ = played(recording)
    assert progress.outcomes[target].ran == ran


@pytest.mark.parametrize(
    ("recording", "targets", "pushed"),
    [
        ("cold", ("base", "api", "worker"), ["api", "worker"]),
        ("cached", ("base", "api", "worker"), ["api", "worker"]),
        ("twins", ("base", "left", "right"), ["left", "right"]),
        ("single", ("single",), ["single"]),
        ("failing-base", ("base", "api", "worker"), []),
        ("push-401", ("base", "api", "worker"), []),
    ],
)
def test_a_target_is_done_once_when_its_image_is_in_the_registry(recording: str, targets: tuple[str, ...], pushed: list[str]) -> None:
    """The export completes several times and the manifest's push once; a base that is not pushed is never reported."""
    _, done = played(recording, targets)
    assert sorted(done) == pushed


def test_what_was_pushed_before_a_failure_is_reported() -> None:
    """Images that are in the registry when another one fails are done."""
    _, done = played("failing-run", ("base", "api", "worker", "broken"))
    assert sorted(done) == ["api", "worker"]


def test_a_target_takes_as_long_as_its_own_work() -> None:
    """From its first step to the push of its manifest, in seconds."""
    progress, _ = played("cold")
    seconds = {target: outcome.seconds for target, outcome in progress.outcomes.items()}
    assert seconds == pytest.approx({"base": 0.97, "api": 1.34, "worker": 1.33}, abs=0.02)


def test_a_target_that_never_began_took_no_time() -> None:
    """Without messages everything is zero."""
    progress = silent("api")
    assert (progress.outcomes["api"].seconds, progress.outcomes["api"].cached) == (0.0, True)


class TestFailures:
    """What failed by itself, with the last lines that it printed."""

    def test_a_failing_step_comes_with_its_log(self) -> None:
        """Both streams of the RUN are there, and nothing of other images."""
        progress, _ = played("failing-run", ("base", "api", "worker", "broken"))
        (failure,) = progress.failures()
        assert list(failure.steps) == ["broken"]
        assert failure.step.startswith("[broken 1/2] RUN echo")
        assert failure.error.endswith("did not complete successfully: exit code: 3")
        assert sorted(failure.log) == ["Collecting requests", "ERROR: No matching distribution found for requests==99"]

    def test_what_was_cancelled_because_of_it_is_no_failure(self) -> None:
        """A step that was running when another one failed ends with `context canceled`."""
        text = "\n".join(lines("failing-cancels"))
        assert "context canceled" in text
        progress, _ = played("failing-cancels", ("base", "slow", "broken"))
        assert [list(failure.steps) for failure in progress.failures()] == [["broken"]]

    def test_a_base_that_fails_is_one_failure(self) -> None:
        """Buildx reports the shared step once for the base and for each image on it."""
        progress, _ = played("failing-base")
        (failure,) = progress.failures()
        assert failure.steps.keys() == {"base", "api", "worker"}
        assert failure.log == ("nope",)

    @pytest.mark.parametrize("recording", ["cold", "cached", "one-changed", "twins", "single"])
    def test_a_good_build_has_none(self, recording: str) -> None:
        """Nothing failed, and buildx has nothing to say."""
        progress, _ = played(recording)
        assert (progress.failures(), progress.words) == ([], [])

    def test_buildx_own_words_are_kept(self) -> None:
        """What is no message is what buildx says at the end."""
        progress, _ = played("builder-killed", ("base", "slow"))
        assert progress.words[-1].startswith("ERROR: failed to receive status: rpc error: code = Unavailable")


class TestReading:
    """The format: messages over several lines from buildx 0.13, on one line from newer ones, text in between."""

    @pytest.mark.parametrize("recording", ["cold", "failing-run", "single", "failing-cancels"])
    def test_one_line_or_several_mean_the_same(self, recording: str) -> None:
        """The same messages on a line each lead to the same outcomes."""
        targets = ("base", "api", "worker", "broken", "slow") if recording != "single" else ("single",)
        written = silent(*targets)
        flat = silent(*targets)
        message: list[str] = []
        for line in lines(recording):
            written.feed(line)
            if message or line.startswith("{"):
                message.append(line)
                if line == "}":
                    flat.feed(json.dumps(json.loads("".join(message))))
                    message = []
            else:
                flat.feed(line)
        assert flat.outcomes == written.outcomes
        assert flat.failures() == written.failures()
        assert flat.words == written.words

    def test_broken_messages_are_kept_as_words(self) -> None:
        """A message that is no JSON is shown rather than lost, and the next one is read."""
        progress = silent("api")
        for line in ("{", '  "vertexes": [oops', "}", "{}", "{broken}", '{"vertexes": null, "statuses": null, "logs": null}'):
            progress.feed(line)
        assert progress.words == ['{\n  "vertexes": [oops\n}', "{broken}"]

    def test_words_and_log_lines_are_bounded(self) -> None:
        """Two hundred images that all complain don't fill the memory."""
        progress = silent("api")
        progress.feed('{"vertexes": [{"digest": "sha256:1", "name": "[api 1/1] RUN noise", "error": "exit code: 1"}]}')
        for number in range(1000):
            progress.feed(f"word {number}")
            data = base64.b64encode(f"line {number}\n".encode()).decode()
            progress.feed(json.dumps({"logs": [{"vertex": "sha256:1", "data": data}]}))
        assert len(progress.words) < 50
        assert progress.words[-1] == "word 999"
        (failure,) = progress.failures()
        assert len(failure.log) < 50
        assert failure.log[-1] == "line 999"

    def test_a_message_without_end_is_given_up(self) -> None:
        """A stream that lost its closing brace does not grow for ever."""
        progress = silent("api")
        progress.feed("{")
        for _ in range(50):
            progress.feed("x" * 100_000)
        assert progress._open_size < 5 << 20

    @pytest.mark.parametrize(
        ("name", "target"),
        [
            ("[api 2/4] COPY . .", "api"),
            ("[api build 2/4] COPY . .", "api"),
            ("[api linux/arm64 build 2/4] COPY . .", "api"),
            ("[api internal] load build definition from Dockerfile", "api"),
            ("[api] exporting to image", "api"),
            ("[internal] load local bake definitions", None),
            ("exporting to image", None),
            ("[api-v2 1/1] COPY . .", None),
            ("[1/2] FROM debian", None),
        ],
    )
    def test_the_target_stands_in_front_of_a_step(self, name: str, target: str | None) -> None:
        """In a bake of several targets every step names its own; what is nobody's counts for nobody."""
        progress = silent("api", "web")
        moment = {"started": "2026-05-04T12:00:00Z", "completed": "2026-05-04T12:00:01.123456789Z"}
        progress.feed(json.dumps({"vertexes": [{"digest": "sha256:1", "name": name, **moment}]}))
        assert [each for each, outcome in progress.outcomes.items() if outcome.seconds] == ([target] if target else [])


def log(vertex: str, text: str) -> str:
    """Write a message with a piece of a step's log."""
    return json.dumps({"logs": [{"vertex": vertex, "data": base64.b64encode(text.encode()).decode()}]})


def test_log_lines_are_put_together_from_pieces() -> None:
    """Pieces end anywhere; a progress bar's carriage returns leave the last state only; whoever wants it gets each line once."""
    told: list[tuple[str, str]] = []

    def tell(target: str, line: str) -> None:
        told.append((target, line))

    progress = Progress(["api", "web"], on_done=lambda _target, _outcome: None, on_log=tell)
    progress.feed('{"vertexes": [{"digest": "sha256:1", "name": "[api 1/2] RUN make"}]}')
    for text in ("Compil", "ing a\nCompiling b\r\n", "10%\r55%\r100%\n", "no line end"):
        progress.feed(log("sha256:1", text))
    progress.feed(log("sha256:unknown", "nobody's\n"))
    assert told == [("api", "Compiling a"), ("api", "Compiling b"), ("api", "100%")]


def test_an_outcome_without_an_end_has_no_seconds() -> None:
    """A target that was cut off in the middle is not measured."""
    assert Outcome().seconds == 0.0
