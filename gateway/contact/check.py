"""`gateway check`: tries what the settings lead to, and with `--deep` asks what the platforms send. It only reads."""

import asyncio
import math
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gateway.auth.authenticator import InvalidTokenError, open_authenticator
from gateway.auth.issuer import require_development
from gateway.auth.node_ids import read_check_value
from gateway.contact.profile import read_communities, read_profile
from gateway.contact.report import make_report, propose, to_html, to_json, to_text
from gateway.contact.survey import Survey, Surveyor, most_calls
from gateway.entities import ENDPOINTS, harmless_read
from gateway.errors import (
    GatewayError,
    IssuerUnavailableError,
    JournalError,
    PlatformAuthError,
    PlatformBusyError,
    PlatformError,
    ProtocolError,
    RefusedError,
)
from gateway.execution.documents import read_trusted_documents
from gateway.journal.journal import try_journal
from gateway.modules import read_modules, set_module
from gateway.normalise.records import Page
from gateway.normalise.values import code_problem
from gateway.normalise.vocabulary import Availability
from gateway.normalise.wire import NO_PROFILE
from gateway.ops.logs import configure_logs
from gateway.orders.reads import ORDERS
from gateway.orders.record import OrderQuery
from gateway.platforms.client import PlatformClient
from gateway.platforms.endpoint import Effect
from gateway.platforms.platforms import make_platforms
from gateway.platforms.wjdh import Wjdh
from gateway.repairs import REPAIR_UPDATE, REPAIRS, Repair, RepairQuery, RepairStatus
from gateway.settings import Mistakes, Settings, SettingsError
from gateway.wording.commands import CommandWording
from gateway.wording.language import at, known, local, say, to_table

MOST_SHORT = 10  # communities whose code may have lost a zero, of which a page is read
ANSWERS = {True: "yes", False: "no", None: "-"}


class Probe(msgspec.Struct):
    """What trying one endpoint showed: a row of `gateway check`. None: not tried (a write, or an endpoint that is not
    there), or not reached that far. `answer` is "OK" or a public code, `value` what it was read as; `seconds` is wall
    time. `problem` says what is wrong with which endpoint, the login's, perhaps; not a refusal.
    """

    endpoint: str
    reachable: bool | None
    token: bool | None
    answer: str | None
    seconds: float | None
    problem: str | None = None
    value: object = None


async def probe(client: PlatformClient, endpoint: str, read: Callable[[], Awaitable[object]] | None) -> Probe:
    """Try one endpoint: a login, or what this read calls. Raises KeyError for an endpoint that there is not."""
    availability = client.endpoints[endpoint].availability
    if availability is not Availability.AVAILABLE:
        return Probe(endpoint, None, None, availability.value, None)
    call = client.log_in if client.routes[endpoint].endpoint.effect is Effect.LOGIN else read
    if call is None:
        return Probe(endpoint, None, None, None, None)
    began = time.perf_counter()
    reached: tuple[bool | None, bool | None] = True, True
    answer, problem, value = "OK", None, None
    try:
        value = await call()
    except RefusedError as error:
        answer = f"code {error.upstream_code}"
    except PlatformError as error:
        answer, problem = error.code, at(error.endpoint, error.message)
        if error.endpoint != endpoint:
            reached = None, False
        elif isinstance(error, PlatformAuthError):
            reached = True, False
        else:
            reached = isinstance(error, ProtocolError | PlatformBusyError), None
    return Probe(endpoint, *reached, answer, time.perf_counter() - began, problem, value)


def probe_communities(wjdh: Wjdh, codes: Sequence[str]) -> list[Coroutine[Any, Any, Probe]]:
    """Try a page of the first one, and of those whose code is shorter than another: it may have lost a zero."""
    short = [code for code in codes if len(code) < max(map(len, codes))][:MOST_SHORT]
    return [_probe_community(wjdh, code, code in short) for code in dict.fromkeys((*codes[:1], *short))]


