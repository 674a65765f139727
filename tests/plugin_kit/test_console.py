"""What a person reads in the log of a step."""

import io
import subprocess
import sys
import threading

import pytest

from plugin_kit.console import WIDTH, Console, Step, elapsed, lasting, shorten, size
from plugin_kit.errors import Cancelled, RegistryError, SettingsError
from plugin_kit.redact import MASK, Redactor


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


class Page:
    """A console and what it wrote."""

    def __init__(self, *secrets: str, colour: bool = False) -> None:
        self.out = io.StringIO()
        self.clock = Clock()
        self.console = Console(self.out, Redactor(secrets), colour=colour, clock=self.clock)

    @property
    def text(self) -> str:
        """Everything that was written."""
        return self.out.getvalue()

    @property
    def lines(self) -> list[str]:
        """Everything that was written, by lines."""
        return self.text.splitlines()


def run_step(page: Page, title: str, seconds: float) -> None:
    """Do a step that takes that long."""
    with page.console.step(title):
        page.clock.now += seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (-0.1, "0.0s"),
        (0.04, "0.0s"),
        (1.24, "1.2s"),
        (59.94, "59.9s"),
        (59.96, "1m 00s"),
        (65.4, "1m 05s"),
        (119.7, "2m 00s"),
        (3599.4, "59m 59s"),
        (3599.9, "1h 00m 00s"),
        (3725, "1h 02m 05s"),
    ],
)
def test_elapsed_times(seconds: float, text: str) -> None:
    """Tenths matter below a minute only."""
    assert elapsed(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.3, "0.3s"),
        (1, "1s"),
        (9.97, "10s"),
        (30, "30s"),
        (60, "1m"),
        (90, "1m 30s"),
        (300, "5m"),
        (3600, "1h"),
        (5400, "1h 30m"),
        (3725, "1h 02m 05s"),
        (36000, "10h"),
    ],
)
def test_lasting_times(seconds: float, text: str) -> None:
    """As people write them in settings."""
    assert lasting(seconds) == text


def test_step_has_a_line_at_each_end() -> None:
    """The second line says how long it took."""
    page = Page()
    run_step(page, "Building 14 images", 65)
    assert page.lines == ["==> Building 14 images", "    Building 14 images: done in 1m 05s"]


def test_note_stands_on_the_end_line() -> None:
    """The last note of a step counts."""
    page = Page()
    with page.console.step("Pushing") as step:
        step.note("1 of 2")
        step.note("2 of 2")
    assert page.lines[-1] == "    Pushing: done in 0.0s, 2 of 2"


@pytest.mark.parametrize(
    ("error", "how"), [(RegistryError("no"), "failed after"), (Cancelled("c"), "cancelled after"), (KeyError("k"), "failed after")]
)
def test_step_says_how_it_ended(error: Exception, how: str) -> None:
    """A failure is shown with its time and goes on to the caller."""
    page = Page()

    def fail(step: Step) -> None:
        page.clock.now += 3.1
        step.note("api was under way")
        raise error

    with pytest.raises(type(error)), page.console.step("Pushing") as step:
        fail(step)
    assert page.lines[-1] == f"    Pushing: {how} 3.1s, api was under way"


def test_error_says_what_why_and_what_to_do() -> None:
    """The shape of every error."""
    page = Page()
    page.console.error(
        RegistryError(
            "registry.example.lan refused the push of shop/api (401 Unauthorized)",
            details=["the registry asks for a login and the step has none"],
            hint="set `username` and `password` (from_secret), or mount a Docker config and set `config`",
        )
    )
    assert page.lines == [
        "error: registry.example.lan refused the push of shop/api (401 Unauthorized)",
        "  the registry asks for a login and the step has none",
        "  hint: set `username` and `password` (from_secret), or mount a Docker config and set `config`",
    ]


def test_error_of_settings_lists_all_problems() -> None:
    """One run shows everything that is wrong."""
    page = Page()
    page.console.error(SettingsError(["platforms: no such platform", "tags: none given"]))
    assert page.lines == ["error: 2 settings can't be used", "  platforms: no such platform", "  tags: none given"]


def test_prose_is_wrapped_and_quotes_are_not() -> None:
    """Messages and hints fit the log; a child's line and an address stay whole, so that they can be copied and searched."""
    page = Page()
    address = "https://forge.example.lan/" + "x" * 120
    page.console.error(RegistryError("word " * 30, details=["quoted " * 20], hint=f"{'advice ' * 20}{address} end"))
    assert page.lines == [
        "error: " + ("word " * 22).strip(),
        "  " + ("word " * 8).strip(),
        "  " + "quoted " * 20,
        "  hint: " + ("advice " * 16).strip(),
        "        " + ("advice " * 4).strip(),
        "        " + address,
        "        end",
    ]


