"""Which record an id from outside leads a caller to."""

from gateway.auth.node_ids import InvalidNodeIdError, NodeId, NodeIds, looks_like_number
from gateway.auth.principal import Principal


def reach(principal: Principal, ids: NodeIds, text: str, type_name: str | None = None) -> NodeId | None:
    """The record that an id names, or None if this caller cannot reach it: the same as for one that is not there.

    `type_name` is the one type that will do, None for any. A platform's bare number names a record of that type in an
    unknown community, so it takes a caller who sees all of them (quirk 175).
    """
    if type_name is not None and looks_like_number(text):
        return NodeId(type_name, None, (int(text),)) if principal.sees_all else None
    try:
        node = ids.decode(text)
    except InvalidNodeIdError:
        return None
    if type_name not in (None, node.type_name) or not principal.sees(node.community_code):
        return None
    return node
