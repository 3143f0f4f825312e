"""The endpoints of a platform, and the ways to them: URL, headers, encoding, circuit and calls of each."""

import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, TypeAlias
from urllib.parse import quote_plus

import httpx
import msgspec

from gateway.normalise.vocabulary import PlatformName
from gateway.normalise.wire import AS_DOCUMENTED, Wire
from gateway.ops.calls import EndpointCalls
from gateway.ops.metrics import Metrics
from gateway.ops.slots import Slots
from gateway.platforms.answer import LargeAnswers
from gateway.platforms.connection import Pool, Proxy
from gateway.platforms.session import Credential
from gateway.settings import VERSION, can_be_called

USER_AGENT = f"wanjia-gateway/{VERSION}"

ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)

Arguments: TypeAlias = Mapping[str, Any]
"""What a call asks with, by the names of the document. Forms take texts and whole numbers alone."""


class Effect(Enum):
    """What a call does, which its HTTP method does not show: every read is a POST.

    A call that was not sent may always be sent again, and one that met a dead token was not executed (quirk 45). Beyond
    that only reads are repeated: an update may overwrite what somebody else wrote meanwhile (quirk 155), and order/new
    and announcement/new have nothing by which the platform could know a repetition (quirk 154).
    """

    LOGIN = auto()
    READ = auto()
    WRITE = auto()


class Encoding(msgspec.Struct, frozen=True):
    """How arguments, and the fields of a credential, become the body of a request."""

    content_type: bytes
    encode: Callable[[Arguments, Credential], bytes]


def encode_form(arguments: Arguments, credential: Credential) -> bytes:
    """application/x-www-form-urlencoded in UTF-8 (quirks 44, 63); an empty value is left out (quirk 151)."""
    pairs = []
    for name, value in arguments.items():
        if type(value) is int or (value.isalnum() and value.isascii()):
            pairs.append(f"{name}={value}")
        elif value != "":
            pairs.append(f"{name}={quote_plus(value)}")
    if credential.form:
        pairs.append(credential.form)
    return "&".join(pairs).encode("ascii")


def encode_json(arguments: Arguments, credential: Credential) -> bytes:
    """A JSON object."""
    return msgspec.json.encode({**arguments, **credential.fields})


FORM = Encoding(b"application/x-www-form-urlencoded", encode_form)
JSON = Encoding(b"application/json", encode_json)


class Endpoint(msgspec.Struct, frozen=True):
    """One documented call to a platform. `path` is under the platform's base; "" where a `setting` has it.

    `shows_why`: whether the `msg` of a refusal is fit to be shown (not so for order/list, quirk 17). `decode(wire)`
    takes a success that came as documented in one step, and raises msgspec.DecodeError for every other answer. `record`
    is what each row in its answers is. `dead_token` is the code by which its table says that the token is refused.
    """

    platform: PlatformName
    name: str
    method: str
    path: str
    effect: Effect
    shows_why: bool = True
    decode: Callable[[Wire], Callable[[bytes], Mapping[str, Any]]] | None = None
    record: type | None = None
    encoding: Encoding = FORM
    setting: str = ""
    dead_token: int | None = None


class Upstream(msgspec.Struct):
    """What the calls to one platform have in common, to its `endpoints`, that of the login first.

    `slots` bounds how many are under way; each may take `call_timeout` seconds in all: queueing, a login and a replay
    included. `wire` reads the answers. `get_tls` makes what verifies a platform of https. All calls go through `proxy`,
    if there is one. `pools` are by origin: scheme, host and port. `shows_exchanges`: traces may show what was sent and
    what came back.
    """

    endpoints: Sequence[Endpoint]
    slots: Slots
    call_timeout: float
    wire: Wire = AS_DOCUMENTED
    metrics: Metrics = msgspec.field(default_factory=Metrics)
    get_tls: Callable[[], ssl.SSLContext] = httpx.create_ssl_context
    proxy: Proxy | None = None
    large_answers: LargeAnswers = msgspec.field(default_factory=LargeAnswers)
    pools: dict[tuple[str, str, int | None], Pool] = msgspec.field(default_factory=dict)
    shows_exchanges: bool = False


def endpoint_url(base: str, path: str) -> httpx.URL:
    """The URL of `path` under `base`; a path that is a whole URL stands alone (quirk 56).

    Raises httpx.InvalidURL, for a base with a query or fragment, too: nothing can stand under it. And for a misspelt
    URL, which would be taken for a path.
    """
    is_whole = ABSOLUTE.match(path) is not None
    url = httpx.URL(path if is_whole else f"{base.rstrip('/')}/{path.lstrip('/')}")
    is_misplaced = not is_whole and ("?" in base or "#" in base or _OTHER_SCHEME.match(path))
    if is_misplaced or not can_be_called(url):
        raise httpx.InvalidURL("The URL cannot be called by http or https.")
    return url


class Route:
    """The way to one endpoint, its circuit and its calls."""

    def __init__(self, platform: PlatformName, endpoint: Endpoint, url: httpx.URL, upstream: Upstream) -> None:
        self.endpoint = endpoint
        self.calls = EndpointCalls(platform, endpoint.name, upstream.call_timeout, upstream.metrics)
        self.decode = None if endpoint.decode is None else endpoint.decode(upstream.wire)
        self.is_read = endpoint.effect is Effect.READ
        origin = (url.scheme, url.host, url.port)
        self.pool = upstream.pools.setdefault(origin, Pool(url, upstream))
        self.slots = upstream.slots
        self.path = url.path  # a query may hold a key
        self.encode = endpoint.encoding.encode
        headers = [
            (b"Host", url.netloc),
            (b"User-Agent", USER_AGENT.encode("ascii")),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),
            (b"Content-Type", endpoint.encoding.content_type),
        ]
        self.head = self.pool.request_head(endpoint.method, url, headers)
