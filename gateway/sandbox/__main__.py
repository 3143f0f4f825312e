"""`python -m gateway.sandbox`: run both platforms until stopped; prints the settings that point the gateway at them."""

import argparse
import asyncio
import signal
import sys

import uvloop

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.sandbox.variant import AS_DOCUMENTED, STRANGE


async def run(options: SandboxOptions) -> None:
    """Serve until SIGINT or SIGTERM. The settings are printed, one NAME=value a line, once both servers listen."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Sandbox(options) as sandbox:
        sys.stdout.writelines(f"{name}={value}\n" for name, value in sandbox.settings().items())
        sys.stdout.flush()
        await stopped.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gateway.sandbox", description=__doc__)
    parser.add_argument("--wjdh-port", type=int, default=0, help="0 (default): the system chooses")
    parser.add_argument("--security-port", type=int, default=0, help="0 (default): the system chooses")
    parser.add_argument("--dialect", type=Dialect, choices=list(Dialect), default=Dialect.MIXED)
    parser.add_argument("--orders-per-page", type=int, default=15)
    parser.add_argument("--made-communities", type=int, default=0, help="so many more, codes from 20001 on")
    parser.add_argument("--strange", action="store_true", help="other words, keys and pages than any dialect has")
    arguments = parser.parse_args()
    options = SandboxOptions(
        wjdh_port=arguments.wjdh_port,
        security_port=arguments.security_port,
        dialect=arguments.dialect,
        orders_per_page=arguments.orders_per_page,
        made_communities=arguments.made_communities,
        variant=STRANGE if arguments.strange else AS_DOCUMENTED,
    )
    uvloop.run(run(options))


if __name__ == "__main__":
    main()
