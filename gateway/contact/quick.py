"""The quick check: tries what the settings lead to, the journal, signing keys and both platforms. It never writes."""

import asyncio
import sys
import time
from contextlib import AsyncExitStack, aclosing

from gateway.auth.authenticator import Authenticator, open_authenticator
from gateway.auth.issuer import require_development
from gateway.auth.node_ids import read_check_value
from gateway.communities import read_communities
from gateway.contact.profile import read_profile
from gateway.contact.report import to_table
from gateway.errors import IssuerUnavailableError, JournalError
from gateway.execution.trusted import read_trusted_documents
from gateway.journal.journal import try_journal
from gateway.platforms.client import Probe
from gateway.platforms.platforms import make_platforms
from gateway.settings import Mistakes, Settings

HEAD = ("what", "endpoint", "reachable", "token", "answer", "time")


async def check(settings: Settings) -> int:
    """Print what went wrong, and then a table of all that was tried.

    Returns 0 when the journal, keys and every endpoint of both platforms can be used, else 1. Raises SettingsError.
    """
    require_usable(settings)
    async with AsyncExitStack() as stack:
        authenticator: Authenticator | None = None
        if settings.auth_issuer:
            authenticator = await stack.enter_async_context(aclosing(open_authenticator(settings)))
        platforms = await stack.enter_async_context(aclosing(make_platforms(settings, reads_by_engine=False)))
        clients = (("wjdh", platforms.wjdh), ("security", platforms.security))
        named = [("journal", _try_journal(settings)), ("issuer", _try_keys(settings, authenticator))]
        named += [(name, client.probe(endpoint)) for name, client in clients for endpoint in client.endpoints]
        named += [("wjdh", probe) for probe in platforms.wjdh.probe_communities([*read_communities(settings)])]
        probes = await asyncio.gather(*(probe for _, probe in named))
        rows = [(name, probe) for (name, _), probe in zip(named, probes, strict=True)]
    problems = [f"{name}: not set" for name in settings.not_set_up]
    problems += [f"{name} {probe.problem}" for name, probe in rows if probe.problem is not None]
    problems = [*dict.fromkeys(problems)]
    found = "No problem was found." if not problems else f"{len(problems)} problem{'s' if len(problems) > 1 else ''}:"
    sys.stdout.write("\n  ".join([found, *problems]) + "\n\n")
    sys.stdout.write(to_table([HEAD, *(_cells(name, probe) for name, probe in rows)]))
    sys.stdout.write(
        '\n\nCalls of no community ask for what does not exist, so a refusal such as "code 1" is as good as OK.\n'
        "Whether lists and records can be read, `gateway check --deep` says.\n"
    )
    return 1 if problems else 0


def require_usable(settings: Settings) -> None:
    """Read the files that the settings name; nobody is called. Raises SettingsError with every mistake."""
    mistakes = Mistakes()
    open_issuer = open_authenticator if settings.auth_issuer else require_development
    for read in (open_issuer, make_platforms, read_profile, read_communities, read_trusted_documents):
        with mistakes.collect():
            read(settings)
    mistakes.check()


async def _try_journal(settings: Settings) -> Probe:
    endpoint = "PostgreSQL" if settings.database_url else "SQLite"
    began = time.perf_counter()
    try:
        state = await try_journal(settings, read_check_value(settings))
    except JournalError as error:
        return Probe(endpoint, None, None, "unusable", time.perf_counter() - began, error.reason)
    return Probe(endpoint, True, None, state, time.perf_counter() - began)


async def _try_keys(settings: Settings, authenticator: Authenticator | None) -> Probe:
    endpoint = "signing keys"
    if authenticator is None:
        return Probe(endpoint, None, None, "development's own", None)
    began = time.perf_counter()
    try:
        await authenticator.ready()
    except IssuerUnavailableError as error:
        problem = f"GATEWAY_AUTH_JWKS_URL: {error.reason}"
        return Probe(endpoint, None, None, error.code, time.perf_counter() - began, problem)
    return Probe(endpoint, True, None, "OK", time.perf_counter() - began)


def _cells(name: str, probe: Probe) -> tuple[str, ...]:
    return (
        name,
        probe.endpoint,
        _word(probe.reachable),
        _word(probe.token),
        probe.answer or "not tried",
        "-" if probe.seconds is None else f"{probe.seconds * 1000:.0f} ms",
    )


def _word(value: bool | None) -> str:
    return "-" if value is None else "yes" if value else "no"
