"""The composition root: everything the gateway is made of, wired once. Nothing else makes these objects."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from types import MappingProxyType

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Scope as ASGIScope

from gateway.actions.audit import AuditTrail
from gateway.actions.identity import RevealedType
from gateway.actions.reconcile import Reconciler
from gateway.actions.registry import Actions
from gateway.actions.relay import Relay
from gateway.actions.unverified import UnverifiedPayments
from gateway.actions.writer import Writer
from gateway.auth.authenticator import open_authenticator
from gateway.auth.callback_tokens import CallbackTokens
from gateway.auth.issuer import AUDIENCE, DEMO_AUDIENCE
from gateway.auth.node_ids import NodeIds, read_id_key
from gateway.auth.principal import Principal, Scope
from gateway.auth.rate import Admission
from gateway.cache import SharedReads
from gateway.communities import Communities, read_communities
from gateway.contact.profile import read_profile
from gateway.context import RequestContext
from gateway.errors import GatewayError, RefusedError
from gateway.events import EventBus
from gateway.execution.documents import Documents
from gateway.execution.executor import Executor
from gateway.execution.intake import Intake
from gateway.execution.limits import Limits
from gateway.execution.load import Load
from gateway.execution.trusted import open_trusted_documents
from gateway.http.access_log import AccessLog
from gateway.http.application import Application, Hosts, for_pages
from gateway.http.caller import Caller
from gateway.http.explorer import open_explorer
from gateway.http.graphql import GraphQLEndpoint
from gateway.http.guard import GuardedExecutor, guard_introspection
from gateway.http.operation import Service
from gateway.http.parameters import Bounds
from gateway.http.payment_callback import payment_callback_routes
from gateway.http.probes import health_routes, metrics_routes, share
from gateway.http.request_metrics import RequestMetrics
from gateway.http.responses import LARGEST_ANSWER
from gateway.http.sse import EventStreamEndpoint
from gateway.http.tracing import Tracing
from gateway.http.websocket import WebSocketEndpoint, WebSocketOptions
from gateway.journal.event_tail import EventTail
from gateway.journal.journal import Clock, Journal, open_journal, utc_now
from gateway.journal.presence import present
from gateway.journal.records import RecordRef
from gateway.loaders.answers import Answers
from gateway.loaders.data_quality import DataQuality
from gateway.loaders.event_streams import EventStreams
from gateway.loaders.loader import Source
from gateway.loaders.order import OrderKey
from gateway.loaders.placement import Placement
from gateway.loaders.registry import CACHEABLE_NULLS, Loaders, lifetimes
from gateway.loaders.sizes import KnownSizes
from gateway.loaders.watch import Watches
from gateway.ops.event_loop import measured_event_loop
from gateway.ops.metrics import Metrics
from gateway.ops.otel import open_export
from gateway.ops.workers import at_work
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.settings import Mistakes, Settings
from gateway.version import VERSION
from schema.build import executable_schema, export_sdl, get_cost, get_scopes, revealed_types

GRAPHQL_PATH = "/graphql"

schema_definition = export_sdl
"""For the command that prints it."""


def _get_name(ids: NodeIds, types: Mapping[str, RevealedType], record: object) -> RecordRef | None:
    """What the journal calls a record of a type that has an id of its own."""
    found = types.get(type(record).__name__)
    return None if found is None else found.identity.reference(record, ids)


OpenJournal = Callable[[Settings, Clock], AbstractAsyncContextManager[Journal]]


class Gateway:
    """What lives as long as the process: opened by `open_gateway`."""

    def __init__(
        self,
        settings: Settings,
        key: bytes,
        platforms: Platforms,
        journal: Journal,
        clock: Clock,
        metrics: Metrics,
        communities: Communities,
    ) -> None:
        """`key` is the id key."""
        self.ids = NodeIds(key)
        self.admission = Admission(settings.rate_limit, settings.call_rate_limit, settings.people_lookup_limit)
        self.journal = journal
        self._communities = communities
        self.platforms = platforms
        self._traces_for_all = not settings.is_production
        retention = timedelta(days=settings.audit_retention_days)
        types = revealed_types(executable_schema())
        self.trail = AuditTrail(journal.audit, self.ids, types, retention, clock)
        self.quality = DataQuality(partial(_get_name, self.ids, types), clock)
        self.metrics = metrics
        self.events = EventBus()
        self.placement = Placement(journal.payments, self.events, self._search_order)
        self.sizes = KnownSizes()
        self.reads = SharedReads(
            self.events,
            seconds=lifetimes(settings),
            cacheable_nulls=CACHEABLE_NULLS,
            observe=Answers(metrics, platforms.wire, self.quality, self.placement, self.sizes),
            now=clock,
            metrics=metrics,
        )
        self.tail = EventTail(journal.events, self.events)
        self.watches = Watches(
            platforms,
            self.events,
            self.tail,
            journal.watches,
            clock,
            interval=settings.watch_interval,
        )
        self.event_streams = EventStreams(journal.events, self.tail, self.watches, clock, key)
        self.writer = Writer(journal, key, clock)
        self.actions = Actions(
            self.writer,
            platforms,
            journal,
            self.events,
            clock,
            sends_refuse_reason=platforms.profile.refuse_reasons,
        )
        lease = timedelta(seconds=2 * settings.longest_delivery)
        name = f"{socket.gethostname()}/{os.getpid()}"  # for people, among others of the same journal
        self.relay = Relay(journal, platforms.security, self.events, name, lease, clock)
        self.reconciler = Reconciler(
            journal, self.actions.reading_back, self.writer.under_way, settings.call_timeout, clock
        )
        self.callback_tokens = CallbackTokens(key, settings.callback_key_k, settings.callback_key_d)
        self.unverified: UnverifiedPayments | None = None
        if settings.callback_accepts == "platform":
            self.unverified = UnverifiedPayments(self.actions.payment, journal, platforms.security, key)
        metrics.watch(metrics.journal_success, lambda: journal.last_success)
        metrics.build.labels(VERSION, settings.build_id).set(1)
        for platform in (platforms.wjdh, platforms.security):
            metrics.watch_slots(platform.platform, platform.slots)
        metrics.watch(metrics.audit_waiting, lambda: self.trail.waiting)
        metrics.watch(metrics.masking_forced, self.trail.lags)
        metrics.watch(metrics.watches, lambda: len(self.watches))

    async def _search_order(self, number: str) -> bool:
        """Read the pages of each community where an order may stand, until one shows it. Whether all could be read."""
        loaders = Loaders(Source(self.platforms, self.reads, None), self.journal, self.placement, self.quality)
        could_search = True
        try:
            codes = self._communities or dict.fromkeys([*self.sizes.pages, *await Load(loaders.module_states, "all")])
        except GatewayError:
            return False
        for code in codes:
            try:
                if (await loaders.order.search(OrderKey(code, number)))[0] is not None:
                    return True
            except GatewayError as error:
                could_search &= isinstance(error, RefusedError)  # such as of a community that wjdh does not have
        return could_search

    def open_context(self, principal: Principal, request_id: str) -> RequestContext:
        """Of one operation, however it came. Raises RateLimitedError."""
        budget = self.admission.admit(principal)
        source = Source(self.platforms, self.reads, principal.view)
        loaders = Loaders(source, self.journal, self.placement, self.quality)
        return RequestContext(
            principal,
            loaders,
            self.actions,
            self.journal,
            self.ids,
            self.event_streams,
            self.trail,
            budget,
            request_id,
            communities=self._communities,
            sizes=self.sizes,
            traces_for_all=self._traces_for_all,
        )


def create_app(
    settings: Settings,
    clock: Clock = utc_now,
    *,
    started: Callable[[], object] = lambda: None,
    failed: Callable[[BaseException], object] = lambda _error: None,
    explorer_token: str = "",
    sandbox: Mapping[str, str] = MappingProxyType({}),
    journal: OpenJournal = open_journal,
    metrics: Metrics | None = None,
) -> Application:
    """The ASGI application. Raises SettingsError; what it needs is opened when it starts and closed when it ends.

    `clock` is what the journal, the relay and the reconciler go by; `started` is called before the first request,
    `failed` when there will be none. `explorer_token` is for those who open GraphiQL, `sandbox` the address of each
    platform whose switches it shows. `journal` opens the journal.
    """
    metrics = Metrics() if metrics is None else metrics
    mistakes = Mistakes()
    with mistakes.collect():
        authenticator = open_authenticator(settings, metrics=metrics, audience=DEMO_AUDIENCE if sandbox else AUDIENCE)
    with mistakes.collect():
        key = read_id_key(settings)
    with mistakes.collect():
        profile = read_profile(settings)
        platforms = make_platforms(settings, profile, metrics=metrics)
    with mistakes.collect():
        communities = read_communities(settings)
    schema = executable_schema()
    is_open = settings.allows_introspection
    needed_scopes = get_scopes if is_open else guard_introspection(get_scopes, Scope.SCHEMA_INTROSPECT)
    documents = Documents(
        schema,
        Limits(tokens=settings.max_tokens, depth=settings.max_depth),
        suggestions=not settings.is_production,
        get_cost=get_cost,
        get_scopes=needed_scopes,
    )
    with mistakes.collect():
        trusted = open_trusted_documents(settings, documents)
    with mistakes.collect():
        span_export = open_export()
    mistakes.check()
    intake = Intake(documents, cost_limit=settings.cost_limit, trusted=trusted)
    operations = (*settings.metrics_operations, *(trusted.operation_names(documents) if trusted else ()))
    request_metrics = RequestMetrics(metrics, operations)
    executor = GuardedExecutor(
        Executor(schema, suggestions=not settings.is_production),
        schema,
        needed_scopes,
    )

    def routes(gateway: Gateway) -> list[BaseRoute]:

        def get_caller(scope: ASGIScope) -> Caller:
            return Caller(scope, authenticator, gateway.open_context)

        service = Service(
            intake=intake,
            executor=executor,
            bounds=Bounds(settings.max_body_bytes),
            timeout=settings.request_timeout,
            largest_answer=LARGEST_ANSWER,
            metrics=request_metrics,
            tracing=Tracing(span_export, settings.trace_sample),
            access_log=AccessLog(partial(gateway.ids.hashed, "caller")) if settings.writes_access_log else None,
        )
        endpoint = GraphQLEndpoint(service, get_caller, EventStreamEndpoint(service, get_caller))
        web_sockets = WebSocketEndpoint(
            service,
            authenticator.authenticate,
            gateway.open_context,
            WebSocketOptions(max_operations=settings.max_subscriptions, origins=settings.allowed_origins),
        )
        checks = share({"journal": gateway.journal.ping, "signing_keys": authenticator.ready}, metrics)
        return [
            Route(GRAPHQL_PATH, for_pages(endpoint, settings.allowed_origins, settings.allowed_headers)),
            WebSocketRoute(GRAPHQL_PATH, web_sockets),
            *payment_callback_routes(
                gateway.actions.payment, gateway.callback_tokens, gateway.unverified, service.access_log
            ),
            *metrics_routes(metrics, gateway.journal.backlog, checks),
            *health_routes(checks),
            *open_explorer(settings, GRAPHQL_PATH, explorer_token, sandbox),
        ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_gateway(settings, key, platforms, clock, journal, metrics, communities) as gateway:
            app.state.gateway = gateway
            app.router.routes[:] = routes(gateway)
            app.router.redirect_slashes = False  # it would send forms on without TLS, and to any Host
            started()
            try:
                with measured_event_loop(metrics):
                    yield
            finally:
                await authenticator.aclose()
                if span_export is not None:
                    await asyncio.to_thread(span_export.close)

    return Application(Starlette(lifespan=lifespan), Hosts(settings.hosts), failed, request_metrics.failed)


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    key: bytes,
    platforms: Platforms,
    clock: Clock,
    open_its_journal: OpenJournal,
    metrics: Metrics,
    communities: Communities,
) -> AsyncIterator[Gateway]:
    """Everything that lives as long as the process, with the relay and the reconciler at work.

    At the end they stop first, then the writes under way come to their end and the audit trail is written, then
    connections are closed.
    """
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(open_its_journal(settings, clock))
        stack.push_async_callback(platforms.aclose)
        gateway = Gateway(settings, key, platforms, journal, clock, metrics, communities)
        await journal.require_key(gateway.ids.check_value, record=True)
        await stack.enter_async_context(gateway.events.bridge(journal.notifier))
        await stack.enter_async_context(gateway.tail.open())
        await stack.enter_async_context(present(journal))
        stack.push_async_callback(gateway.watches.close)
        stack.push_async_callback(gateway.trail.close)
        stack.push_async_callback(gateway.writer.drain)
        if gateway.unverified is not None:
            stack.push_async_callback(gateway.unverified.drain)
        work = (gateway.relay, gateway.reconciler, gateway.placement, gateway.trail)
        runs = {type(worker).__name__: worker.run for worker in work}
        await stack.enter_async_context(at_work(runs))
        yield gateway
