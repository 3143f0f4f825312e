"""Errors as callers see them: the contract's codes, and nothing that was not meant for them."""

import re
from typing import Any

import structlog
from graphql import GraphQLError, ValueNode, VariableDefinitionNode

from gateway.auth.masking import mask_text
from gateway.errors import GatewayError, QueryTooComplexError, UserInputError, drop_tracebacks
from gateway.execution.documents import DocumentError
from gateway.ops.logs import traced
from gateway.wording.faults import FaultWording
from gateway.wording.foreign import find_graphql_text, text_by_code
from gateway.wording.wording import Text

LONGEST_WORD = 64
LONGEST_MESSAGE = 500

_LONG_WORD = re.compile(rf"(\S{{{LONGEST_WORD}}})\S+")

_PYTHON_WORD = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\b(?:None|True|False)\b""")
"""A word of Python's in a message of graphql-core. Quoted text is matched whole, so that it is left as it is."""

_GRAPHQL_WORDS = {"None": "null", "True": "true", "False": "false"}

_VARIABLE = re.compile(r"Variable '\$(\w+)' has invalid value(?: at ((?:\.\w+|\[\d+\])+))?")

log = structlog.get_logger(__name__)


def format_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """One entry of `errors` (GraphQL specification, 7.1.2, and the contract's codes).

    A GatewayError speaks for itself. An error with a code was made for callers. What graphql-core says about the values
    that came with the request is BAD_USER_INPUT. Everything else, a bug or a value that does not fit the schema, is
    INTERNAL: logged with the request id, never shown.
    """
    cause = get_cause(error)
    message: Text
    if isinstance(cause, GatewayError):
        message = cause.message
        extensions = {name: mask_text(it) if isinstance(it, str) else it for name, it in cause.extensions().items()}
        extensions |= error.extensions or {}  # such as the community it is of
    elif error.extensions and "code" in error.extensions:
        extensions = dict(error.extensions)
        message = _in_both_languages(_presentable(error.message), str(extensions["code"]))
    elif _is_about_input(error):
        message = _in_both_languages(_presentable(error.message), UserInputError.code)
        extensions = _about_variable(error.message, message)
    else:
        log_unexpected(cause, request_id, error.path)
        message, extensions = FaultWording.INTERNAL(), {"code": "INTERNAL"}
    extensions["messageZh"] = message.chinese
    extensions["requestId"] = request_id
    formatted: dict[str, Any] = {"message": message}
    if error.locations:
        formatted["locations"] = [location.formatted for location in error.locations]
    if error.path:
        formatted["path"] = error.path
    formatted["extensions"] = extensions
    drop_tracebacks(error)
    return formatted


def format_failure(error: Exception, request_id: str) -> list[dict[str, Any]]:
    """The `errors` of an operation that ended without a response. What was not meant for callers is logged instead."""
    if isinstance(error, DocumentError):
        return [format_error(each, request_id) for each in error.errors]
    if not isinstance(error, GatewayError):
        log_unexpected(error, request_id)
        error = GatewayError(FaultWording.INTERNAL())
    return [format_error(GraphQLError(error.message, original_error=error), request_id)]


def answer_extensions(error: Exception) -> dict[str, Any] | None:
    """The `extensions` of an answer without data: the cost of an operation that is refused for it."""
    for each in error.errors if isinstance(error, DocumentError) else ():
        cause = each.original_error
        if isinstance(cause, QueryTooComplexError) and cause.limit == "cost":
            return {"cost": {"requested": cause.requested, "limit": cause.bound}}
    return None


def log_unexpected(error: BaseException, request_id: str, path: list[str | int] | None = None) -> None:
    """What happened and where, without the error's own text: it may quote what a platform or a caller sent."""
    log.error("unexpected error", request_id=request_id, path=path, **traced(error))


def get_code(error: Exception) -> str:
    """The code that callers get for it, as `format_error` has it."""
    cause = get_cause(error)
    if isinstance(cause, GatewayError):
        return cause.code
    if not isinstance(error, GraphQLError):
        return GatewayError.code
    given = (error.extensions or {}).get("code")
    return str(given or ("BAD_USER_INPUT" if _is_about_input(error) else GatewayError.code))


def get_cause(error: Exception) -> Exception:
    """The error under graphql-core's wrappings."""
    cause = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _is_about_input(error: GraphQLError) -> bool:
    """Whether it stems from variables or arguments.

    Without a path nothing was resolved yet. An error with a path points at the argument's value where that is to
    blame, else at the field.
    """
    return error.path is None or any(isinstance(node, ValueNode | VariableDefinitionNode) for node in error.nodes or ())


def _about_variable(said: str, message: Text) -> dict[str, Any]:
    """The extensions of what graphql-core `said` of a variable or an argument.

    Of a variable they are those of the gateway's own checks, and `argument` is its name with the path inside it, such
    as `filter.status`.
    """
    named = _VARIABLE.match(said)
    if named is None:
        return {"code": UserInputError.code}
    path = (named[2] or "").replace("[", ".").replace("]", "")
    return dict(UserInputError(named[1] + path, message).extensions())


def _in_both_languages(message: str, code: str) -> Text:
    """What graphql-core said, as callers get it, with its Chinese."""
    return find_graphql_text(message) or text_by_code(message, code)


def _presentable(message: str) -> str:
    """In GraphQL's words. Long ones are cut, not echoed; numbers of persons are masked even for who sent them."""
    cut = _LONG_WORD.sub(r"\1…", message)[:LONGEST_MESSAGE]
    return mask_text(_PYTHON_WORD.sub(lambda found: _GRAPHQL_WORDS.get(found[0], found[0]), cut))
