"""The composition root: everything the gateway is made of, wired once. Nothing else makes these objects."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from time import monotonic
from types import MappingProxyType
from typing import Any

from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from gateway.actions.action import Services
from gateway.actions.audit import AuditTrail
from gateway.actions.writer import Reconciler, Writer
from gateway.auth.authenticator import open_authenticator
from gateway.auth.issuer import AUDIENCE, DEMO_AUDIENCE, is_loopback
from gateway.auth.node_ids import NodeIds, read_id_key
from gateway.auth.principal import Scope
from gateway.auth.rate import Admission
from gateway.cache import SharedReads
from gateway.contact.profile import read_communities, read_profile
from gateway.context import Backend, KnownSizes, RequestContext
from gateway.entities import CACHEABLE_NULLS, ENDPOINTS, LISTS, Actions, Loaders, lifetimes
from gateway.errors import GatewayError, RefusedError
from gateway.execution.documents import Documents, read_trusted_documents
from gateway.execution.executor import Executor
from gateway.execution.limits import Limits
from gateway.execution.load import Load
from gateway.http.application import Application, ListedOrigins
from gateway.http.explorer import open_explorer
from gateway.http.graphql import GraphQLEndpoint
from gateway.http.operation import LARGEST_ANSWER, Guard, Service, guard_introspection
from gateway.http.payment_callback import CallbackTokens, payment_callback_routes
from gateway.http.probes import MetricsPort, health_routes, metrics_routes, share
from gateway.http.request import Bounds
from gateway.http.telemetry import AccessLog, Telemetry, count_failure
from gateway.http.websocket import WebSocketEndpoint
from gateway.journal.journal import Clock, Journal, open_journal, utc_now
from gateway.journal.postgres import PostgresDatabase
from gateway.journal.retention import Retention
from gateway.journal.tokens import SharedToken
from gateway.loaders.answers import Answers, DataQuality
from gateway.loaders.event_streams import EventStreams, EventTail
from gateway.loaders.loader import Source
from gateway.loaders.watch import Watches
from gateway.modules import MODULE_STATES
from gateway.normalise.wire import NO_PROFILE
from gateway.ops.event_loop import at_work, measured_event_loop
from gateway.ops.metrics import Metrics
from gateway.ops.trace import open_export
from gateway.orders.reads import ORDERS, OrderKey
from gateway.payments.reads import Placement
from gateway.payments.writes import Relay, UnverifiedPayments
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.settings import VERSION, Communities, Mistakes, Settings
from schema.build import executable_schema, explain_null, get_cost, get_scopes, revealed_types

GRAPHQL_PATH = "/graphql"


class Gateway:
    """What lives as long as the process, and is at work while it is `running`."""

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
        """`key` is that of node ids and of all other signatures."""
        self.ids = NodeIds(key)
        self.admission = Admission(settings.rate_limit, settings.call_rate_limit, settings.people_lookup_limit)
        self.journal = journal
        self.platforms = platforms
        types = revealed_types(executable_schema())
        self.trail = AuditTrail(journal.audit, self.ids, types, clock)
        self.retention = Retention(journal.database, settings.retained, clock)
        self.quality = DataQuality(self.trail.reveals.name, clock)
        self.metrics = metrics
        self.events = journal.bus
        self.placement = Placement(journal, self._search_order)
        self.sizes = KnownSizes()
        self.tail = EventTail(journal.events)
        self.watches = Watches(platforms, self.events, self.tail, journal.watches, clock, settings.watch_interval)
        watching: dict[str, tuple[Callable[[Any], object], ...]] = {
            ORDERS.endpoint.name: (self.placement.look_at, self.sizes.look_at),
            MODULE_STATES.endpoint.name: (self.sizes.look_at_communities,),
        }
        for records in LISTS:
            if records.watched is not None:
                watching[records.endpoint.name] = (partial(self.watches.look_at, records.watched.topic),)
        self.reads = SharedReads(
            self.events,
            seconds=lifetimes(settings),
            cacheable_nulls=CACHEABLE_NULLS,
            observer_of=Answers(metrics, platforms.wire, self.quality, watching).of,
            now=clock,
            metrics=metrics,
        )
        self.event_streams = EventStreams(journal.events, self.tail, self.watches.watching, clock, key)
        self.writer = Writer(journal, key, clock, platforms.wjdh.slots)
        services = Services(
            platforms=platforms, journal=journal, events=self.events, clock=clock, digest=self.writer.digest
        )
        self.actions = Actions(self.writer, services)
        self._backend = Backend(
            actions=self.actions,
            admission=self.admission,
            open_source=partial(Source, platforms, self.reads),
            open_loaders=partial(Loaders, journal=journal, placement=self.placement, quality=self.quality),
            journal=journal,
            ids=self.ids,
            event_streams=self.event_streams,
            trail=self.trail,
            communities=communities,
            sizes=self.sizes,
            is_production=settings.is_production,
        )
        self.open_context = partial(RequestContext, self._backend)
        lease = timedelta(seconds=2 * settings.longest_delivery)
        name = f"{socket.gethostname()}/{os.getpid()}"  # for people, among others of the same journal
        self.relay = Relay(journal, platforms.security, name, lease, clock)
        self.reconciler = Reconciler(self.writer, self.actions.by_mutation, settings.call_timeout)
        self.callback_tokens = CallbackTokens(key, settings.callback_key_k, settings.callback_key_d)
        self.unverified: UnverifiedPayments | None = None
        if settings.callback_accepts == "platform":
            self.unverified = UnverifiedPayments(journal, platforms.security, key)
        metrics.watch(metrics.journal_success, lambda: journal.database.last_success)
        metrics.build.labels(VERSION, settings.build_id).set(1)
        for client in platforms.all:
            if isinstance(journal.database, PostgresDatabase):
                # A call that waits for another gateway's login has half of its time left for one of its own.
                claimed_for = timedelta(seconds=settings.call_timeout / 2)
                client.session.share = SharedToken(journal.database, clock, key, client.account, claimed_for).get
            metrics.watch_slots(client.platform, client.slots)
        metrics.watch(metrics.audit_waiting, lambda: self.trail.waiting)
        metrics.watch(metrics.masking_forced, self.trail.lags)
        metrics.watch(metrics.watches, lambda: len(self.watches.order))
        metrics.watch(metrics.watch_lateness, lambda: self.watches.order.lateness(monotonic()))
        metrics.watch(metrics.watch_lateness_bound, lambda: self.watches.order.bound(self.watches.at_once))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """With the relay and the reconciler at work. At the end they stop first, then the writes under way come to
        their end, and the audit trail is written.
        """
        await self.journal.require_key(self.ids.check_value, record=True)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.journal.bridge())
            await stack.enter_async_context(self.tail.open())
            await stack.enter_async_context(self.journal.watches.present(self.platforms.divide_slots))
            stack.push_async_callback(self.trail.close)
            stack.push_async_callback(self.writer.drain)
            if self.unverified is not None:
                stack.push_async_callback(self.unverified.drain)
            workers = (self.relay, self.reconciler, self.placement, self.trail, self.watches, self.retention)
            await stack.enter_async_context(at_work({type(worker).__name__: worker.run for worker in workers}))
            yield

    async def _search_order(self, number: str) -> bool:
        """Read the pages of each community where an order may stand, until one shows it. Whether all could be read."""
        loaders = self._backend.open_loaders(self._backend.open_source(None))
        could_search = True
        try:
            codes = self._backend.communities or dict.fromkeys(
                [*self.sizes.pages, *await Load(loaders.of(MODULE_STATES), "all")]
            )
        except GatewayError:
            return False
        for code in codes:
            try:
                if (await loaders.order.search(OrderKey(code, number)))[0] is not None:
                    return True
            except GatewayError as error:
                could_search &= isinstance(error, RefusedError)  # such as of a community that wjdh does not have
        return could_search


def create_app(
    settings: Settings,
    clock: Clock = utc_now,
    *,
    started: Callable[[], object] = lambda: None,
    failed: Callable[[BaseException], object] = lambda _error: None,
    explorer_token: str = "",
    sandbox: Mapping[str, str] = MappingProxyType({}),
    is_local: Callable[[str], bool] = is_loopback,
    journal: Settings | None = None,
    metrics: Metrics | None = None,
) -> Application:
    """The ASGI application. Raises SettingsError; what it needs is opened when it starts and closed when it ends.

    `clock` is what the journal, the relay and the reconciler go by; `started` is called before the first request,
    `failed` when there will be none. `explorer_token` is for those who open GraphiQL, `sandbox` the address of each
    platform whose switches it shows, to clients at an address that `is_local`. `journal` are the settings of the
    journal, where they are others.
    """
    metrics = Metrics() if metrics is None else metrics
    mistakes = Mistakes()
    audience = DEMO_AUDIENCE if sandbox else AUDIENCE
    authenticator = mistakes.attempt(open_authenticator, settings, metrics=metrics, audience=audience)
    key = mistakes.attempt(read_id_key, settings)
    profile = mistakes.attempt(read_profile, settings) or NO_PROFILE
    platforms = mistakes.attempt(make_platforms, settings, ENDPOINTS, profile, metrics=metrics)
    communities = mistakes.attempt(read_communities, settings)
    schema = executable_schema()
    is_open = settings.allows_introspection
    needed_scopes = get_scopes if is_open else guard_introspection(get_scopes, Scope.SCHEMA_INTROSPECT)
    trusted = mistakes.attempt(read_trusted_documents, settings)
    span_export = mistakes.attempt(open_export)
    mistakes.check()
    documents = Documents(
        schema,
        Limits(tokens=settings.max_tokens, depth=settings.max_depth),
        suggestions=not settings.is_production,
        get_cost=get_cost,
        get_scopes=needed_scopes,
        cost_limit=settings.cost_limit,
        trusted=trusted,
    )
    operations = (*settings.metrics_operations, *documents.listed_operations())

    def routes(gateway: Gateway) -> list[BaseRoute]:
        access_log = AccessLog(partial(gateway.ids.hashed, "caller")) if settings.writes_access_log else None
        service = Service(
            authenticator=authenticator,
            open_context=gateway.open_context,
            documents=documents,
            executor=Executor(schema, suggestions=not settings.is_production, explain_null=explain_null),
            guard=Guard(schema, needed_scopes),
            bounds=Bounds(settings.max_body_bytes),
            timeout=settings.request_timeout,
            largest_answer=LARGEST_ANSWER,
            telemetry=Telemetry(metrics, operations, span_export, access_log),
        )
        endpoint: ASGIApp = GraphQLEndpoint(service)
        if settings.allowed_origins:
            endpoint = ListedOrigins(endpoint, settings.allowed_origins, settings.allowed_headers)
        web_sockets = WebSocketEndpoint(service, settings.max_subscriptions, settings.allowed_origins)
        checks = share({"journal": gateway.journal.ping, "signing_keys": authenticator.keys.current}, metrics)
        return [
            Route(GRAPHQL_PATH, endpoint),
            WebSocketRoute(GRAPHQL_PATH, web_sockets),
            *payment_callback_routes(gateway.journal.payments, gateway.callback_tokens, gateway.unverified, access_log),
            *metrics_routes(metrics, gateway.journal.backlog, checks),
            *health_routes(checks),
            *open_explorer(settings, GRAPHQL_PATH, explorer_token, sandbox, is_local),
        ]

    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(open_journal(journal or settings, clock))
            stack.push_async_callback(platforms.aclose)
            gateway = Gateway(settings, key, platforms, opened, clock, metrics, communities)
            await stack.enter_async_context(gateway.running())
            app.state.gateway = gateway
            app.serve(routes(gateway))
            started()
            try:
                with measured_event_loop(metrics):
                    yield
            finally:
                await authenticator.aclose()
                if span_export is not None:
                    await asyncio.to_thread(span_export.close)

    app = Application(settings.hosts, failed, partial(count_failure, metrics), lifespan=lifespan)
    if settings.metrics_port:
        app.add_middleware(MetricsPort, port=settings.metrics_port)
    return app
