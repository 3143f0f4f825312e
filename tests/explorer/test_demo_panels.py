"""Events, the sandbox's switches, and operations, in the demo."""

import json
import re

import httpx
import pytest
from browser import RESULT, execute, open_example, show_panel, write_query
from playwright.async_api import Locator, Page, Route, expect

from gateway.sandbox.faults import FaultKind

pytestmark = pytest.mark.browser


async def watch(page: Page, demo: str, example: str) -> Locator:
    """Open the demo and run a subscription of its examples: the panel of its events."""
    await page.goto(demo)
    await open_example(page, example)
    await execute(page)
    panel = page.get_by_role("region", name="Events", exact=True)
    await expect(panel).to_contain_text("open")
    return panel


@pytest.mark.parametrize(
    ("example", "events"),
    [("Repairs as they change", 1), ("Reviews as they change", 1), ("Payments as they arrive", 2)],
)
async def test_button_makes_an_event_happen(fresh_demo: str, page: Page, example: str, events: int) -> None:
    panel = await watch(page, fresh_demo, example)
    await panel.get_by_role("button", name="Make one happen").click()
    await expect(panel.locator("time")).to_have_count(events)
    await expect(panel).to_contain_text(f"{events} event")
    await expect(page.locator(RESULT)).to_contain_text('"id"')


async def open_repair(demo: str, token: str | None) -> str:
    """The id of an open repair, with its community in it: its change is an event at once."""
    query = '{ repairs(communityCode: "10002", filter: { status: OPEN }, first: 1) { nodes { id } } }'
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}, trust_env=False) as client:
        answer = (await client.post(f"{demo}/graphql", json={"query": query})).json()
    id_: str = answer["data"]["repairs"]["nodes"][0]["id"]
    return id_


async def test_subscription_runs_on_while_another_tab_writes(fresh_demo: str, page: Page) -> None:
    panel = await watch(page, fresh_demo, "Repairs as they change")

    repair = await open_repair(fresh_demo, await page.locator("#explorer").get_attribute("data-token"))
    await page.get_by_role("button", name="New tab").click()
    changed = f'updateRepair(input: {{ id: "{repair}", status: RESOLVED, reply: "已修好" }}) {{ outcome }}'
    await write_query(page, f"mutation {{ {changed} }}")
    await execute(page, '"CONFIRMED"')
    await expect(panel.locator("pre")).to_contain_text("已修好")
    await expect(page.locator(RESULT)).to_contain_text('"updateRepair"')

    await panel.get_by_role("button", name="Stop").click()
    await expect(panel).to_contain_text("ended")
    await panel.get_by_role("button", name="Remove").click()
    await expect(panel).to_contain_text("Run a subscription")


async def test_stop_button_ends_the_subscription(fresh_demo: str, page: Page) -> None:
    panel = await watch(page, fresh_demo, "Repairs as they change")
    await page.get_by_role("button", name="Stop query").click()
    await expect(panel).to_contain_text("ended")


async def test_closed_tab_ends_its_subscription(fresh_demo: str, page: Page) -> None:
    panel = await watch(page, fresh_demo, "Repairs as they change")
    tab = page.locator(".graphiql-tab", has_text="Changes")
    await tab.get_by_label("Close Tab").press("Enter")  # tabs move as the panel opens, and a click may miss
    await expect(tab).to_have_count(0)
    await expect(panel).to_contain_text("ended")


async def test_lying_platform_fails_until_switched_off(fresh_demo: str, page: Page) -> None:
    await page.goto(fresh_demo)
    await open_example(page, "Unpaid orders and owners")
    panel = await show_panel(page, "Sandbox")
    lying = panel.get_by_role("group", name="wjdh").get_by_role("button", name="Lying")
    await lying.click()
    await expect(lying).to_have_attribute("aria-pressed", "true")
    await execute(page, '"UPSTREAM_PROTOCOL"')

    await lying.click()
    await expect(lying).to_have_attribute("aria-pressed", "false")
    await execute(page, '"totalCount"')
    await expect(page.locator(RESULT)).not_to_contain_text('"errors"')


