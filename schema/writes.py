"""How mutations derive from actions (`gateway.actions.action`), and what all of them do with their input."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import strawberry

from gateway.actions.action import Action, AskedT, RowUpdate, Write, Written, invalid, plan
from gateway.auth.node_ids import resolve_node_id
from gateway.context import Info
from gateway.entities import ActionT
from gateway.errors import find_violations, refuse_input
from gateway.execution.cost import Cost
from gateway.journal.records import RecordRef, UserError
from gateway.normalise.values import code_problem
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.costs import MOST_ENTRIES, WRITE
from schema.fields import derived, resolved
from schema.record import community

LONGEST_KEY = 128

KEY = (
    f"A key that the caller chooses for this write, 1 to {LONGEST_KEY} printable ASCII characters: "
    "requests with the same key and arguments write once and give the same result (幂等键)."
)
OPTIONAL_KEY = f"{KEY} Without a key, the record's state at the platform prevents a second write."
EACH_KEY = f"{KEY} It covers each entry separately: a repeat sends only what was not sent."
OPTIONAL_EACH_KEY = f"{EACH_KEY} Without a key, the record's state at the platform prevents a second write."


def mutation(kind: type[Action[Any]], payload: type, cost: Cost = WRITE) -> Any:
    """The field of the root that asks for writes of an action, which the docstring of its resolver describes."""
    return resolved(payload | None, kind.scope, cost=cost)


def judge(
    info: Info,
    kind: type[ActionT],
    asked: Any,
    key: str | None,
    *wrong: Iterable[Violation],
    count: Iterable[Violation] = (),
) -> tuple[ActionT, tuple[UserError, ...]]:
    """The action, and what is wrong with what is asked of it: found once for all writes of a mutation.

    Raises UserInputError where that is no input of the mutation, for its `count` of entries and what else is `wrong` as
    well. It then has all that alone would be a refusal with `userErrors`, too.
    """
    action = info.context.actions[kind]
    violations = tuple(action.violations(asked))
    errors = action.judge(info.context.principal, asked, violations)
    require(count, wrong_key(key), action.wrong(asked), *wrong, besides=violations)
    return action, errors


def require(*wrong: Iterable[Violation], besides: Iterable[Violation] = ()) -> None:
    """Raises UserInputError where something in the argument `input` is `wrong`: with what is so `besides`, too."""
    if found := [violation for some in wrong for violation in some]:
        refuse_input(map(_in_input, (*found, *besides)))


def _in_input(violation: Violation) -> Violation:
    path, message = violation
    return violation if path[0] == "input" else Violation(("input", *path), message)


def wrong_key(key: str | None) -> Iterator[Violation]:
    """That an idempotency key cannot be kept."""
    if key is not None and (not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable()):
        message = InputWording.KEY(field="idempotencyKey", min=1, max=LONGEST_KEY)
        yield Violation(("idempotencyKey",), message)


def wrong_count(name: str, given: Sequence[Any], most: int = MOST_ENTRIES) -> Iterator[Violation]:
    """That a list has no entries, or too many for one mutation."""
    if not 1 <= len(given) <= most:
        yield Violation((name,), InputWording.COUNT(field=name, min=1, max=most))


def wrong_community(code: str) -> Iterable[Violation]:
    """That no community can have this code."""
    return find_violations(community, code, "input.communityCode")


def entry_key(key: str | None, entry: Hashable) -> str | None:
    """The key of one entry, by what names it within the mutation. No caller's own key has this separator."""
    return None if key is None else f"{key}\N{MIDDLE DOT}{entry}"


async def carry_out(info: Info, write: Write[Any]) -> Written:
    """The payload's source. What this request read before may be out of date now, and is read anew."""
    context = info.context
    written = await context.actions.writer.carry_out(context.principal, write)
    context.loaders.forget()
    return written


async def write_one(
    info: Info,
    kind: type[Action[AskedT]],
    asked: AskedT,
    key: str | None,
    *wrong: Iterable[Violation],
    dry_run: bool = False,
) -> Written:
    """Carry out one write, unless what is asked is no input of the mutation. Raises UserInputError."""
    action, errors = judge(info, kind, asked, key, *wrong)
    write = action.write(asked, key, errors)
    return await plan(write) if dry_run else await carry_out(info, write)


async def write_all(info: Info, writes: Sequence[Write[Any]], *, dry_run: bool = False) -> list[Written]:
    """Carry them out: a result each, in order."""
    context = info.context
    written = await context.actions.writer.carry_out_all(context.principal, writes, context.deadline, dry_run=dry_run)
    context.loaders.forget()
    return written