async def _probe_community(wjdh: Wjdh, code: str, is_short: bool) -> Probe:
    found = await probe(wjdh, ORDERS.endpoint.name, partial(ORDERS.read_page, wjdh, code, OrderQuery()))
    is_refused = (found.answer or "").startswith("code ")
    if is_refused or (is_short and isinstance(found.value, Page) and not found.value.items):
        what = "is refused" if is_refused else "has no orders"
        found.problem = at("order/list", CommandWording.COMMUNITY(code=code, what=known(what)))
    found.endpoint = CommandWording.OF_COMMUNITY(endpoint=found.endpoint, code=code)
    return found


async def check(settings: Settings) -> int:
    """Print what went wrong, and then a table of all that was tried. Returns 0 when the journal, keys and every
    endpoint of both platforms can be used, else 1. Raises SettingsError.
    """
    require_usable(settings)
    async with aclosing(make_platforms(settings, ENDPOINTS)) as platforms:
        named = [("journal", _try_journal(settings)), ("issuer", _try_keys(settings))]
        for client in platforms.all:
            name = client.platform.lower()
            named += [(name, probe(client, each, harmless_read(client, each))) for each in client.endpoints]
        named += [("wjdh", each) for each in probe_communities(platforms.wjdh, [*read_communities(settings)])]
        probes = await asyncio.gather(*(trying for _, trying in named))
    problems = dict.fromkeys(local(CommandWording.NOT_SET(name=name)) for name in settings.not_set_up)
    lines = [[*map(say, ("what", "endpoint", "reachable", "token", "answer", "time"))]]
    for (name, _), tried in zip(named, probes, strict=True):
        if tried.problem is not None:
            problems[f"{say(name)} {local(tried.problem)}"] = None
        time_taken = "-" if tried.seconds is None else f"{tried.seconds * 1000:.0f} ms"
        shown = ANSWERS[tried.reachable], ANSWERS[tried.token], tried.answer or "not tried"
        lines.append([say(name), local(tried.endpoint), *map(say, shown), time_taken])
    found = CommandWording.ONE_PROBLEM() if len(problems) == 1 else CommandWording.PROBLEMS(count=len(problems))
    verdict = "\n  ".join([local(found) if problems else say("No problem was found."), *problems])
    hints = f"{local(CommandWording.NO_COMMUNITY())}\n{local(CommandWording.SEE_DEEP())}"
    sys.stdout.write(f"{verdict}\n\n{to_table(lines)}\n\n{hints}\n")
    return 1 if problems else 0


def require_usable(settings: Settings) -> None:
    """Read the files that the settings name; nobody is called. Raises SettingsError with every mistake."""
    mistakes = Mistakes()
    open_issuer = open_authenticator if settings.auth_issuer else require_development
    open_platforms = partial(make_platforms, endpoints=ENDPOINTS)
    for read in (open_issuer, open_platforms, read_profile, read_communities, read_trusted_documents):
        mistakes.attempt(read, settings)
    mistakes.check()


async def _try_journal(settings: Settings) -> Probe:
    endpoint = "PostgreSQL" if settings.database_url else "SQLite"
    began = time.perf_counter()
    try:
        state = await try_journal(settings, read_check_value(settings))
    except JournalError as error:
        return Probe(endpoint, None, None, "unusable", time.perf_counter() - began, error.reason)
    return Probe(endpoint, True, None, state, time.perf_counter() - began)


async def _try_keys(settings: Settings) -> Probe:
    endpoint = known("signing keys")
    if not settings.auth_issuer:
        return Probe(endpoint, None, None, "development's own", None)
    async with aclosing(open_authenticator(settings)) as authenticator:
        began = time.perf_counter()
        try:
            await authenticator.keys.current()
        except IssuerUnavailableError as error:
            problem = at("GATEWAY_AUTH_JWKS_URL", error.reason)
            return Probe(endpoint, None, None, error.code, time.perf_counter() - began, problem)
        return Probe(endpoint, True, None, "OK", time.perf_counter() - began)


