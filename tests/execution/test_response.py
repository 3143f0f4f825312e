import orjson
from graphql import GraphQLError

from gateway.execution.response import Response


def test_response_orders_data_errors_extensions() -> None:
    response = Response({"b": 1, "a": "甲"}, [GraphQLError("no", path=["b"])])
    assert response.to_bytes(extensions={"x": 1}) == (
        '{"data":{"b":1,"a":"甲"},"errors":[{"message":"no","path":["b"]}],"extensions":{"x":1}}'.encode()
    )


def test_response_accepts_formatted_errors() -> None:
    response = Response(None, [GraphQLError("secret")])
    body = orjson.loads(response.to_bytes(errors=[{"message": "hidden", "extensions": {"code": "INTERNAL"}}]))
    assert body == {"data": None, "errors": [{"message": "hidden", "extensions": {"code": "INTERNAL"}}]}


def test_request_error_has_no_data_key() -> None:
    assert orjson.loads(Response(None, [GraphQLError("no")], executed=False).to_bytes()) == {
        "errors": [{"message": "no"}]
    }


def test_response_without_errors_has_no_errors_key() -> None:
    assert Response({}).to_bytes() == b'{"data":{}}'