async def write_row(info: Info, kind: type[RowUpdate[AskedT, Any]], asked: AskedT, id: str, key: str | None) -> Written:
    """Update the row of a list that a node id names. Raises UserInputError."""
    action, errors = judge(info, kind, asked, key)
    [write] = _row_writes(info, action, [id], [(asked, errors)], lambda _number: key)
    return await carry_out(info, write)


async def write_rows(
    info: Info,
    kind: type[RowUpdate[AskedT, Any]],
    asked: Sequence[AskedT],
    ids: Sequence[str],
    key: str | None,
    *wrong: Iterable[Violation],
    name: str = "",
    most: int = MOST_ENTRIES,
) -> list[Written]:
    """Update several rows, in order: each by what is asked for it, which the input has in the list `name`; without one
    all by the one thing that is asked. Raises UserInputError.
    """

    def at(index: int, violations: Iterable[Violation]) -> list[Violation]:
        place = (name, str(index))
        return [Violation((*place, *path[1:]) if name else path, message) for path, message in violations]

    action = info.context.actions[kind]
    refused = [at(index, action.violations(each)) for index, each in enumerate(asked)]
    errors = [action.judge(info.context.principal, *each) for each in zip(asked, refused, strict=True)]
    others = [at(index, action.wrong(each)) for index, each in enumerate(asked)]
    require(wrong_count("ids", ids, most), wrong_key(key), *wrong, *others, besides=chain(*refused))
    judged = list(zip(asked, errors, strict=True)) * (1 if name else len(ids))
    return await write_all(info, _row_writes(info, action, ids, judged, partial(entry_key, key)))


def _row_writes(
    info: Info,
    action: RowUpdate[AskedT, Any],
    ids: Sequence[str],
    judged: Sequence[tuple[AskedT, tuple[UserError, ...]]],
    key_for: Callable[[str], str | None],
) -> list[Write[Any]]:
    """The writes of these rows, in order, each by what is asked and what is wrong with that: one for a row that is
    named twice. A bare number does not name the row's community: where it is given both ways, the id's counts.

    An id that leads the caller nowhere is never distinguished from a record that is not there. So what is wrong with
    the input is the refusal first, as it is where there is such a record.
    """
    type_name = action.records.type_name
    nodes = [resolve_node_id(info.context.principal, info.context.ids, each, type_name) for each in ids]
    rows = [node and RecordRef(*node) for node in nodes]
    named = {row.platform_id: row for row in rows if row is not None}
    named |= {row.platform_id: row for row in rows if row is not None and row.community_code is not None}
    writes: dict[str, Write[Any]] = {}
    found: list[Write[Any]] = []
    for row, (asked, errors) in zip(rows, judged, strict=True):
        if row is None:
            found.append(action.write(asked, None, errors or (action.no_such(),)))
            continue
        number = row.platform_id
        if number not in writes:
            writes[number] = action.write(asked, key_for(number), errors, named[number])
        elif writes[number].asked != asked:
            require([Violation(("ids",), InputWording.EACH_RECORD_ONCE(field="ids"))])
        found.append(writes[number])
    return found


async def write_communities(
    info: Info,
    kind: type[Action[AskedT]],
    codes: Sequence[str],
    asked_of: Callable[[str], AskedT],
    key: str | None,
    *wrong: Iterable[Violation],
    dry_run: bool = False,
) -> list[Written]:
    """The same write in several communities, in order: one for a code that is named twice, a refusal for what is no
    code. Raises UserInputError.
    """
    action, _ = judge(info, kind, asked_of(""), key, *wrong, count=wrong_count("communityCodes", codes))

    def write(code: str) -> Write[Any]:
        if (problem := code_problem(code)) is not None:
            violation = Violation(("communityCodes",), problem(field="input.communityCodes"))
            return Write(action=action, asked=asked_of(""), errors=invalid([violation]))
        asked = asked_of(str(code))
        errors = action.judge(info.context.principal, asked, action.violations(asked))
        return action.write(asked, entry_key(key, code), errors)

    writes = {code: write(code) for code in codes}
    return await write_all(info, [writes[code] for code in codes], dry_run=dry_run)


def written_record(info: Info, written: Written) -> RecordRef | None:
    """The record of a write, as long as the caller may see its community.

    An idempotency key outlives the token it was used with: who has lost a community since is not shown its records.
    """
    record = written.record
    return record if record and info.context.principal.sees(record.community_code) else None


def payload_of_several(payload: type, entry: str, description: str) -> type:
    """The type of what several writes of one mutation give: a `payload` for each `entry`."""

    shown: Any = list[payload]  # type: ignore[valid-type] # known when the schema is built
    results = derived(shown, f"One result per {entry}, in the order of the input (结果列表).", lambda root: root)
    several = type(f"{payload.__name__.removesuffix('Payload')}sPayload", (), {"results": results})
    return strawberry.type(several, description=description)