async def test_slow_platform_shows_in_the_timeline(fresh_demo: str, page: Page) -> None:
    await page.goto(fresh_demo)
    await open_example(page, "Unpaid orders and owners")
    panel = await show_panel(page, "Sandbox")
    slow = panel.get_by_role("group", name="security").get_by_role("button", name="Slow")
    await slow.click()
    await expect(slow).to_have_attribute("aria-pressed", "true")
    await execute(page, '"totalCount"')
    calls = await show_panel(page, "Calls")
    owners = calls.get_by_role("region", name="Level 2").locator(".explorer-group", has_text="owner")
    await expect(owners).to_contain_text(re.compile(r"owner × \d+"))
    await expect(owners.locator(".explorer-call-time")).to_have_text(re.compile(r"3\.\d s"))


async def test_banner_says_which_faults_are_on_after_a_reload(fresh_demo: str, page: Page) -> None:
    await page.goto(fresh_demo)
    banner = page.locator(".explorer-faults")
    panel = await show_panel(page, "Sandbox")
    await panel.get_by_role("group", name="security").get_by_role("button", name="Slow").click()
    await expect(banner).to_contain_text("security (every endpoint): slow, answers after 3 s")

    await page.reload()
    await expect(banner).to_contain_text("security (every endpoint): slow, answers after 3 s")
    panel = page.get_by_role("region", name="Sandbox", exact=True)  # GraphiQL keeps it open
    slow = panel.get_by_role("group", name="security").get_by_role("button", name="Slow")
    await expect(slow).to_have_attribute("aria-pressed", "true")
    await banner.get_by_role("button", name="All faults off").click()
    await expect(banner).to_have_count(0)
    await expect(slow).to_have_attribute("aria-pressed", "false")


async def test_picked_fault_loses_the_answer_of_a_write(fresh_demo: str, page: Page) -> None:
    await page.goto(fresh_demo)
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
    write = panel.get_by_role("region", name="updateRepair").first
    await expect(write.locator(".explorer-timeline")).to_contain_text("Confirmed")
    await expect(write.locator("time").first).to_contain_text("+08:00")

    panel = await show_panel(page, "Sandbox")
    await panel.get_by_role("list", name="Faults").get_by_role("button", name="Off").click()
    await expect(page.locator(".explorer-faults")).to_have_count(0)


async def test_banner_ends_with_a_fault_of_few_calls(fresh_demo: str, page: Page) -> None:
    await page.goto(fresh_demo)
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


async def test_paid_order_is_announced(fresh_demo: str, page: Page) -> None:
    await page.goto(fresh_demo)
    panel = await show_panel(page, "Sandbox")
    await panel.get_by_role("button", name="Find an unpaid order").click()
    await expect(panel.get_by_label("Order number")).not_to_have_value("")
    await panel.get_by_role("button", name="Pay this order").click()
    await expect(panel.get_by_role("status")).to_contain_text("the gateway was notified")


async def test_write_has_its_timeline(fresh_demo: str, page: Page) -> None:
    await page.goto(fresh_demo)
    await open_example(page, "Answer a repair")
    await execute(page, '"CONFIRMED"')
    panel = await show_panel(page, "Operations")
    write = panel.get_by_role("region", name="updateRepair").first  # the newest
    await expect(write).to_contain_text("confirmed")
    await expect(write.locator(".explorer-timeline li").first).to_contain_text("Reserved")
    await expect(write.locator(".explorer-timeline li").last).to_contain_text("Confirmed")


async def test_unknown_write_is_followed_until_known(fresh_demo: str, page: Page) -> None:
    await page.goto(fresh_demo)
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
        node = {
            "id": "1",
            "mutation": "createOrder",
            "subject": "demo",
            "communityCode": "10002",
            "outcome": outcome,
            "startedAt": at(0),
            "finishedAt": None if outcome == "UNKNOWN" else at(9),
            "userErrors": [],
            "timeline": [{"state": state, "at": at(3 * number)} for number, state in enumerate(states)],
        }
        body = json.dumps({"data": {"operations": {"nodes": [node]}}})
        await route.fulfill(body=body, content_type="application/json")

    await page.route("**/graphql", answer_later)
    panel = await show_panel(page, "Operations")
    await expect(panel.get_by_role("status")).to_contain_text("following until the outcome is known")
    await expect(panel).to_contain_text("Outcome unknown")
    await expect(panel).to_contain_text("Read back", timeout=15_000)
    await expect(panel.get_by_role("status")).to_have_count(0)
    assert reads == ["UNKNOWN", "UNKNOWN", "CONFIRMED"]
