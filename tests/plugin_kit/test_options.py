"""The options of a plugin's command line."""

import pytest

from plugin_kit.options import Action, Chosen, Option, WrongUsage, choose, known

SHOW = Action(
    option=Option(name="--show", value="COMMIT", meaning="print a commit"),
    run="x:show",
    options=(Option(name="--json", meaning="as JSON", for_programs=True),),
)
PRUNE = Action(
    option=Option(name="--prune", meaning="tidy up"),
    run="x:prune",
    options=(Option(name="--keep", value="N", meaning="how many stay", default="50"),),
)
ACTIONS = (SHOW, PRUNE)


def chosen(*arguments: str) -> Chosen:
    """Read arguments of a plugin with two actions."""
    return choose("shop", arguments, ACTIONS)


def test_no_option_is_the_work_itself() -> None:
    """In a pipeline there is none."""
    assert chosen() == Chosen(given={}, action=None)


@pytest.mark.parametrize("arguments", [["--show", "abc"], ["--show=abc"]])
def test_a_value_follows_or_is_joined(arguments: list[str]) -> None:
    """As people are used to."""
    read = chosen(*arguments)
    assert (read.action, read.value(SHOW.option)) == (SHOW, "abc")


def test_a_value_may_hold_an_equals_sign() -> None:
    """Only the first one joins."""
    assert chosen("--show=a=b").value(SHOW.option) == "a=b"


def test_an_option_that_was_not_given_has_its_default() -> None:
    """Or nothing."""
    read = chosen("--prune")
    assert (read.value(PRUNE.options[0]), read.value(SHOW.option)) == ("50", "")


def test_an_action_takes_its_own_options_in_any_order() -> None:
    """And those that all plugins have."""
    read = chosen("--keep", "7", "--dry-run", "--prune")
    assert (read.action, read.value(PRUNE.options[0]), read.dry_run) == (PRUNE, "7", True)
    assert "--json" not in read
    assert "--json" in chosen("--show", "abc", "--json")


def test_an_option_may_say_that_a_program_reads_the_output() -> None:
    """Then warnings and errors go elsewhere."""
    assert chosen("--show", "abc", "--json").for_programs
    assert not chosen("--show", "abc").for_programs


def test_the_short_form_of_help() -> None:
    """The only one there is."""
    assert "--help" in chosen("-h")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--shwo"], "shop has no option --shwo, did you mean --show?", "settings are no options; give them as variables"),
        (["--registry=x"], "shop has no option --registry", "PLUGIN_<NAME>=..., and see shop --help"),
        (["latest"], "shop has no option latest", "settings are no options"),
        (["--show"], "shop: --show needs a value: --show COMMIT", "see shop --help"),
        (["--show="], "shop: --show needs a value: --show COMMIT", "see shop --help"),
        (["--show", "--json"], "shop: --show needs a value: --show COMMIT", "see shop --help"),
        (["--prune=yes"], "shop: --prune takes no value", "see shop --help"),
        (["--dry-run=false"], "shop: --dry-run takes no value", "see shop --help"),
        (["--show", "abc", "--prune"], "shop: --show and --prune are different things to do", "give one of them"),
        (["--keep", "7"], "shop: --keep belongs to --prune", "write --prune --keep N"),
        (["--show", "abc", "--keep", "7"], "shop: --keep belongs to --prune", "write --prune --keep N"),
        (["--prune", "--json"], "shop: --json belongs to --show", "write --show COMMIT --json"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], message: str, hint: str) -> None:
    """With what to write instead; nothing is guessed where something could be removed."""
    with pytest.raises(WrongUsage) as refusal:
        chosen(*arguments)
    assert refusal.value.message.startswith(message)
    assert hint in refusal.value.hint


def test_the_last_one_counts() -> None:
    """As everywhere: a script may end with what a person adds."""
    assert chosen("--prune", "--keep=7", "--keep=9").value(PRUNE.options[0]) == "9"


def test_a_plugin_without_actions_knows_only_what_all_know() -> None:
    """And says so."""
    assert [option.name for option in known(())] == ["--help", "--version", "--schema", "--dry-run"]
    with pytest.raises(WrongUsage, match="has no option --prune"):
        choose("shop", ["--prune"], ())


def test_options_are_listed_with_the_action_they_belong_to() -> None:
    """In the order of the help."""
    assert [option.shown for option in known(ACTIONS)][4:] == ["--show COMMIT", "--json", "--prune", "--keep N"]