async def check_token(settings: Settings, token: str) -> int:
    """Print the token's scopes and communities (0), or why it is refused (1). Raises SettingsError."""
    async with aclosing(open_authenticator(settings)) as authenticator:
        try:
            principal = (await authenticator.authenticate(f"Bearer {token.removeprefix('Bearer ')}")).principal
        except GatewayError as error:
            cause = error.__cause__ or error
            why = cause.reason() if isinstance(cause, InvalidTokenError) else error.message
            sys.stdout.write(f"{local(CommandWording.TOKEN_REFUSED(why=why))}\n\n")
            return 1
    scopes = " ".join(sorted(principal.scopes)) or known("none")
    codes = known("all") if principal.codes is None else " ".join(principal.codes) or known("none")
    opens = CommandWording.TOKEN_TAKEN(), CommandWording.SCOPES(scopes=scopes), CommandWording.CODES(codes=codes)
    sys.stdout.write("\n  ".join(map(local, opens)) + "\n\n")
    return 0


SWITCHED = "a module can be switched, by a form sent with PUT"
SWITCHED_BACK = "the module is as it was"
STATUS_KEPT = "the status of a repair can be set to what it is"
REPLY_KEPT = "an absent reply keeps the old one"
AROUND_A_WRITE = "around a write"


async def try_writes(surveyor: Surveyor, community: str) -> None:
    """What came of it is in the survey's `writes`: None where there was nothing to try it on."""
    writes = surveyor.survey.writes
    writes |= dict.fromkeys((SWITCHED, SWITCHED_BACK, STATUS_KEPT, REPLY_KEPT))
    if states := await _states(surveyor, community):
        await _switch(surveyor, community, *[*states.items()][-1])  # the first are those that residents use most
    if repairs := await _open_repairs(surveyor, community):  # one gets the status that it has, without a reply
        repair = max(repairs.values(), key=lambda it: bool(it.reply))
        form = {"id": repair.platform_id, "status": RepairStatus.OPEN.wire_code}
        written = await _succeeds(surveyor.platforms.wjdh.succeed(REPAIR_UPDATE, form))
        again = (await _open_repairs(surveyor, community)).get(repair.platform_id)
        writes[STATUS_KEPT] = written and again is not None
        if again is not None and repair.reply:
            writes[REPLY_KEPT] = again.reply == repair.reply


async def _switch(surveyor: Surveyor, community: str, label: str, state: bool) -> None:
    """Switch a module, and back to the state that it has."""
    writes = surveyor.survey.writes
    switch = partial(set_module, surveyor.platforms.wjdh, community, label)
    try:
        switched = await _succeeds(switch(not state))
        writes[SWITCHED] = switched and (await _states(surveyor, community)).get(label) is not state
    finally:  # after Ctrl+C, too
        await _succeeds(switch(state))
    if (await _states(surveyor, community)).get(label) is not state:
        await _succeeds(switch(state))  # once more: it must not stay as it is
    writes[SWITCHED_BACK] = (await _states(surveyor, community)).get(label) is state


async def _states(surveyor: Surveyor, community: str) -> dict[str, bool]:
    answer = await surveyor.ask(read_modules(surveyor.platforms.wjdh, community), AROUND_A_WRITE, community)
    return {module.label: module.enabled for module in answer.records if module.enabled is not None}


async def _open_repairs(surveyor: Surveyor, community: str) -> dict[int, Repair]:
    call = REPAIRS.read_page(surveyor.platforms.wjdh, community, RepairQuery(status=RepairStatus.OPEN))
    return {repair.platform_id: repair for repair in (await surveyor.ask(call, AROUND_A_WRITE, community)).records}


async def _succeeds(write: Awaitable[object]) -> bool:
    with suppress(PlatformError):
        await write
        return True
    return False


ALL, FEW_COMMUNITIES, ANSWER = "all", 3, 0.3  # seconds that an answer is taken to last, for the estimate


