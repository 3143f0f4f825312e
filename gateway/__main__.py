"""The command line: serve, demo, schema, token, audit, payments, operations, migrate, check."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from inspect import iscoroutine, signature
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from gateway.env_file import ENV_FILE, export_others
from gateway.errors import GatewayError
from gateway.settings import VERSION, Settings, SettingsError, StartError, doubts, load_settings

START_FAILURE = 3  # the exit status of a gateway that cannot start; uvicorn's, too
INTERRUPTED = 130  # as shells have it, for a program that Ctrl+C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status.

    0; 1 when what was tried did not work; 2 when the settings or arguments cannot be used,
    or a command cannot use the journal; 3 when the gateway cannot start with them now; 130 after Ctrl+C.
    """
    options = vars(_parser().parse_args(arguments))
    for option in ("host", "port"):  # in the environment, so that workers have them too
        if options.get(option) is not None:
            os.environ[f"GATEWAY_{option.upper()}"] = options[option]
    if options.get("allow_remote"):
        os.environ["GATEWAY_ENV"] = "development"  # which the image's is not
    if options["env_file"]:
        os.environ[ENV_FILE] = os.pathsep.join(map(os.path.abspath, options["env_file"]))
    options["environ"] = dict(os.environ)
    try:
        export_others(os.environ)
        status = _run(load_settings(), options)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has enough: the rest goes nowhere
        return 0
    except (SettingsError, GatewayError, ValueError) as error:
        _complain(*(error.mistakes if isinstance(error, SettingsError) else (error,)))
        return 2
    except StartError as error:
        _complain(error)
        return START_FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _run(settings: Settings, options: dict[str, Any]) -> int:
    """The function of the command, which is imported now: others need no server and no sandbox. It is given the
    settings and those of the options that are its parameters.
    """
    if options["complains"]:
        _complain(*doubts())
    run = resolve_name(options["run"]) if isinstance(options["run"], str) else options["run"]
    options["options"] = options
    status = run(settings, **{name: options[name] for name in [*signature(run).parameters][1:]})
    return int(asyncio.run(status) if iscoroutine(status) else status)


def _complain(*of: object) -> None:
    """A line each."""
    sys.stderr.writelines(f"gateway: {complaint}\n" for complaint in of)


def _schema(_settings: Settings) -> int:
    from schema.build import export_sdl  # noqa: PLC0415 # the other commands need no schema

    sys.stdout.write(export_sdl())
    return 0


