"""Random valid operations for any schema: aliases, merged fields, fragments, directives, arguments, variables."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
    parse_value,
    value_from_ast_untyped,
)
from graphql.pyutils import Undefined

SCALARS: dict[str, Sequence[Any]] = {
    "Int": (0, 1, -7, 2**31 - 1),
    "Float": (0.5, -2.0, 3),
    "String": ("", "a", "甲", 'quo"te'),
    "Boolean": (True, False),
    "ID": ("1", "x-2", 3),
}


@dataclass
class GeneratedOperation:
    text: str
    variables: dict[str, Any]
    operation_name: str | None = None


@dataclass
class _State:
    """What belongs to one document."""

    budget: int
    definitions: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    by_type: dict[str, list[str]] = field(default_factory=dict)
    aliases: int = 0


class OperationGenerator:
    """Makes operations of about `size` fields. `scalars` adds example values of custom scalars."""

    def __init__(
        self, schema: GraphQLSchema, *, size: int = 14, scalars: Mapping[str, Sequence[Any]] | None = None
    ) -> None:
        self.schema = schema
        self.random = Random()
        self.size = size
        self.scalars = {**SCALARS, **(scalars or {})}
        self._names = cache(self._field_names)

    def generate(self, random: Random) -> GeneratedOperation:
        self.random = random
        state = _State(self.random.randint(2, 2 * self.size))
        assert self.schema.query_type is not None
        body = self._selection_set(self.schema.query_type, state, 0, "")
        named = self.random.random() < 0.3
        head = "query Asked" if named or state.definitions else "query"
        if state.definitions:
            head += f"({', '.join(state.definitions)})"
        texts = [f"{head} {body}", *state.fragments]
        if named and self._chance(0.5):
            texts.append("query Other { __typename }")
            self.random.shuffle(texts)
            return GeneratedOperation("\n".join(texts), state.variables, "Asked")
        self.random.shuffle(texts)
        return GeneratedOperation("\n".join(texts), state.variables, "Asked" if named else None)

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _selection_set(self, type_: GraphQLNamedType, state: _State, depth: int, prefix: str) -> str:
        """`prefix` makes response names unique to a type where several types meet (fragments on abstract types)."""
        parts: list[str] = []
        heads: list[tuple[str, GraphQLNamedType]] = []
        for _ in range(self.random.randint(1, 6)):
            roll = self.random.random()
            if roll < 0.06:
                parts.append(f"{'t: ' if self._chance(0.3) else ''}__typename")
            elif roll < 0.2:
                parts.append(self._fragment(type_, state, depth, prefix))
            elif heads and roll < 0.3:
                head, of_type = self.random.choice(heads)
                parts.append(f"{head} {self._selection_set(of_type, state, depth + 1, '')}")
            elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and state.budget > 0:
                parts.append(self._field(type_, state, depth, prefix, heads))
        return f"{{ {' '.join(parts) or '__typename'} }}"

    def _field(
        self,
        type_: GraphQLObjectType | GraphQLInterfaceType,
        state: _State,
        depth: int,
        prefix: str,
        heads: list[tuple[str, GraphQLNamedType]],
    ) -> str:
        state.budget -= 1
        deep = depth >= 5 or state.budget <= 0
        names = self._names(type_.name, deep)
        if not names:
            return "__typename"
        name = self.random.choice(names)
        definition = type_.fields[name]
        arguments = self._arguments(definition.args, state)
        key = prefix + name
        if arguments:
            state.aliases += 1
            key = f"a{state.aliases}"
        elif not prefix and self._chance(0.15):
            key = f"x_{name}"
        head = (f"{key}: {name}" if key != name else name) + arguments
        named_type = get_named_type(definition.type)
        if not is_composite_type(named_type):
            return head + self._directives(state)
        heads.append((head, named_type))
        return f"{head}{self._directives(state)} {self._selection_set(named_type, state, depth + 1, '')}"

    def _field_names(self, type_name: str, leaves_only: bool) -> list[str]:
        types: dict[str, Any] = self.schema.type_map
        fields = types[type_name].fields.items()
        return [name for name, of in fields if not (leaves_only and is_composite_type(get_named_type(of.type)))]

    def _fragment(self, type_: GraphQLNamedType, state: _State, depth: int, prefix: str) -> str:
        known = state.by_type.get(type_.name)
        if known and self._chance(0.4):
            return f"...{self.random.choice(known)}{self._directives(state)}"
        condition, inner = type_, prefix
        if is_abstract_type(type_) and self._chance(0.8):
            condition = self.random.choice(self.schema.get_possible_types(type_))
            inner = f"{condition.name}_"
        elif isinstance(type_, GraphQLObjectType) and type_.interfaces and self._chance(0.3):
            condition = self.random.choice(type_.interfaces)
        body = self._selection_set(condition, state, depth, inner)
        if self._chance(0.5):
            on = f" on {condition.name}" if condition is not type_ or self._chance(0.5) else ""
            return f"...{on}{self._directives(state)} {body}"
        name = f"F{len(state.fragments)}"
        state.fragments.append(f"fragment {name} on {condition.name} {body}")
        if inner == prefix == "":
            state.by_type.setdefault(condition.name, []).append(name)
        return f"...{name}{self._directives(state)}"

    def _directives(self, state: _State) -> str:
        if not self._chance(0.08):
            return ""
        condition = self._condition(state) if self._chance(0.4) else self.random.choice(["true", "false"])
        skip = self._chance(0.5)
        text = f" @{'skip' if skip else 'include'}(if: {condition})"
        if self._chance(0.1):
            text += f" @{'include' if skip else 'skip'}(if: {'true' if skip else 'false'})"
        return text

    def _condition(self, state: _State) -> str:
        name = f"if{len(state.definitions)}"
        default = self._chance(0.3)
        state.definitions.append(f"${name}: Boolean! = true" if default else f"${name}: Boolean!")
        if not default or self._chance(0.5):
            state.variables[name] = self._chance(0.5)
        return f"${name}"

    def _arguments(self, arguments: dict[str, GraphQLArgument], state: _State) -> str:
        given = []
        for name, argument in arguments.items():
            if is_required_argument(argument) or self._chance(0.4):
                has_default = argument.default is not None or argument.default_value is not Undefined
                given.append(f"{name}: {self._literal(argument.type, state, has_default)}")
        return f"({', '.join(given)})" if given else ""

    def _literal(self, type_: GraphQLInputType, state: _State | None, has_default: bool = False) -> str:
        """A value as a document has it, with variables in it where there is a state."""
        if state is not None and self._chance(0.3):
            return self._variable(type_, state, has_default)
        if is_non_null_type(type_):
            type_ = type_.of_type
        elif self._chance(0.1):
            return "null"
        if is_list_type(type_):
            return f"[{', '.join(self._literal(type_.of_type, state) for _ in range(self.random.randint(0, 3)))}]"
        if is_input_object_type(type_):
            fields = [
                f"{name}: {self._literal(of.type, state)}"
                for name, of in type_.fields.items()
                if is_required_input_field(of) or self._chance(0.5)
            ]
            return f"{{{', '.join(fields)}}}"
        if is_enum_type(type_):
            return self.random.choice(list(type_.values))
        return json.dumps(self.random.choice(self.scalars[type_.name]), ensure_ascii=False)

    def _variable(self, type_: GraphQLInputType, state: _State, has_default: bool) -> str:
        """A nullable variable may stand for a non-null argument that has a default: null is then a field error."""
        name = f"v{len(state.definitions)}"
        if has_default and is_non_null_type(type_) and self._chance(0.3):
            type_ = type_.of_type
        state.definitions.append(f"${name}: {type_}")
        if is_non_null_type(type_) or self._chance(0.7):
            state.variables[name] = value_from_ast_untyped(parse_value(self._literal(type_, None)))
        return f"${name}"