class DeepOptions(NamedTuple):
    """`communities` are codes, ALL for those of the settings, empty for some of them; `pause` is in seconds. `json`,
    `html` and `propose` name files to write. `write` is the community that is written to, if that is confirmed.
    """

    communities: Sequence[str] = ()
    pages: int = 3
    pause: float = 0.2
    json: str | None = None
    html: str | None = None
    propose: str | None = None
    write: str | None = None


async def check_command(settings: Settings, options: Mapping[str, Any]) -> int:
    """The quick check or the deep one, and what a token opens. `options` are those of the command."""
    configure_logs("critical")  # the report says it all
    refused = 0 if options["token"] is None else await check_token(settings, options["token"])
    if not options["deep"]:
        return await check(settings) or refused
    return await check_deeply(settings, DeepOptions._make(map(options.get, DeepOptions._fields))) or refused


async def check_deeply(settings: Settings, options: DeepOptions, ask: Callable[[str], str] = input) -> int:
    """Print the report, and write the files that are asked for. Returns 0, or 1 where a list or record cannot be read.
    Raises SettingsError.
    """
    if options.write is not None:
        typed, wanted = "", f"write {options.write}"
        with suppress(EOFError):
            typed = ask(f"{local(CommandWording.CONFIRM_WRITES(community=options.write, wanted=wanted))} ")
        if typed.strip() != wanted:
            sys.stderr.write(f"gateway: {say('not confirmed, nothing was asked or written')}\n")
            return 1
    survey = await make_survey(settings, options)
    report = make_report(survey)
    sys.stdout.write(to_text(report))
    _write(options.json, to_json(report))
    _write(options.html, to_html(report).encode())
    _write(options.propose, propose(survey).encode())
    if survey.writes.get(SWITCHED_BACK) is False:
        sys.stderr.write(f"gateway: {local(CommandWording.STAYS_SWITCHED(community=options.write))}\n")
        return 1
    return 1 if report.tables["problems"] else 0


def _write(path: str | None, content: bytes) -> None:
    try:
        if path is not None:
            Path(path).write_bytes(content)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from None


async def make_survey(settings: Settings, options: DeepOptions) -> Survey:
    """Ask the platforms. Raises SettingsError."""
    mistakes = Mistakes()
    profile = mistakes.attempt(read_profile, settings) or NO_PROFILE
    platforms = mistakes.attempt(make_platforms, settings, ENDPOINTS, profile)
    codes, known = mistakes.attempt(_read_codes, settings, options) or ([], 0)
    mistakes.check()
    survey = Survey(codes, platforms.wire)

    def show(text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{text:78.78}\r")
            sys.stderr.flush()

    asked, each = len(codes), round(options.pause + ANSWER, 1)
    calls = most_calls(asked, options.pages)
    minutes = math.ceil(calls * each / 60)
    estimate = CommandWording.ESTIMATE(calls=calls, asked=asked, known=known, minutes=minutes, each=each)
    sys.stderr.write(f"{local(estimate)}\n")
    async with aclosing(platforms):
        surveyor = Surveyor(platforms, survey, options.pause, show)
        await surveyor.run(options.pages)
        if options.write is not None:
            await try_writes(surveyor, options.write)
    survey.look()
    show("")
    return survey


def _read_codes(settings: Settings, options: DeepOptions) -> tuple[list[str], int]:
    """The communities to ask for, and how many are known: the first ones, one with a leading zero, if there is one,
    among them. Raises SettingsError.
    """
    known = [*read_communities(settings)]
    with_zero = [code for code in known if code.startswith("0")]
    few = [*dict.fromkeys((*known[:1], *with_zero[:1], *known))][:FEW_COMMUNITIES]
    codes = dict.fromkeys(known if ALL in options.communities else options.communities or few)
    if not codes:
        raise SettingsError(CommandWording.NO_CODES())
    if options.write is not None:
        codes[options.write] = None
    problems = [problem(field=f"--communities: {code!r}") for code in codes if (problem := code_problem(code))]
    if problems:
        raise SettingsError(*problems)
    return [*codes], len({*known, *codes})
