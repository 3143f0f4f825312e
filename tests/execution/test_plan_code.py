"""The generated code of plans: read these first to see how a field becomes code."""

import datetime
from collections.abc import Hashable
from typing import Annotated, Any, NamedTuple

import msgspec
import strawberry
from graphql import parse
from graphql.execution.values import VariableValues
from strawberry.schema.config import StrawberryConfig

from gateway.execution.classes import as_it_is, by_class
from gateway.execution.codegen import generate
from gateway.execution.compile import compile_operation
from gateway.execution.operation import find_operation
from gateway.execution.strawberry_adapter import StrawberryFields
from gateway.execution.variants import attribute_in


@strawberry.type
class Owner:
    phone: str | None


@strawberry.type
class Order:
    number: int
    title: str
    phone: str = strawberry.field(resolver=attribute_in("open", "phone", otherwise=lambda _value: "***"))

    @strawberry.field(graphql_type=Owner | None)
    def owner(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:  # noqa: N805 # the record it reads from
        return info.context[root.number]


@strawberry.type
class Day:
    date: datetime.date
    is_type_of = staticmethod(by_class(datetime.date))


class PetRecord(NamedTuple):
    name: str
    nick: str | None
    tag: str | None
    age: int
    lives: Annotated[int, msgspec.Meta(gt=0, le=9)] | None
    steps: Annotated[int, msgspec.Meta(ge=0)]
    depth: Annotated[int, msgspec.Meta(le=0)]


@strawberry.type
class Pet:
    name: str
    nick: str | None
    tag: str
    age: int
    lives: int | None
    steps: int
    depth: int
    is_type_of = staticmethod(by_class(PetRecord, typed=True))


@strawberry.type
class Query:
    @strawberry.field(graphql_type=Pet | None)
    def pet(self) -> Any:
        return None

    @strawberry.field(graphql_type=Day | None)
    def day(self) -> Any:
        return None

    @strawberry.field(graphql_type=Order | None)
    def order(self) -> Any:
        return None

    @strawberry.field(graphql_type=list[Order])
    def orders(self, first: int = 20) -> Any:
        return [Order(number=number, title="title") for number in range(first)]


QUERY = "query Orders($first: Int!) { orders(first: $first) { __typename title number owner { phone } } }"

CODE = """\
def bind(run):
    wait = run.wait
    settle = run.settle
    finish = run.finish
    finish_non_null = run.finish_non_null
    arguments_orders = arguments_of_orders.bind(run.variables, None)
    info_owner = make_info_owner(run, position_owner)

    def object_orders_owner(o):  # Owner
        return {
            'phone':
                v if type(v := o.phone) is str or v is None
                else finish(v, leaf_String),
        }

    def object_orders(o):  # Order
        out = {
            '__typename': 'Order',
            'title':
                v if type(v := o.title) is str
                else finish_non_null(v, leaf_String),
            'number':
                v if type(v := o.number) is int and -2147483648 <= v <= 2147483647
                else finish_non_null(v, leaf_Int),
            'owner': None,
        }
        out['owner'] = (
            object_orders_owner(v) if type(v := resolve_owner(o, info_owner)) in plain
            else wait((out, 'owner', v, object_orders_owner, nodes_owner)) if type(v) is Load
            else settle(out, 'owner', v, object_orders_owner, nodes_owner)
        )
        return out

    def list_orders(values):
        if type(values) is not list and type(values) is not tuple: values = iterable(values)
        out = []
        for v in values:
            out.append(
                object_orders(v) if type(v) in plain
                else wait((out, len(out), v, object_orders, None)) if type(v) is Load
                else settle(out, len(out), v, object_orders, None)
            )
        return out

    def object_query(o):  # Query
        out = {
            'orders': None,
        }
        out['orders'] = (
            list_orders(v) if type(v := resolve_orders(o, **arguments_orders)) is list or type(v) is tuple
            else wait((out, 'orders', v, list_orders, None)) if type(v) is Load
            else settle(out, 'orders', v, list_orders, None)
        )
        return out

    return object_query
"""


OBSERVING_CODE = """\
    def object_order(o):  # Order
        out = {
            'phone':
                v if type(v := o.phone) is str
                else finish_non_null(v, leaf_String),
        }
        observe_Order(o)
        return out
"""


def compile_source(query: str, variant: Hashable = None) -> str:
    day = strawberry.scalar(name="Date", serialize=as_it_is(datetime.date))
    config = StrawberryConfig(scalar_map={datetime.date: day})
    schema = strawberry.Schema(query=Query, config=config)._schema
    operation = find_operation(schema, parse(query), None)
    assert operation is not None
    selection = compile_operation(StrawberryFields(schema), operation, VariableValues({}, {}), variant)
    return generate(selection).source


def test_plan_source_is_as_documented() -> None:
    assert compile_source(QUERY) == CODE


def test_attribute_variant_compiles_to_attribute_read() -> None:
    assert OBSERVING_CODE in compile_source("{ order { phone } }", "open")
    assert "type(v := through_phone(o.phone)) is str" in compile_source("{ order { phone } }")


def test_type_by_class_compiles_to_class_comparison() -> None:
    source = compile_source("{ day { date } }")
    assert "object_day(v) if type(v := resolve_day(o)) is class_date\n" in source
    assert "if type(o) is not class_date: confirm(is_type_of_Day(o, run.info(position_day)))" in source
    assert "v if type(v := o.date) is class_date\n" in source


def test_declared_class_attributes_are_not_checked() -> None:
    source = compile_source("{ pet { name nick tag age lives steps depth } }")
    assert "'name': o.name,\n" in source
    assert "'nick': o.nick,\n" in source
    assert "v if type(v := o.tag) is str\n" in source  # it may be None
    assert "v if type(v := o.age) is int and" in source  # it may be too large
    assert "v if type(v := o.steps) is int and" in source
    assert "v if type(v := o.depth) is int and" in source  # or too small
    assert "'lives': o.lives,\n" in source


def test_response_names_do_not_clash_with_plan_code() -> None:
    names = "settle plain o v out run bind is_type object_query list_orders title_2 class None __v"
    fields = " ".join(f"{name}: title" for name in names.split())
    source = compile_source(f"{{ settle: orders {{ {fields} }} orders {{ title title_2: title }} }}")
    compile(source, "plan", "exec")
    assert source.count("def ") == len({line.split("(")[0] for line in source.split("\n") if "def " in line})


def test_aliases_do_not_appear_in_plan_code() -> None:
    """Python never forgets the words of code that it compiled."""
    assert compile_source("{ mine: order { no: number } }") == compile_source("{ yours: order { nr: number } }")
