"""Reading ids that callers send: node ids, and a platform's bare numbers."""

from typing import NamedTuple

from gateway.auth.node_ids import InvalidNodeIdError, NodeId, looks_like_number
from gateway.context import Info
from gateway.errors import UserInputError

LARGEST_NUMBER = 2**31 - 1


class RowId(NamedTuple):
    """A row of a platform's, and its community as the id vouches for it."""

    platform_id: int
    community_code: str | None


def decode(info: Info, node_id: str, argument: str = "id") -> NodeId:
    """What a node id says. Raises UserInputError for what this gateway did not make."""
    try:
        return info.context.ids.decode(node_id)
    except InvalidNodeIdError:
        raise UserInputError(argument, f"{argument} is not an id of this gateway.") from None


def read_row_id(info: Info, type_name: str, given: str, argument: str = "id") -> RowId | None:
    """The row that a node id or a bare number names; None when the caller may not see its community.

    Rows of reviews and repairs do not tell their community, and the gateway's account sees more than its callers may:
    a signed id vouches for it, a bare number does not, so that only who sees every community may use one (quirk 175).
    Raises UserInputError.
    """
    if looks_like_number(given):
        number = int(given)
        return RowId(number, None) if info.context.principal.sees_all and number <= LARGEST_NUMBER else None
    node = decode(info, given, argument)
    if node.type_name != type_name:
        raise UserInputError(argument, f"{argument} is the id of a {node.type_name}, not of a {type_name}.")
    if not info.context.principal.sees(node.community_code):
        return None
    return RowId(int(node.parts[0]), node.community_code)
