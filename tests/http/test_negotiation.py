import pytest

from gateway.http.errors import MediaType
from gateway.http.request import negotiate

GRAPHQL, JSON = MediaType.GRAPHQL_RESPONSE, MediaType.JSON


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/json, text/plain, */*", JSON),
        ("application/graphql-response+json", GRAPHQL),
        ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", GRAPHQL),
        ("application/json, application/graphql-response+json", GRAPHQL),
        ("application/json, application/graphql-response+json;q=1", GRAPHQL),
        ("application/graphql-response+json,application/json;q=0.9", GRAPHQL),
        ("application/graphql-response+json;q=0.5, application/json", JSON),
        ("application/graphql-response+json;q=0, */*", JSON),
        ("APPLICATION/GraphQL-Response+JSON", GRAPHQL),
        ("text/html, */*;q=0.1", JSON),
        ("application/json; version=1", JSON),
        ("text/event-stream, multipart/mixed", None),
        ("application/json;q=0", None),
        ("application/json;q=nonsense", None),
        ("application/json;q=nan", None),
        ("application/json;q=2", None),
        ("application/json; charset=gbk", None),
        ("", None),
        (";;,,q=1", None),
        ("text/html," * 200 + "application/json", JSON),
    ],
)
def test_best_listed_media_type_is_chosen(accept: str | None, chosen: MediaType | None) -> None:
    assert negotiate(None if accept is None else accept.encode()) is chosen
