"""Fields that are no more than an attribute of their object in some requests.

What a resolver does may depend on who asks and not on the object: who may see everything needs no masks. The context
of a request names its *variant*, and a field declares in which one its resolver gives the attribute as it is:

    phone: str | None = strawberry.field(resolver=attribute_in("revealing", "phone", otherwise=masked_phone))

There is a plan for each variant: it reads the attribute in line, and in the others puts it through the function there.
A plan and graphql-core alike report to the context what they give as it is, before the answer is given: its method
`observe` gets `Observation`s. A plan that fails reports nothing: then graphql-core does.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import strawberry
from graphql import GraphQLField


class ObservedField(NamedTuple):
    """A field by its schema coordinate, `type_name.name`, and the attribute that it shows."""

    type_name: str
    name: str
    attribute: str


class Observation(NamedTuple):
    """Objects of one class, and which of their fields were read as they are.

    A plan reports all objects of a selection, with all such fields; graphql-core one object and field at a time.
    """

    objects: list[Any]
    fields: tuple[ObservedField, ...]


class AttributeIn(NamedTuple):
    """What a resolver made by `attribute_in` declares."""

    variant: Hashable
    attribute: str
    otherwise: Callable[[Any], Any] | None
    observed: bool
    of_object: bool


def attribute_in(
    variant: Hashable,
    attribute: str,
    otherwise: Callable[[Any], Any] | None,
    *,
    observed: bool = True,
    of_object: bool = False,
) -> Callable[..., Any]:
    """A Strawberry resolver: the attribute in this variant, `otherwise(value)` in any other, or null without it.

    `observed` says whether the context hears of values other than None, `of_object` that `otherwise` is called with
    the object instead of the value.
    """

    def resolve(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        context, value = info.context, getattr(root, attribute)
        if context.variant != variant:
            return None if otherwise is None else otherwise(root if of_object else value)
        if observed and value is not None:
            field = ObservedField(info._raw_info.parent_type.name, info.field_name, attribute)
            context.observe([Observation([root], (field,))])
        return value

    resolve.attribute_in = AttributeIn(variant, attribute, otherwise, observed, of_object)  # type: ignore[attr-defined] # for the plans
    return resolve


def get_attribute(field: GraphQLField) -> AttributeIn | None:
    """What the field's resolver declares, if it was made by `attribute_in`."""
    resolver = getattr(field.extensions.get("strawberry-definition"), "base_resolver", None)
    declared: AttributeIn | None = getattr(resolver and resolver.wrapped_func, "attribute_in", None)
    return declared