def test_warnings_in_view_are_not_repeated() -> None:
    """At the end of a short log they still stand there."""
    page = Page()
    page.console.warn("tag latest stays")
    page.console.finish()
    assert page.lines == ["warning: tag latest stays"]


def test_warnings_stand_out_and_are_repeated_at_the_end() -> None:
    """A warning that is given twice is read once where it happens and once at the end of a long log."""
    page = Page()
    page.console.warn("the cache of shop/web could not be read", hint="set `cache: none`")
    page.console.warn("the cache of shop/web could not be read", hint="set `cache: none`")
    page.console.warn("tag latest stays", details=[f"git push {'x' * WIDTH}"])
    page.console.info("a line\n" * 20)
    page.console.finish()
    assert page.lines[:4] == [
        "warning: the cache of shop/web could not be read",
        "  hint: set `cache: none`",
        "warning: tag latest stays",
        f"  git push {'x' * WIDTH}",
    ]
    assert page.lines[24:] == [
        "2 warnings:",
        "  - the cache of shop/web could not be read",
        "    hint: set `cache: none`",
        "  - tag latest stays",
        f"    git push {'x' * WIDTH}",
    ]


def test_what_is_forgiven_is_said_once_and_last() -> None:
    """A failure that leaves the step green: after the repeated warnings, with its details as they are."""
    page = Page()
    page.console.forgive(RegistryError("NOT SENT", details=["  the server's own words"], hint="send it again"))
    page.console.warn("the cache is gone")
    for number in range(20):
        page.console.info(f"line {number}")
    page.console.finish()
    assert page.lines[21:] == [
        "1 warning:",
        "  - the cache is gone",
        "warning: NOT SENT",
        "    the server's own words",
        "  hint: send it again",
    ]


def test_finish_is_silent_without_warnings() -> None:
    """No news is good news."""
    page = Page()
    page.console.finish()
    assert page.text == ""


def test_table_columns_align() -> None:
    """Words to the left, numbers to the right, no blanks at the end of lines."""
    page = Page()
    rows = [["shop/api", "built", 3.1], ["shop/web-frontend", "", 120]]
    page.console.table(["image", "result", "s"], rows, align="llr", title="Images")
    assert page.lines == [
        "Images",
        "  image              result    s",
        "  shop/api           built   3.1",
        "  shop/web-frontend          120",
    ]


def test_table_fits_the_log() -> None:
    """The longest cells lose their middle, the short columns nothing."""
    page = Page()
    page.console.table(["image", "digest", "time"], [["registry.example.lan/" + "i" * 70, "sha256:" + "d" * 64, "1m 05s"]], "llr")
    assert max(map(len, page.lines)) == WIDTH
    assert page.lines[1].startswith("  registry.example.lan/iii")
    assert page.lines[1].endswith("ddd  1m 05s")
    assert page.lines[1].count("...") == 2


def test_sentences_in_the_last_column_go_on_in_the_next_line() -> None:
    """A reason whose middle is missing is none."""
    page = Page()
    why = "diverged: " + "somebody has pushed to there, " * 5 + "or not"
    page.console.table(["ref", "why"], [["main", why], ["b" * 60, "short"]])
    assert max(map(len, page.lines)) <= WIDTH
    begin = page.lines[0].index("why")
    assert " ".join(line[begin:] for line in page.lines[1:-1]) == why
    assert all(line[:begin].strip() in {"main", ""} for line in page.lines[1:-1])
    assert page.lines[-1].split() == ["b" * 60, "short"]


def test_the_other_columns_give_way_to_a_last_one_of_some_width() -> None:
    """And a word that is longer stays whole: addresses and commands are copied."""
    page = Page()
    address = "https://github.com/acme/shop/security/" + "x" * 60
    page.console.table(["ref", "old", "why"], [["r" * 100, "o" * 30, f"allow it at {address} first"]])
    assert [line.strip() for line in page.lines[2:]] == [address, "first"]
    assert len(page.lines[1]) <= WIDTH
    assert page.lines[1].count("...") == 1


def test_table_without_rows_is_not_printed() -> None:
    """A head without a body says nothing."""
    page = Page()
    page.console.table(["image"], [], title="Images")
    assert page.text == ""


def test_table_cell_stays_on_its_line() -> None:
    """The first lines of commit messages and errors end up in cells."""
    page = Page()
    page.console.table(["a", "b"], [["one\ntwo\t three", "x"]])
    assert page.lines[1] == "  one two three  x"


