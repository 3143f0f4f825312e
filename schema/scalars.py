"""The scalars: Date, DateTime, Decimal."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from graphql import GraphQLError, ValueNode
from graphql.language import FloatValueNode, IntValueNode, StringValueNode
from strawberry.types.scalar import ScalarDefinition

from gateway.execution.strawberry_adapter import as_it_is, unchanged
from gateway.wording.graphql import ScalarWording

DECIMAL = re.compile(r"[+-]?\d{1,18}(\.\d{1,9})?", re.ASCII)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@unchanged(str)
def _write_decimal(value: Decimal | str) -> str:
    """Records have amounts as text already."""
    return value if isinstance(value, str) else format(value, "f")


def _read_decimal(value: Any) -> Decimal:
    if isinstance(value, int) and not isinstance(value, bool) and DECIMAL.fullmatch(str(value)):
        return Decimal(value)
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        return Decimal(value)
    if isinstance(value, float):
        raise GraphQLError(ScalarWording.DECIMAL_FLOAT())
    raise GraphQLError(ScalarWording.DECIMAL())


def _read_decimal_literal(node: ValueNode, _variables: Mapping[str, Any] | None = None) -> Decimal:
    if isinstance(node, IntValueNode):
        return _read_decimal(node.value)
    if isinstance(node, StringValueNode):
        return _read_decimal(node.value)
    if isinstance(node, FloatValueNode):
        return _read_decimal(float(node.value))
    return _read_decimal(None)


def _read_date(value: Any) -> date:
    try:
        if isinstance(value, str) and DATE.fullmatch(value):  # and no week of a year, which Python reads as well
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise GraphQLError(ScalarWording.DATE())


def _read_datetime(value: Any) -> datetime:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment
    except ValueError:
        pass
    raise GraphQLError(ScalarWording.DATETIME())


SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number as a string, such as "0.01"; as input a string or an integer, '
        "never a float (十进制数).",
        specified_by_url="https://www.w3.org/TR/xmlschema11-2/#decimal",
        serialize=_write_decimal,
        parse_value=_read_decimal,
        parse_literal=_read_decimal_literal,
    ),
    date: strawberry.scalar(
        name="Date",
        description='A calendar date, such as "2026-11-24" (日期).',
        specified_by_url="https://scalars.graphql.org/andimarek/local-date",
        serialize=as_it_is(date),
        parse_value=_read_date,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description='A moment with its offset (RFC 3339), such as "2026-11-24T08:30:00+08:00"; upstream times are '
        "those of Asia/Shanghai (日期时间).",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=as_it_is(datetime),
        parse_value=_read_datetime,
    ),
}
