"""The names in the generated code of plans."""

from graphql import parse
from graphql.execution.values import VariableValues
from loading import make_schema

from gateway.execution.compile import compile_operation
from gateway.execution.operation import find_operation

SDL = "type Query { order: Order orders: [Order!] } type Order { number: Int title: String }"


def compile_source(query: str) -> str:
    schema = make_schema(SDL, {})
    operation = find_operation(schema, parse(query), None)
    assert operation is not None
    return compile_operation(operation, VariableValues({}, {}), None, 100).source


def test_response_names_do_not_clash_with_plan_code() -> None:
    names = "settle each o v out run bind values object_query list_orders title_2 class None __v"
    fields = " ".join(f"{name}: title" for name in names.split())
    source = compile_source(f"{{ settle: orders {{ {fields} }} orders {{ title title_2: title }} }}")
    compile(source, "plan", "exec")
    assert source.count("def ") == len({line.split("(")[0] for line in source.split("\n") if "def " in line})


def test_aliases_do_not_appear_in_plan_code() -> None:
    """Python never forgets the words of code that it compiled."""
    assert compile_source("{ mine: order { no: number } }") == compile_source("{ yours: order { nr: number } }")