@pytest.mark.parametrize(("width", "text"), [(26, "abcdefghijklmnopqrstuvwxyz"), (11, "abcd...wxyz"), (10, "abcd...xyz"), (8, "abc...yz")])
def test_shorten_keeps_both_ends(width: int, text: str) -> None:
    """Names and digests are told apart by their ends."""
    assert shorten("abcdefghijklmnopqrstuvwxyz", width) == text


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("#5 exporting layers", "#5 exporting layers"),
        ("#5 done\r\n", "#5 done"),
        ("10%\r50%\r100%", "100%"),
        ("10%\r100%\r", "100%"),
        ("\x1b[32mok\x1b[0m", "ok"),
        ("\x1b[2K\x1b[1A\x1b[?25lfetching", "fetching"),
        ("\x1b]0;title\x07text \x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "text link"),
        ("bell\x07 back\x08space \x1bMup \x00nul", "bell backspace up nul"),
        ("a\tb", "a\tb"),
        ("", ""),
    ],
)
def test_childs_line_can_not_move_the_cursor(line: str, shown: str) -> None:
    """A log is a file: what overwrites, erases or rings is taken out, and of a progress bar its last state is left."""
    page = Page()
    page.console.raw(line, prefix="api | ")
    assert page.text == f"api | {shown}\n"


def test_childs_colours_stay_where_colour_is_wanted() -> None:
    """And end with the line."""
    page = Page(colour=True)
    page.console.raw("\x1b[32mok")
    assert page.text == "\x1b[32mok\x1b[0m\n"


def test_colour_inside_a_secret_does_not_uncover_it() -> None:
    """`grep --color` and test runners colour a part of a word."""
    page = Page("hunter22", colour=True)
    page.console.raw("pw=hun\x1b[31mter\x1b[0m22")
    assert page.text == f"pw={MASK}\n"


def test_every_line_goes_through_the_redactor() -> None:
    """Whatever is printed, by whichever method."""
    page = Page("hunter22")
    console = page.console
    console.info("info hunter22")
    console.detail("detail hunter22")
    console.raw("raw hunter22", prefix="hunter22 | ")
    console.warn("warn hunter22", hint="hint hunter22")
    console.error(RegistryError("error hunter22", details=["detail hunter22"], hint="hint hunter22"))
    with console.step("step hunter22") as step:
        step.note("note hunter22")
    console.table(["hunter22"], [["hunter22"]], title="hunter22")
    console.info("a line\n" * 20)
    console.finish()
    assert "hunter" not in page.text
    assert page.text.count(MASK) == 17


def test_secret_is_masked_before_its_line_is_wrapped() -> None:
    """A secret with blanks at the end of a line must not be torn into two harmless halves."""
    page = Page("correct horse battery staple")
    page.console.error(RegistryError("x" * 100 + " correct horse battery staple"))
    assert page.lines == ["error: " + "x" * 100 + " " + MASK]


def test_texts_of_several_lines_are_indented() -> None:
    """The shape of a log stays readable with them."""
    page = Page()
    page.console.info("one\ntwo\n")
    page.console.detail("three\nfour")
    assert page.lines == ["one", "two", "    three", "    four"]


def test_colours_are_around_whole_words() -> None:
    """Each line ends its own colours."""
    page = Page(colour=True)
    run_step(page, "Pushing", 1)
    assert page.lines == ["\x1b[1;34m==> Pushing\x1b[0m", "\x1b[32m    Pushing: done in 1.0s\x1b[0m"]


class Terminal(io.StringIO):
    """Text output that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("out", "environ", "coloured"),
    [
        (io.StringIO, {}, False),
        (io.StringIO, {"FORCE_COLOR": "1"}, True),
        (Terminal, {}, True),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (Terminal, {"NO_COLOR": ""}, True),
    ],
)
def test_colour_only_where_it_is_wanted(
    out: type[io.StringIO], environ: dict[str, str], *, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR before FORCE_COLOR before what the output is; empty variables don't count (no-color.org, force-color.org)."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    written = out()
    with Console(written).step("x"):
        pass
    assert ("\x1b" in written.getvalue()) is coloured


def test_lines_of_threads_are_not_mixed() -> None:
    """Images are built at the same time, and each error stays in one piece."""
    page = Page()
    error = RegistryError("a" * 50, details=["b" * 50] * 5)

    def report() -> None:
        for _ in range(50):
            page.console.error(error)

    threads = [threading.Thread(target=report) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert page.text == ("error: " + "a" * 50 + "\n" + ("  " + "b" * 50 + "\n") * 5) * 200


def test_lines_survive_a_kill() -> None:
    """What was printed is in the log even if the process is killed the next moment."""
    script = "import os\nfrom plugin_kit.console import Console\nConsole().info('last words')\nos.kill(os.getpid(), 9)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (-9, "last words\n")


def test_output_of_a_poor_encoding_does_not_fail() -> None:
    """A log in ASCII is no reason to break a build."""
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding="ascii")
    Console(out).info("grün")
    assert written.getvalue() == b"gr\\xfcn\n"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1024.0 KiB"),
        (1024**2, "1.0 MiB"),
        (31_457_280, "30.0 MiB"),
        (1024**3, "1.0 GiB"),
        (5 * 1024**4, "5120.0 GiB"),
    ],
)
def test_a_size_is_written_for_people(count: int, text: str) -> None:
    """Bytes as they are, above that one digit behind the point."""
    assert size(count) == text
