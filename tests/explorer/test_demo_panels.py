"""Events, the sandbox's switches, and operations, in the demo."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from browser import MARKS, RESULT, execute, open_example, show_panel, write_query
from playwright.async_api import Locator, Page, Route, expect

from gateway.sandbox.faults import FaultKind

pytestmark = MARKS


@pytest.fixture
def demo(own_demo: str) -> Iterator[str]:
    """That of this module, without faults after the test."""
    yield own_demo
    headers = {"origin": own_demo, "content-type": "application/json"}
    httpx.delete(f"{own_demo}/explorer/sandbox/faults", headers=headers, trust_env=False).raise_for_status()


async def watch(page: Page, example: str) -> Locator:
    """Run a subscription of the examples: the panel of its events."""
    await open_example(page, example)
    await execute(page)
    panel = page.get_by_role("region", name="Events", exact=True)
    await expect(panel).to_contain_text("open")
    return panel


async def test_button_makes_an_event_happen(demo: str, page: Page) -> None:
    await page.goto(demo)
    for example, events in (
        ("Repairs as they change", 1),
        ("Reviews as they change", 1),
        ("Payments as they arrive", 2),
    ):
        panel = await watch(page, example)
        await panel.get_by_role("button", name="Make one happen").click()
        await expect(panel.locator("time")).to_have_count(events)
        await expect(panel).to_contain_text(f"{events} event")
        await expect(page.locator(RESULT)).to_contain_text('"id"')
        await panel.get_by_role("button", name="Stop").click()
        await expect(panel).to_contain_text("ended")
        await panel.get_by_role("button", name="Remove").click()
        await expect(panel).to_contain_text("Run a subscription")


async def test_subscription_runs_on_while_another_tab_writes(demo: str, page: Page) -> None:
    await page.goto(demo)
    panel = await watch(page, "Repairs as they change")
    headers = {"authorization": f"Bearer {await page.locator('#explorer').get_attribute('data-token')}"}
    query = '{ repairs(communityCode: "10002", filter: { status: OPEN }, first: 1) { nodes { id } } }'
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        answer = (await client.post(f"{demo}/graphql", json={"query": query})).json()
    repair = answer["data"]["repairs"]["nodes"][0]["id"]  # with its community in it: its change is an event at once
    await page.get_by_role("button", name="New tab").click()
    changed = f'updateRepair(input: {{ id: "{repair}", status: RESOLVED, reply: "已修好" }}) {{ outcome }}'
    await write_query(page, f"mutation {{ {changed} }}")
    await execute(page, '"CONFIRMED"')
    await expect(panel.locator("pre", has_text="已修好")).to_be_visible()
    await expect(page.locator(RESULT)).to_contain_text('"updateRepair"')


async def test_stop_and_closed_tab_end_a_subscription(demo: str, page: Page) -> None:
    await page.goto(demo)
    panel = await watch(page, "Repairs as they change")
    await page.get_by_role("button", name="Stop query").click()
    await expect(panel).to_contain_text("ended")
    await panel.get_by_role("button", name="Remove").click()
    await execute(page)
    await expect(panel).to_contain_text("open")
    tab = page.locator(".graphiql-tab", has_text="Changes")
    await tab.get_by_label("Close Tab").press("Enter")  # tabs move as the panel opens, and a click may miss
    await expect(tab).to_have_count(0)
    await expect(panel).to_contain_text("ended")


async def test_lying_and_slow_platforms_show_until_switched_off(demo: str, page: Page) -> None:
    await page.goto(demo)
    await open_example(page, "Unpaid orders and owners")
    panel, banner = await show_panel(page, "Sandbox"), page.locator(".explorer-faults")
    lying, slow = (
        panel.get_by_role("group", name="wjdh").get_by_role("button", name=name) for name in ("Lying", "Slow")
    )
    await lying.click()
    await expect(lying).to_have_attribute("aria-pressed", "true")
    await execute(page, '"UPSTREAM_PROTOCOL"')
    await lying.click()
    await expect(lying).to_have_attribute("aria-pressed", "false")

    await slow.click()
    await expect(banner).to_contain_text("wjdh (every endpoint): slow, answers after 3 s")
    await execute(page, '"totalCount"')
    await expect(page.locator(RESULT)).not_to_contain_text('"errors"')
    calls = await show_panel(page, "Calls")
    orders = calls.get_by_role("region", name="Level 1").locator("[data-call]", has_text="order/list").first
    await expect(orders).to_contain_text(re.compile(r"[3-9]\.\d s"))

    await page.reload()
    await expect(banner).to_contain_text("wjdh (every endpoint): slow, answers after 3 s")
    await show_panel(page, "Sandbox")
    await expect(slow).to_have_attribute("aria-pressed", "true")
    await banner.get_by_role("button", name="All faults off").click()
    await expect(banner).to_have_count(0)
    await expect(slow).to_have_attribute("aria-pressed", "false")


async def test_picked_fault_loses_an_answer_and_an_order_is_paid(demo: str, page: Page) -> None:
    await page.goto(demo)
    panel = await show_panel(page, "Sandbox")
    await expect(panel.get_by_label("What happens").locator("option")).to_have_count(len(FaultKind))
    await panel.get_by_label("What happens").select_option("applied_then_reset")
    await panel.get_by_label("Endpoint").select_option("WJDH repair/list")
    await expect(panel.get_by_role("button", name="Switch on")).to_be_disabled()
    await panel.get_by_label("Endpoint").select_option("WJDH repair/update")
    await panel.get_by_role("button", name="Switch on").click()
    await expect(page.locator(".explorer-faults")).to_contain_text(
        "wjdh repair/update: carried out, answer lost (reset)"
    )

    await open_example(page, "Answer a repair")
    await execute(page, '"CONFIRMED"')  # read back
    panel = await show_panel(page, "Operations")
    write = panel.get_by_role("region", name="updateRepair").first  # the newest
    await expect(write).to_contain_text("confirmed")
    await expect(write.locator(".explorer-timeline li").first).to_contain_text("Reserved")
    await expect(write.locator(".explorer-timeline li").last).to_contain_text("Confirmed")
    await expect(write.locator("time").first).to_contain_text("+08:00")

    panel = await show_panel(page, "Sandbox")
    await panel.get_by_role("list", name="Faults").get_by_role("button", name="Off").click()
    await expect(page.locator(".explorer-faults")).to_have_count(0)
    await panel.get_by_role("button", name="Find an unpaid order").click()
    await expect(panel.get_by_label("Order number")).not_to_have_value("")
    await panel.get_by_role("button", name="Pay this order").click()
    await expect(panel.get_by_role("status")).to_contain_text("the gateway was notified")


async def test_banner_ends_with_a_fault_of_few_calls(demo: str, page: Page) -> None:
    await page.goto(demo)
    await page.evaluate(
        """() => fetch("/explorer/sandbox/wjdh/faults", {
            method: "POST", headers: { "content-type": "application/json" },
            body: JSON.stringify({ kind: "http_500", endpoint: "modules", times: 1 })
        })"""
    )
    await page.reload()
    await expect(page.locator(".explorer-faults")).to_contain_text("wjdh modules: HTTP 500")
    await open_example(page, "Modules and their drift")
    await execute(page, '"data"')
    await expect(page.locator(".explorer-faults")).to_have_count(0)


async def test_unknown_write_is_followed_until_known(demo: str, page: Page) -> None:
    await page.goto(demo)
    reads: list[str] = []

    def at(second: int) -> str:
        return f"2026-11-27T16:00:0{second}+08:00"

    async def answer_later(route: Route) -> None:
        if "operations(" not in (route.request.post_data or ""):
            await route.continue_()
            return
        outcome = "CONFIRMED" if len(reads) == 2 else "UNKNOWN"
        reads.append(outcome)
        states = ["RESERVED", "SENT", "UNKNOWN", *(["READ_BACK"] if outcome == "CONFIRMED" else [])]
        node: dict[str, object] = dict.fromkeys(("id", "subject", "communityCode"), "10002")
        node |= {"mutation": "createOrder", "outcome": outcome, "userErrors": [], "startedAt": at(0)}
        node["finishedAt"] = None if outcome == "UNKNOWN" else at(9)
        node["timeline"] = [{"state": state, "at": at(3 * number)} for number, state in enumerate(states)]
        body = json.dumps({"data": {"operations": {"nodes": [node]}}})
        await route.fulfill(body=body, content_type="application/json")

    await page.route("**/graphql", answer_later)
    panel = await show_panel(page, "Operations")
    await expect(panel.get_by_role("status")).to_contain_text("following until the outcome is known")
    await expect(panel).to_contain_text("Outcome unknown")
    await expect(panel).to_contain_text("Read back", timeout=15_000)
    await expect(panel.get_by_role("status")).to_have_count(0)
    assert reads == ["UNKNOWN", "UNKNOWN", "CONFIRMED"]
