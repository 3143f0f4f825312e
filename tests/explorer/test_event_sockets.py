"""Subscriptions of the page over one socket, through a restart of the gateway, with their cursors."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from browser import MARKS, RESULT, execute, open_dashboard, open_example, write_query
from playwright.async_api import Page, WebSocket, expect
from processes import GatewayProcess

pytestmark = MARKS


@pytest_asyncio.fixture(loop_scope="session")
async def process(platforms: dict[str, str], tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    gateway = GatewayProcess(platforms | {"GATEWAY_DATA_DIR": str(tmp_path)}, tmp_path / "log")
    await gateway.start()
    yield gateway
    await gateway.kill()


async def answer_repair(client: httpx.AsyncClient, reply: str) -> None:
    """Of one of the sandbox's: an event."""
    query = '{ repairs(communityCode: "10002", first: 1) { nodes { id status } } }'
    found = (await client.post("/graphql", json={"query": query})).json()
    [repair] = found["data"]["repairs"]["nodes"]
    status = "OPEN" if repair["status"] == "RESOLVED" else "RESOLVED"
    change = (
        "mutation ($id: ID!, $status: RepairStatus!, $reply: String) "
        "{ updateRepair(input: { id: $id, status: $status, reply: $reply }) { outcome } }"
    )
    answer = await client.post(
        "/graphql", json={"query": change, "variables": {"id": repair["id"], "status": status, "reply": reply}}
    )
    assert answer.json()["data"]["updateRepair"]["outcome"] == "CONFIRMED"


async def test_subscription_survives_a_restart_with_its_cursor(process: GatewayProcess, page: Page) -> None:
    sent: list[str] = []

    page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(str(text))))
    async with process.client() as client:
        await page.goto(process.url)
        await page.get_by_label("Token").fill(client.headers["authorization"])
        await page.get_by_role("button", name="Use token").click()
        await expect(page.get_by_role("banner").first).to_contain_text("developer, until")
        await open_example(page, "Repairs as they change")
        await execute(page)
        panel = page.get_by_role("region", name="Events", exact=True)  # opened by running it
        await expect(panel.locator(".is-socket-open")).to_have_text("open")
        await answer_repair(client, "第一次")
        await expect(panel.locator("pre")).to_contain_text("第一次")

        await process.stop()
        await expect(panel.locator(".is-socket-waiting")).to_have_text("lost, connecting again")
        await expect(panel.locator(".is-lost")).to_contain_text("Connection lost: the gateway restarts (1012)")
        await process.start()
        await answer_repair(client, "第二次")
        await expect(panel.locator(".is-resumed")).to_contain_text("Connected again, from cursor")
        await expect(panel.locator("pre", has_text="第二次").first).to_be_visible()

    messages = [json.loads(text) for text in sent]
    first, second = (message["payload"]["variables"] for message in messages if message["type"] == "subscribe")
    assert first == {"community": "10002", "after": None}
    assert second["after"]
    await expect(panel.locator(".is-resumed")).to_contain_text(second["after"])
    assert "object Event" not in await panel.inner_text()


async def test_subscriptions_share_one_socket(demo: str, page: Page) -> None:
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))  # noqa: PLW0108 # Playwright sets an attribute of it
    await page.goto(demo)
    for number, example in enumerate(
        ("Repairs as they change", "Reviews as they change", "Payments as they arrive"), 1
    ):
        await open_example(page, example)
        await execute(page)
        await expect(page.locator(".explorer-subscription .is-socket-open")).to_have_count(number)
    assert len(sockets) == 1

    panel = page.get_by_role("region", name="Events", exact=True)
    for number in (2, 1, 0):
        await panel.get_by_role("button", name="Stop").first.click()
        await expect(page.locator(".is-socket-open")).to_have_count(number)


async def test_subscription_without_a_cursor_says_what_it_misses(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    await write_query(page, 'subscription { repairEvents(communityCode: "10002") { kind } }')
    await execute(page)
    panel = page.get_by_role("region", name="Events", exact=True)
    await expect(panel).to_contain_text("select cursor, and give after: $after")


async def test_refused_token_is_a_sentence_until_another_is_used(served: Any, page: Page) -> None:
    await page.goto(served.url)
    await page.get_by_label("Token").fill("forged")
    await page.get_by_role("button", name="Use token").click()
    said = page.locator(".explorer-token").get_by_role("alert")
    await expect(said).to_contain_text("The gateway refused the token")
    await execute(page, '"UNAUTHENTICATED"')
    assert "stack" not in await page.locator(RESULT).inner_text()

    await open_example(page, "Repairs as they change")
    await execute(page)
    panel = page.get_by_role("region", name="Events", exact=True)
    await expect(panel.locator(".is-socket-refused")).to_have_text("token refused")
    await page.get_by_label("Token").fill(served.token)
    await page.get_by_role("button", name="Use token").click()
    await expect(said).to_have_count(0)
    await panel.get_by_role("button", name="Connect again").click()
    await expect(panel.locator(".is-socket-open")).to_have_text("open")
