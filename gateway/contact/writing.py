"""The deep check's writes: a module that is switched and switched back, and a repair's status that stays what it is."""

from collections.abc import Awaitable, Callable
from functools import partial

from gateway.contact.survey import Surveyor
from gateway.errors import PlatformError
from gateway.normalise.repair import Repair, RepairQuery
from gateway.normalise.vocabulary import RepairStatus

SWITCHED = "a module can be switched, by a form sent with PUT"
SWITCHED_BACK = "the module is as it was"
STATUS_KEPT = "the status of a repair can be set to what it is"
REPLY_KEPT = "an absent reply keeps the old one"

AROUND_A_WRITE = "around a write"


def confirmed(community: str, ask: Callable[[str], str] = input) -> bool:
    """Whether somebody types exactly what is asked for."""
    wanted = f"write {community}"
    prompt = (
        f"This switches one module of community {community} off or on and back, and sets the status of one repair to\n"
        f"what it is. Residents may notice. Type {wanted!r} to go on: "
    )
    try:
        return ask(prompt).strip() == wanted
    except EOFError:
        return False


async def try_writes(surveyor: Surveyor, community: str) -> None:
    """What came of it is in the survey's `writes`: None where there was nothing to try it on."""
    writes = surveyor.survey.writes
    writes |= dict.fromkeys((SWITCHED, SWITCHED_BACK, STATUS_KEPT, REPLY_KEPT))
    await _module(surveyor, community, writes)
    await _repair(surveyor, community, writes)


async def _module(surveyor: Surveyor, community: str, writes: dict[str, bool | None]) -> None:
    """The last one of the list whose state can be read: the first are those that residents use most."""
    states = await _states(surveyor, community)
    if not states:
        return
    label, state = [*states.items()][-1]
    switch_back = partial(surveyor.wjdh.set_module, community, label, state)
    try:
        switched = await _succeeds(surveyor.wjdh.set_module(community, label, not state))
        writes[SWITCHED] = switched and (await _states(surveyor, community)).get(label) is not state
    finally:  # after Ctrl+C, too
        await _succeeds(switch_back())
    if (await _states(surveyor, community)).get(label) is not state:
        await _succeeds(switch_back())  # once more: it must not stay as it is
    writes[SWITCHED_BACK] = (await _states(surveyor, community)).get(label) is state


async def _states(surveyor: Surveyor, community: str) -> dict[str, bool]:
    answer = await surveyor.ask(surveyor.wjdh.modules(community), AROUND_A_WRITE, community)
    return {module.label: module.enabled for module in answer.records if module.enabled is not None}


async def _repair(surveyor: Surveyor, community: str, writes: dict[str, bool | None]) -> None:
    repairs = await _open_repairs(surveyor, community)
    if not repairs:
        return
    repair = next((repair for repair in repairs.values() if repair.reply), next(iter(repairs.values())))
    written = await _succeeds(surveyor.wjdh.update_repair(repair.platform_id, RepairStatus.OPEN))
    again = (await _open_repairs(surveyor, community)).get(repair.platform_id)
    writes[STATUS_KEPT] = written and again is not None
    if again is not None and repair.reply:
        writes[REPLY_KEPT] = again.reply == repair.reply


async def _open_repairs(surveyor: Surveyor, community: str) -> dict[int, Repair]:
    call = surveyor.wjdh.repairs(community, RepairQuery(status=RepairStatus.OPEN))
    return {repair.platform_id: repair for repair in (await surveyor.ask(call, AROUND_A_WRITE, community)).records}


async def _succeeds(write: Awaitable[None]) -> bool:
    try:
        await write
    except PlatformError:
        return False
    return True
