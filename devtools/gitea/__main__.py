"""Run the stand-in: `python -m devtools.gitea --port 3000 --public-url http://gitea.example.lan:3000 [--wizard]`."""

import argparse
import signal
import sys
import threading

from devtools.gitea.server import stand_in
from devtools.gitea.world import VERSION, Settings


def main() -> int:
    """Run until SIGTERM; the address is printed when it answers."""
    parser = argparse.ArgumentParser(prog="python -m devtools.gitea", description=__doc__)
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--public-url", default="", help="ROOT_URL: what it calls itself, where that is another address")
    parser.add_argument("--version", default=VERSION)
    parser.add_argument("--wizard", action="store_true", help="begin with the installation page")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = Settings(version=arguments.version, installed=not arguments.wizard)
    with stand_in(settings, address=("0.0.0.0", arguments.port)) as gitea:  # noqa: S104  a container's
        gitea.public_url = arguments.public_url.rstrip("/")
        print(gitea.url, flush=True)  # noqa: T201  for who starts it
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
