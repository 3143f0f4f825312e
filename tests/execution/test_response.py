import orjson
from graphql import GraphQLError

from gateway.execution.response import Response


def test_a_response_is_written_with_data_errors_and_extensions_in_this_order() -> None:
    response = Response({"b": 1, "a": "甲"}, [GraphQLError("no", path=["b"])])
    assert response.to_bytes(extensions={"x": 1}) == (
        '{"data":{"b":1,"a":"甲"},"errors":[{"message":"no","path":["b"]}],"extensions":{"x":1}}'.encode()
    )


def test_errors_can_be_given_as_they_are_to_be_shown() -> None:
    response = Response(None, [GraphQLError("secret")])
    body = orjson.loads(response.to_bytes(errors=[{"message": "hidden", "extensions": {"code": "INTERNAL"}}]))
    assert body == {"data": None, "errors": [{"message": "hidden", "extensions": {"code": "INTERNAL"}}]}


def test_a_request_error_has_no_data_not_even_null() -> None:
    assert orjson.loads(Response(None, [GraphQLError("no")], executed=False).to_bytes()) == {
        "errors": [{"message": "no"}]
    }


def test_a_response_without_errors_has_no_entry_for_them() -> None:
    assert Response({}).to_bytes() == b'{"data":{}}'
