"""Run the stand-in: `python -m devtools.kargo --port 8080 --project shop --warehouse shop-images --image registry:5000/shop/query-api`."""

import argparse
import signal
import sys
import threading

from devtools.kargo.discovery import Registries
from devtools.kargo.server import TOKEN, stand_in


def main() -> int:
    """Run until SIGTERM; the address and the receiver's path are printed when it answers."""
    parser = argparse.ArgumentParser(prog="python -m devtools.kargo", description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--project", default="shop")
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--warehouse", default="shop-images")
    parser.add_argument("--image", action="append", default=[], help="repository that the Warehouse subscribes to; again for more")
    parser.add_argument("--host", action="append", default=[], metavar="NAME=HOST:PORT", help="where a registry's name is to be found")
    parser.add_argument(
        "--plain-http", action="store_true", help="speak plain http to registries, which the real one does to private IPs only"
    )
    parser.add_argument("--manual", action="store_true", help="freightCreationPolicy: Manual")
    parser.add_argument(
        "--stage", action="append", default=[], help="Stage: the first takes Freight by itself, each other one from the one before"
    )
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    registries = Registries(dict(each.split("=", 1) for each in arguments.host), plain_http=arguments.plain_http)
    with stand_in(arguments.project, registries=registries, address=("0.0.0.0", arguments.port), token=arguments.token) as kargo:  # noqa: S104  a container's
        stages = arguments.stage or ["beta"]
        for index, name in enumerate(stages):
            kargo.world.add_stage(name, arguments.warehouse, upstream=stages[max(index - 1, 0) : index], automatic=index == 0)
        kargo.world.add_warehouse(arguments.warehouse, arguments.image, manual=arguments.manual)
        print(f"{kargo.url} {kargo.receiver}", flush=True)  # noqa: T201  for who starts it
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
