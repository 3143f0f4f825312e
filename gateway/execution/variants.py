"""Fields that are no more than an attribute of their object in some requests.

What a resolver does may depend on who asks and not on the object: who may see everything needs no masks. The context
of a request names its *variant*, and a field declares in which one its resolver gives the attribute as it is:

    phone: str | None = strawberry.field(resolver=attribute_in("revealing", "phone", otherwise=masked_phone))

There is a plan for each variant: it reads the attribute in line, and in the others puts it through the function there.
The context hears what is given as it is, by a plan and by graphql-core alike: `observe` gets the objects with
the fields that were read of them.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple, Protocol

import strawberry
from graphql import GraphQLField


class ObservedField(NamedTuple):
    """A field by its schema coordinate, `type_name.name`, and the attribute that it shows."""

    type_name: str
    name: str
    attribute: str


class Observation(NamedTuple):
    """Objects of one class, and which of their fields were read as they are.

    A plan tells of all objects of a selection, with all such fields; graphql-core of one object and field at a time.
    """

    objects: list[Any]
    fields: tuple[ObservedField, ...]


class VariantContext(Protocol):
    """The context of a request to a schema with such fields."""

    @property
    def variant(self) -> Hashable: ...

    def observe(self, observations: Iterable[Observation]) -> None:
        """Called before the answer is given. A plan that fails tells nothing: then graphql-core does."""


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


def attribute_of(field: GraphQLField) -> AttributeIn | None:
    """What the field's resolver declares, if it was made by `attribute_in`."""
    resolver = getattr(field.extensions.get("strawberry-definition"), "base_resolver", None)
    declared: AttributeIn | None = getattr(resolver and resolver.wrapped_func, "attribute_in", None)
    return declared


def variant_of(context: Any) -> Hashable:
    """The variant of a request: None where its context knows of none."""
    return getattr(context, "variant", None)
