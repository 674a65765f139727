"""The `docker run` line of a step."""

import shlex
import subprocess

import pytest

from devtools import command_line
from devtools.command_line import Place
from devtools.errors import DevError
from devtools.pipeline import Step
from devtools.settings import Variables

PLACE = Place(volume="work", workspace="/woodpecker/src/git.localhost/acme/shop", network="net")


def line(step: Step, variables: Variables | None = None) -> command_line.CommandLine:
    """Return the line of a step on the usual place."""
    return command_line.docker_run(step, name="c", image="image:1", place=PLACE, variables=variables or Variables())


def test_a_plugin_runs_what_its_image_says() -> None:
    """No entrypoint and no command of ours."""
    argv = line(Step(name="a", image="x")).argv
    assert argv[-1] == "image:1"
    assert not any(word.startswith("--entrypoint") for word in argv)
    assert {"--workdir=/woodpecker/src/git.localhost/acme/shop", "--volume=work:/woodpecker", "--network=net"} <= set(argv)


def test_commands_run_in_a_shell_that_stops_at_the_first_failure() -> None:
    """Whatever the entrypoint of the image is."""
    argv = line(Step(name="a", image="x", commands=("make", "make test"))).argv
    assert "--entrypoint=/bin/sh" in argv
    assert argv[-2:] == ("-ec", "echo '+ make'\nmake\necho '+ make test'\nmake test")


def test_an_entrypoint_takes_the_place_of_that_of_the_image() -> None:
    """Its further words follow the image."""
    argv = line(Step(name="a", image="x", entrypoint=("/bin/app", "--check"))).argv
    assert "--entrypoint=/bin/app" in argv
    assert argv[-2:] == ("image:1", "--check")


def test_a_directory_is_inside_the_checkout() -> None:
    """Unless it is absolute."""
    assert "--workdir=/woodpecker/src/git.localhost/acme/shop/docs" in line(Step(name="a", image="x", directory="docs")).argv
    assert "--workdir=/docs" in line(Step(name="a", image="x", directory="/docs")).argv


def test_a_secret_stands_by_its_name_only() -> None:
    """Its value is in the environment of the docker command."""
    made = line(Step(name="a", image="x"), Variables(values={"PLUGIN_A": "hidden", "PLUGIN_B": "shown"}, secret=frozenset({"PLUGIN_A"})))
    assert "--env=PLUGIN_A" in made.argv
    assert "--env=PLUGIN_B=shown" in made.argv
    assert "hidden" not in " ".join((*made.argv, *made.lines(), repr(made)))
    assert made.environment["PLUGIN_A"] == "hidden"


@pytest.mark.parametrize("name", ["PATH", "HOME", "DOCKER_HOST"])
def test_a_secret_can_not_change_the_docker_command(name: str) -> None:
    """It would be read by the command on its way to the container."""
    with pytest.raises(DevError, match=name):
        line(Step(name="a", image="x"), Variables(values={name: "v"}, secret=frozenset({name})))


def test_a_variable_that_linux_would_refuse_is_named() -> None:
    """The same limit holds for the containers of Woodpecker."""
    with pytest.raises(DevError, match="PLUGIN_IMAGES is longer than the 128 KiB"):
        line(Step(name="a", image="x"), Variables(values={"PLUGIN_IMAGES": "x" * 131_072}))


def test_the_printed_lines_are_the_command() -> None:
    """A shell makes the same words of them."""
    values = {
        "PLUGIN_IMAGES": '[{"name":"a b"}]',
        "CI_COMMIT_MESSAGE": "it's\ntwo lines",
        "EMPTY": "",
        **{f"V{n}": "x" * 30 for n in range(20)},
    }
    made = line(Step(name="a", image="x", commands=("echo '$HOME'",)), Variables(values=values))
    text = "\n".join(made.lines())
    assert shlex.split(text.replace("\\\n", "")) == list(made.argv)
    shown = subprocess.run(
        ["sh", "-c", f"docker() {{ printf '%s\\0' \"$@\"; }}\n{text}"], check=True, capture_output=True, text=True
    ).stdout
    assert shown.split("\0")[:-1] == list(made.argv[1:])


@pytest.mark.parametrize(
    ("image", "entries", "expected"),
    [
        ("registry.lan:5000/x:1", ["registry.lan:5000/x:1"], True),
        ("registry.lan:5000/x:1", ["registry.lan:5000/x"], False),
        ("registry.lan:5000/x", ["registry.lan:5000/x"], True),
        ("registry.lan/x:1", ["registry.lan/x"], True),
        ("plugins/x", ["docker.io/plugins/x"], True),
        ("docker.io/library/debian:12", ["debian"], True),
        ("debian", ["debian:latest"], True),
        ("debian:12", ["debian:13", "ubuntu"], False),
        ("x", [], False),
    ],
)
def test_image_lists_match_as_in_woodpecker(image: str, entries: list[str], expected: bool) -> None:
    """A colon anywhere in the entry makes the tag count, even that of a port."""
    assert command_line.matches_image(image, entries) is expected


def test_the_longest_prefix_maps_an_image() -> None:
    """What no prefix fits stays as it is."""
    image_map = {"registry:5000/": "127.0.0.1:32768/", "registry:5000/tools/": "tools-"}
    images = ["registry:5000/demo/a:1", "registry:5000/tools/b", "debian"]
    assert [command_line.mapped(image, image_map) for image in images] == ["127.0.0.1:32768/demo/a:1", "tools-b", "debian"]
