"""Which of the two media types answers a GraphQL request (GraphQL over HTTP, "Accept" and "Body")."""

from enum import Enum
from functools import lru_cache

LONGEST_CACHED = 512


class MediaType(Enum):
    """The value is the content type of the answer; `headers` are those that every answer of this type has."""

    GRAPHQL_RESPONSE = b"application/graphql-response+json; charset=utf-8"
    JSON = b"application/json; charset=utf-8"

    def __init__(self, content_type: bytes) -> None:
        self.headers = (
            (b"content-type", content_type),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        )


def negotiate(accept: bytes | None) -> MediaType | None:
    """The best of what the `Accept` header lists, None when it lists neither.

    A client that names nothing, or only wildcards, gets `application/json` as it always did; between the two at equal
    weight, `application/graphql-response+json` is better.
    """
    if accept is None:
        return MediaType.JSON
    return _cached_choice(accept) if len(accept) <= LONGEST_CACHED else _choice(accept)


def _choice(accept: bytes) -> MediaType | None:
    weights = dict(_media_range(part) for part in reversed(accept.decode("latin-1").lower().split(",")))
    wildcard = weights.get("application/*", weights.get("*/*", 0.0))
    json = weights.get("application/json", wildcard)
    graphql = weights.get("application/graphql-response+json", 0.0)
    if graphql > 0 and graphql >= json:
        return MediaType.GRAPHQL_RESPONSE
    return MediaType.JSON if json > 0 else None


_cached_choice = lru_cache(maxsize=256)(_choice)


def _media_range(part: str) -> tuple[str, float]:
    """The media range and its weight. One with an unreadable weight, or in another charset, weighs nothing."""
    media_range, *parameters = part.split(";")
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            weight = _weight(value)
        elif name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            return media_range.strip(), 0.0
    return media_range.strip(), weight


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
