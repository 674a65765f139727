"""The verbs of `./dev`; the modules behind them are imported when their verb is asked for."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import import_module

from devtools.errors import DevError
from plugin_kit.errors import PluginError

INTERRUPTED = 130
_PLATFORM = (
    "instead: bring the platform of examples/stonks-oracle up on a made-up cluster (a real API server, real Helm), again, after a change "
    "by hand, down and up; then let a promotion wait at the market gate until somebody breaks glass. --keep leaves all of it up"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and arguments.verb != "test":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.rest = rest
    try:
        return _run(arguments)
    except DevError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except PluginError as error:
        sys.stderr.write("".join(f"{line}\n" for line in (f"error: {error}", *(f"  {detail}" for detail in error.details))))
        sys.stderr.write(f"  hint: {error.hint}\n" if error.hint else "")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: argparse.Namespace) -> int:
    from devtools import dockerd, engine  # noqa: PLC0415  ./dev --help needs no engine's library

    with ExitStack() as stack:
        stack.enter_context(engine.ended_by_sigterm())
        # The platform comes up on a control plane without a container engine.
        if arguments.engine and not getattr(arguments, "fast", False) and not getattr(arguments, "platform", False):
            stack.enter_context(dockerd.running(keep=getattr(arguments, "keep", False)))
        verb: Callable[[argparse.Namespace], int] = import_module(arguments.module).main
        return verb(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev", description="What developers of local-cicd run.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, module: str, summary: str, *, engine: bool) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=summary, description=summary)
        made.set_defaults(module=module, engine=engine)
        return made

    demo = verb("demo", "devtools.demo", "run the example monorepo's pipeline against real services", engine=True)
    demo.add_argument("--keep", action="store_true", help="leave the services up and say how to reach them")
    demo.add_argument("--show-commands", action="store_true", help="print every docker run line, to copy")
    demo.add_argument("--platform", action="store_true", help=_PLATFORM)

    test = verb("test", "devtools.suite", "run the tests; arguments that it does not know go to pytest", engine=True)
    test.add_argument("--fast", action="store_true", help="only what needs neither a Docker engine nor Kubernetes")

    verb("lint", "devtools.lint", "run every linter and say at the end what failed", engine=False)

    images = verb("images", "devtools.images_command", "build the project's images", engine=True)
    images.add_argument("names", nargs="*", metavar="NAME", help="image to build; all where none is named")
    images.add_argument("--again", action="store_true", help="also what has not changed")
    images.add_argument(
        "--push", metavar="REGISTRY[/FOLDER]", help="push there, as latest and as the version (git describe: a tag of git, such as 1.0)"
    )
    images.add_argument("--insecure", action="store_true", help="REGISTRY may speak plain http (localhost always may)")
    images.add_argument(
        "--platforms", metavar="LIST", help="for --push and --output: linux/amd64,linux/arm64; by default what the builder can"
    )
    images.add_argument("--output", metavar="DIR", help="write OCI layouts into DIR")

    bench = verb("bench", "devtools.bench", "measure a part of the project", engine=True)
    bench.add_argument("part", metavar="PART", help="what to measure: bootstrap, github-mirror, kargo-notify, market-gate, registry-push")
    bench.add_argument("--quick", action="store_true", help="few repetitions, for work on the bench itself")

    docs = verb("docs", "devtools.docs", "write the reference pages from the settings models", engine=False)
    docs.add_argument("--check", action="store_true", help="write nothing, fail where a page is stale")

    clean = verb(
        "clean",
        "devtools.clean",
        "remove what ./dev made: containers, networks, volumes, old programs; also those of a ./dev that still runs",
        engine=False,
    )
    clean.add_argument(
        "--all", action="store_true", help="also images, build caches and the cache folder, with BuildKit and Kubernetes in it"
    )

    lock = verb("lock", "devtools.lock", "write the requirement locks", engine=False)
    lock.add_argument("--upgrade", action="store_true", help="take the latest versions that pyproject.toml allows")
    return parser


if __name__ == "__main__":
    sys.exit(main())