def _token(settings: Settings, scopes: str, communities: str, subject: str, ttl: int) -> int:
    from gateway.auth.authenticator import words  # noqa: PLC0415 # nor what reads tokens
    from gateway.auth.issuer import DevelopmentIssuer, key_path  # noqa: PLC0415 # nor the issuer

    path = key_path(settings)
    is_new = not path.exists()
    issuer = DevelopmentIssuer.open(settings)
    if is_new:
        _complain(f"made a new key, {path.resolve()}: only a gateway with this GATEWAY_DATA_DIR takes its tokens")
    sys.stdout.write(f"{issuer.mint([*words(scopes)], [*words(communities)], subject, ttl)}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    """A command's `run` is its function, or the name of one: its parameters have the names of the options."""
    parser = argparse.ArgumentParser("gateway", description="One typed GraphQL endpoint over wjdh and security.")
    build = os.environ.get("GATEWAY_BUILD_ID", "").strip()
    running = f"%(prog)s {VERSION}" + (f" ({build})" if build else "")
    parser.add_argument("--version", action="version", version=running)
    commands = parser.add_subparsers(required=True, metavar="command")
    added: list[argparse.ArgumentParser] = []

    def command(name: str, run: object, help: str, within: Any = commands, **defaults: bool) -> argparse.ArgumentParser:
        added.append(within.add_parser(name, help=help))
        added[-1].set_defaults(run=run, **defaults)
        return added[-1]

    serve = command("serve", "gateway.commands.serve:serve", "serve the gateway as the settings say", complains=True)
    serve.add_argument(
        "--workers", type=_count, default=1, metavar="N", help="processes (more than one needs GATEWAY_DATABASE_URL)"
    )
    demo = command("demo", "gateway.commands.demo:demo", "serve the gateway over a sandbox of both platforms")
    demo.add_argument("--once", action="store_true", help="show one query and its answer, then end")
    asked = "listen where other machines may connect: in a container, with its port published on 127.0.0.1"
    demo.add_argument("--allow-remote", action="store_true", help=asked)
    for each in (serve, demo):
        each.add_argument("--host", metavar="ADDRESS", help="where to listen, instead of GATEWAY_HOST")
        each.add_argument("--port", help="instead of GATEWAY_PORT")

    command("schema", _schema, "print the schema definition")

    token = command("token", _token, "mint a token of the development issuer")
    token.add_argument("--scopes", default="*", help="separated by commas or blanks; * (the default): all")
    token.add_argument("--communities", default="*", help="codes, separated likewise; * (the default): all")
    token.add_argument("--subject", default="developer", help="the user it names (default: %(default)s)")
    token.add_argument("--ttl", type=int, default=3600, metavar="SECONDS", help="its lifetime (default: %(default)s)")

    journal = "gateway.commands.journal:"
    audit = command("audit", f"{journal}audit", "print who was shown whose personal data, as JSON lines or CSV")
    audit.add_argument("--subject", help="only of this caller")
    audit.add_argument(
        "--since", type=_moment, metavar="TIME", help="only from then on: ISO 8601, UTC unless it says otherwise"
    )
    audit.add_argument("--until", type=_moment, metavar="TIME", help="only before then")
    audit.add_argument("--record", metavar="ID", help="only of this record: an id as the API gives it")
    audit.add_argument(
        "--csv", dest="as_csv", action="store_true", help="as CSV with a header, safe to open in a spreadsheet"
    )
    audit.add_argument("--follow", action="store_true", help="go on with what is added, until Ctrl+C")

    listed = "list payment notifications by their delivery, retry the dead"
    payments = command("payments", f"{journal}list_payments", listed)
    states, shown = ("QUEUED", "DELIVERED", "DEAD"), "again for more; the default is DEAD"
    payments.add_argument("--state", dest="states", action="append", choices=states, help=shown)
    payments.add_argument("--json", dest="as_json", action="store_true", help="as JSON lines")
    actions = payments.add_subparsers(metavar="action")
    retry = command("retry", f"{journal}retry_payments", "deliver dead payments again", actions)
    retry.add_argument("ids", nargs="*", metavar="ID", help="as listed, or as the API gives it")
    retry.add_argument("--all-dead", action="store_true", help="all that are DEAD")
    retry.add_argument("--yes", dest="confirmed", action="store_true", help="do not ask")

    operations = command("operations", f"{journal}list_operations", "list writes whose outcome is not known")
    operations.add_argument("--json", dest="as_json", action="store_true", help="as JSON lines")
    actions = operations.add_subparsers(metavar="action")
    settle = command("settle", f"{journal}settle_operation", "close one as what was seen at the platform", actions)
    settle.add_argument("id_", metavar="ID", help="as listed")
    seen = settle.add_mutually_exclusive_group(required=True)
    seen.add_argument("--applied", dest="outcome", action="store_const", const="CONFIRMED", help="its effect is there")
    seen.add_argument("--not-applied", dest="outcome", action="store_const", const="REFUSED", help="it is not")
    settle.add_argument("--note", required=True, help="who saw it where; kept with the account that runs this")
    read_back = command("check", f"{journal}check_operations", "have the gateway that runs read them back now", actions)
    read_back.add_argument("ids", nargs="+", metavar="ID", help="as listed")

    migrate = command("migrate", f"{journal}migrate", "make the journal")
    migrate.add_argument("--check", action="store_true", help="only say what is pending; status 1: something is")
    migrate.add_argument("--new-id-key", action="store_true", help="let gateways start with another GATEWAY_ID_KEY")

    tried = "try the journal, the issuer's keys and both platforms with the settings"
    check = command("check", "gateway.contact.check:check_command", tried, complains=True)
    check.add_argument("--token", type=_content, metavar="FILE", help="say what this token's caller may see, too")
    group = check.add_argument_group("deep", "learn what the platforms send (docs/first-contact.md); it only reads")
    group.add_argument("--deep", action="store_true", help="ask every reading endpoint a few pages, and report")
    group.add_argument("--communities", type=_codes, default=(), metavar="CODES", help="instead of GATEWAY_COMMUNITIES")
    group.add_argument("--pages", type=_count, default=3, metavar="N", help="of each list (default: %(default)s)")
    between = "between calls (default: %(default)s)"
    group.add_argument("--pause", type=float, default=0.2, metavar="SECONDS", help=between)
    group.add_argument("--json", metavar="FILE", help="write the report as JSON, too")
    group.add_argument("--html", metavar="FILE", help="write the report as one page of HTML, too")
    group.add_argument("--propose", metavar="FILE", help="write a profile of what was seen (docs/profile.md)")
    group.add_argument("--write", metavar="COMMUNITY", help="try writes that can be undone there, once confirmed")

    parser.set_defaults(complains=False, env_file=None)
    for each in added:
        each.add_argument(
            "--env-file",
            action="append",
            default=argparse.SUPPRESS,  # what a command was given stays, where its action is given no file
            metavar="FILE",
            help="settings that the environment has not, a NAME=VALUE a line; may be given again",
        )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return int(text)


def _codes(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise argparse.ArgumentTypeError("the file cannot be read") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a date or time of ISO 8601, such as 2026-01-31T08:00+08:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
