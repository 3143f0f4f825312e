"""Writes that can be undone, one by one, once somebody has confirmed it: `check --deep --write COMMUNITY`."""

from collections.abc import Callable
from typing import Any

from gateway.check.asking import Answer, Asker
from gateway.check.survey import Survey, listed
from gateway.normalise.values import row_id
from gateway.normalise.vocabulary import ON_OFF

SWITCHED = "a module can be switched, by a form sent with PUT"
SWITCHED_BACK = "the module is as it was"
STATUS_KEPT = "the status of a repair can be set to what it is"
REPLY_KEPT = "an absent reply keeps the old one"


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


async def try_writes(wjdh: Asker, survey: Survey, community: str) -> None:
    """What came of it is in `survey.writes`: None where there was nothing to try it on."""
    survey.writes |= dict.fromkeys((SWITCHED, SWITCHED_BACK, STATUS_KEPT, REPLY_KEPT))
    await _module(wjdh, survey, community)
    await _repair(wjdh, survey, community)


async def _module(wjdh: Asker, survey: Survey, community: str) -> None:
    """The last one of the list whose state can be read: the first are those that residents use most."""
    states = await _states(wjdh, community)
    if not states:
        return
    name, state = [*states.items()][-1]
    try:
        switched = await _switch(wjdh, community, name, not state)
        survey.writes[SWITCHED] = switched.code == 0 and (await _states(wjdh, community)).get(name) is not state
    finally:  # after Ctrl+C, too
        await _switch(wjdh, community, name, state)
    if (await _states(wjdh, community)).get(name) is not state:
        await _switch(wjdh, community, name, state)  # once more: it must not stay as it is
    survey.writes[SWITCHED_BACK] = (await _states(wjdh, community)).get(name) is state


async def _states(wjdh: Asker, community: str) -> dict[str, bool]:
    answer = await wjdh.ask("modules", {"xiaoqu": community}, "around a write", community)
    rows = [row for row in listed(answer) if isinstance(row, dict) and isinstance(row.get("module_name"), str)]
    states = {row["module_name"]: _state(row.get("module_status")) for row in rows}
    return {name: state for name, state in states.items() if state is not None}


def _state(value: Any) -> bool | None:
    return ON_OFF.get(value.strip() if isinstance(value, str) else value) if isinstance(value, str | int) else None


async def _switch(wjdh: Asker, community: str, name: str, state: bool) -> Answer:
    form = {"xiaoqu": community, "module_name": name, "module_status": str(int(state))}
    return await wjdh.ask("module", form, "write", community)


async def _repair(wjdh: Asker, survey: Survey, community: str) -> None:
    """An open one, whose status is 0 then."""
    page = await wjdh.ask("repair/list", {"xiaoqu": community, "status": "0"}, "around a write", community)
    rows = [row for row in listed(page) if isinstance(row, dict) and row_id(row.get("id"))]
    if not rows:
        return
    row = next((row for row in rows if row.get("reply")), rows[0])
    number = str(row["id"])
    written = await wjdh.ask("repair/update", {"id": number, "status": "0"}, "write", community)
    again = await wjdh.ask("repair/list", {"xiaoqu": community, "status": "0"}, "around a write", community)
    shown = [each for each in listed(again) if isinstance(each, dict) and str(each.get("id")) == number]
    survey.writes[STATUS_KEPT] = written.code == 0 and bool(shown)
    if shown and row.get("reply"):
        survey.writes[REPLY_KEPT] = shown[0].get("reply") == row["reply"]
