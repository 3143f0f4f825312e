"""The command line: serve, demo, schema, token, audit, payments, operations, migrate, check."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.env_file import VARIABLE, export_others, exposed_files
from gateway.errors import GatewayError
from gateway.settings import Settings, SettingsError, StartError, load_settings, unknown_variables
from gateway.version import running_version

START_FAILURE = 3
"""The exit status of a gateway that cannot start; uvicorn's, too."""

INTERRUPTED = 130
"""As shells have it, for a program that Ctrl+C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status.

    0; 1 when what was tried did not work; 2 when the settings or arguments cannot be used,
    or a command cannot use the journal; 3 when the gateway cannot start with them now; 130 after Ctrl+C.
    """
    options = _parser().parse_args(arguments)
    os.environ.update(_get_settings(options))  # so that workers have them too
    options.environ = dict(os.environ)
    try:
        export_others(os.environ)
        status: int = options.run(load_settings(), options)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has enough: the rest goes nowhere
        return 0
    except SettingsError as error:
        _complain(*error.mistakes)
        return 2
    except (GatewayError, ValueError) as error:
        _complain(error)
        return 2
    except StartError as error:
        _complain(error)
        return START_FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _complain(*of: object) -> None:
    """A line each."""
    sys.stderr.writelines(f"gateway: {complaint}\n" for complaint in of)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("gateway", description="One typed GraphQL endpoint over wjdh and security.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {running_version()}")
    commands = parser.add_subparsers(required=True, metavar="command")

    serve = commands.add_parser("serve", help="serve the gateway as the settings say")
    serve.add_argument(
        "--workers", type=_count, default=1, metavar="N", help="processes (more than one needs GATEWAY_DATABASE_URL)"
    )
    serve.set_defaults(run=_serve)

    _add_address(serve)

    demo = commands.add_parser("demo", help="serve the gateway over a sandbox of both platforms")
    _add_address(demo)
    demo.add_argument("--once", action="store_true", help="show one query and its answer, then end")
    demo.set_defaults(run=_demo)

    schema = commands.add_parser("schema", help="print the schema definition")
    schema.set_defaults(run=_schema)

    token = commands.add_parser("token", help="mint a token of the development issuer")
    token.add_argument("--scopes", default="*", help="separated by commas or blanks; * (the default): all")
    token.add_argument("--communities", default="*", help="codes, separated likewise; * (the default): all")
    token.add_argument("--subject", default="developer", help="the user it names (default: %(default)s)")
    token.add_argument("--ttl", type=int, default=3600, metavar="SECONDS", help="its lifetime (default: %(default)s)")
    token.set_defaults(run=_token)

    audit = commands.add_parser("audit", help="print who was shown whose personal data, as JSON lines or CSV")
    audit.add_argument("--subject", help="only of this caller")
    audit.add_argument(
        "--since", type=_moment, metavar="TIME", help="only from then on: ISO 8601, UTC unless it says otherwise"
    )
    audit.add_argument("--until", type=_moment, metavar="TIME", help="only before then")
    audit.add_argument("--record", metavar="ID", help="only of this record: an id as the API gives it")
    audit.add_argument("--csv", action="store_true", help="as CSV with a header, safe to open in a spreadsheet")
    audit.add_argument("--follow", action="store_true", help="go on with what is added, until Ctrl+C")
    audit.set_defaults(run=_audit)

    _add_payments(commands)
    _add_operations(commands)

    migrate = commands.add_parser("migrate", help="make the journal")
    migrate.add_argument("--check", action="store_true", help="only say what is pending; status 1: something is")
    migrate.add_argument("--new-id-key", action="store_true", help="let gateways start with another GATEWAY_ID_KEY")
    migrate.set_defaults(run=_migrate)

    check = commands.add_parser("check", help="try the journal, the issuer's keys and both platforms with the settings")
    check.add_argument("--token", type=_content, metavar="FILE", help="say what this token's caller may see, too")
    deep = check.add_argument_group("deep", "learn what the platforms send (docs/first-contact.md); it only reads")
    deep.add_argument("--deep", action="store_true", help="ask every reading endpoint a few pages, and report")
    deep.add_argument("--communities", default="", metavar="CODES", help="instead of GATEWAY_COMMUNITIES")
    deep.add_argument("--pages", type=_count, default=3, metavar="N", help="of each list (default: %(default)s)")
    deep.add_argument(
        "--pause", type=float, default=0.2, metavar="SECONDS", help="between calls (default: %(default)s)"
    )
    deep.add_argument("--json", metavar="FILE", help="write the report as JSON, too")
    deep.add_argument("--html", metavar="FILE", help="write the report as one page of HTML, too")
    deep.add_argument("--propose", metavar="FILE", help="write a profile of what was seen (docs/profile.md)")
    deep.add_argument("--write", metavar="COMMUNITY", help="try writes that can be undone there, once confirmed")
    check.set_defaults(run=_check)

    for command in commands.choices.values():
        _add_env_file(command, default=None)
    return parser


def _add_env_file(command: argparse.ArgumentParser, default: object = argparse.SUPPRESS) -> None:
    """By default what a command was given stays, where its action is given no file."""
    command.add_argument(
        "--env-file",
        action="append",
        default=default,
        metavar="FILE",
        help="settings that the environment has not, a NAME=VALUE a line; may be given again",
    )


def _add_payments(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    payments = commands.add_parser("payments", help="list payment notifications by their delivery, retry the dead")
    payments.add_argument(
        "--state", action="append", choices=("QUEUED", "DELIVERED", "DEAD"), help="again for more; the default is DEAD"
    )
    payments.add_argument("--json", action="store_true", help="as JSON lines")
    payments.set_defaults(run=_list_payments)
    retry = payments.add_subparsers(metavar="action").add_parser("retry", help="deliver dead payments again")
    retry.add_argument("ids", nargs="*", metavar="ID", help="as listed, or as the API gives it")
    retry.add_argument("--all-dead", action="store_true", help="all that are DEAD")
    retry.add_argument("--yes", action="store_true", help="do not ask")
    _add_env_file(retry)
    retry.set_defaults(run=_retry_payments)


def _add_operations(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    operations = commands.add_parser("operations", help="list writes whose outcome is not known")
    operations.add_argument("--json", action="store_true", help="as JSON lines")
    operations.set_defaults(run=_list_operations)
    actions = operations.add_subparsers(metavar="action")
    settle = actions.add_parser("settle", help="close one as what was seen at the platform")
    settle.add_argument("id", metavar="ID", help="as listed")
    seen = settle.add_mutually_exclusive_group(required=True)
    seen.add_argument("--applied", dest="outcome", action="store_const", const="CONFIRMED", help="its effect is there")
    seen.add_argument("--not-applied", dest="outcome", action="store_const", const="REFUSED", help="it is not")
    settle.add_argument("--note", required=True, help="who saw it where; kept with the account that runs this")
    _add_env_file(settle)
    settle.set_defaults(run=_settle_operation)
    check = actions.add_parser("check", help="have the gateway that runs read them back now")
    check.add_argument("ids", nargs="+", metavar="ID", help="as listed")
    _add_env_file(check)
    check.set_defaults(run=_check_operations)


def _add_address(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", metavar="ADDRESS", help="where to listen, instead of GATEWAY_HOST")
    command.add_argument("--port", help="instead of GATEWAY_PORT")


def _get_settings(options: argparse.Namespace) -> dict[str, str]:
    """The settings that a command was given by its options."""
    given = {"GATEWAY_HOST": getattr(options, "host", None), "GATEWAY_PORT": getattr(options, "port", None)}
    if options.env_file:
        given[VARIABLE] = os.pathsep.join(map(os.path.abspath, options.env_file))
    return {name: value for name, value in given.items() if value is not None}


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return int(text)


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


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.commands.serve import serve  # noqa: PLC0415 # the other commands need no server

    _complain(*unknown_variables(), *exposed_files(os.environ))
    return serve(settings, options.workers, options.environ)


def _demo(_settings: Settings, options: argparse.Namespace) -> int:
    from gateway.commands.demo import demo  # noqa: PLC0415 # nor the sandbox

    return asyncio.run(demo(once=options.once))


def _schema(_settings: Settings, _options: argparse.Namespace) -> int:
    from gateway.app import schema_definition  # noqa: PLC0415 # nor the schema

    sys.stdout.write(schema_definition())
    return 0


def _token(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.auth.issuer import DevelopmentIssuer, key_path  # noqa: PLC0415 # nor the issuer
    from gateway.auth.tokens import words  # noqa: PLC0415 # nor what reads tokens

    path = key_path(settings)
    is_new = not path.exists()
    issuer = DevelopmentIssuer.open(settings)
    if is_new:
        _complain(f"made a new key, {path.resolve()}: only a gateway with this GATEWAY_DATA_DIR takes its tokens")
    token = issuer.mint([*words(options.scopes)], [*words(options.communities)], options.subject, options.ttl)
    sys.stdout.write(f"{token}\n")
    return 0


def _audit(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.commands.audit import AuditQuery, audit  # noqa: PLC0415 # nor the journal

    if options.follow and options.until:
        raise ValueError("--until: not with --follow")
    query = AuditQuery(subject=options.subject, since=options.since, until=options.until, record=options.record)
    return asyncio.run(audit(settings, query, as_csv=options.csv, follow=options.follow))


def _list_payments(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.commands.payments import list_payments  # noqa: PLC0415 # nor this

    return asyncio.run(list_payments(settings, options.state or ["DEAD"], as_json=options.json))


def _retry_payments(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.commands.payments import retry_payments  # noqa: PLC0415 # nor this

    if bool(options.ids) == options.all_dead:
        raise ValueError("payments retry: either ids or --all-dead")
    return asyncio.run(retry_payments(settings, options.ids, all_dead=options.all_dead, confirmed=options.yes))


def _list_operations(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.commands.operations import list_operations  # noqa: PLC0415 # nor this

    return asyncio.run(list_operations(settings, as_json=options.json))


def _check_operations(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.commands.operations import check_operations  # noqa: PLC0415 # nor this

    return asyncio.run(check_operations(settings, options.ids))


def _settle_operation(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.commands.operations import settle_operation  # noqa: PLC0415 # nor this
    from gateway.normalise.states import Outcome  # noqa: PLC0415 # nor this

    return asyncio.run(settle_operation(settings, options.id, Outcome(options.outcome), options.note))


def _migrate(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.commands.migrations import migrate  # noqa: PLC0415 # nor this

    return asyncio.run(migrate(settings, check=options.check, new_id_key=options.new_id_key))


def _check(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.commands.check_token import check_token  # noqa: PLC0415 # nor the issuer's keys
    from gateway.contact.deep import DeepOptions, check_deeply  # noqa: PLC0415 # nor the platforms
    from gateway.contact.quick import check  # noqa: PLC0415 # nor these
    from gateway.ops.logs import configure_logs  # noqa: PLC0415 # nor this

    configure_logs("critical")  # the report says it all

    _complain(*unknown_variables(), *exposed_files(os.environ))
    refused = 0 if options.token is None else asyncio.run(check_token(settings, options.token))
    if not options.deep:
        return asyncio.run(check(settings)) or refused
    codes = options.communities.replace(",", " ").split()
    files = options.json, options.html, options.propose, options.write
    return asyncio.run(check_deeply(settings, DeepOptions(codes, options.pages, options.pause, *files))) or refused


if __name__ == "__main__":
    sys.exit(main())
