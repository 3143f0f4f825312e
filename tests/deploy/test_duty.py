"""The sheet for who is on duty: its commands run on a machine that systemd boots, and it prints on one page."""

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path

import httpx
import pytest
from booted_machine import CHECK, PAGE, RESTORE, SETTLE, START, Machine
from browser import open_browser, open_page
from pages import DOCS, ROOT, read_text
from programs import run
from test_alerts import ALERTS
from throw_away import on_server
from waiting import until

from gateway.auth.principal import Scope
from gateway.sandbox.faults import Fault, FaultKind


def test_every_alert_has_a_row() -> None:
    rows = re.findall(r"^\| (\**)(Gateway\w+)\**", read_text(PAGE), re.MULTILINE)
    assert [(name, bool(bold)) for bold, name in rows] == [
        (name, rule["labels"]["severity"] == "critical") for name, rule in ALERTS.items()
    ]


@pytest.mark.browser
async def test_sheet_prints_on_one_page(tmp_path: Path) -> None:
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(DOCS, tmp_path / "docs")
    await asyncio.to_thread(run, Path(sys.executable).with_name("zensical"), "build", cwd=tmp_path)
    async with open_browser() as browser, open_page(browser, "zh-CN") as page:
        await page.goto((tmp_path / "build" / "site" / "zh" / "duty.html").as_uri())
        pdf = await page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


ANNOUNCE = """mutation { createAnnouncement(
  input: { communityCode: "10002", title: "t", content: "c", idempotencyKey: "k" }) { outcome } }"""


async def test_commands_of_the_sheet_do_what_it_says(find_tool, machine, issuer, database_url, sandbox):
    find_tool("pg_restore")
    number = next(order.number for order in sandbox.world.orders_of["10002"] if not order.is_paid)
    assert "PROBLEM" not in (await machine.run(CHECK)).stdout
    logged = await machine.run(START.replace("http://127.0.0.1:8000", machine.url))
    assert logged.stdout.count(' serves"') >= 2  # the restart may come before what the reload starts

    sandbox.faults.set("WJDH", "announcement/new", Fault(FaultKind.APPLIED_THEN_RESET))
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500))
    headers = {"authorization": f"Bearer {issuer.mint(' '.join(Scope))}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client:
        written = (await client.post(f"{machine.url}/graphql", json={"query": ANNOUNCE})).json()
    assert written["data"]["createAnnouncement"]["outcome"] == "UNKNOWN", written
    unclear = json.loads((await machine.run("gateway operations --json")).stdout)
    await sandbox.pay(number, machine.url)
    await until(lambda: listed(machine, "QUEUED", '"attempts":1'))
    sandbox.faults.clear()
    await on_server("UPDATE payments SET state = 'DEAD', next_attempt_at = NULL", database_url)
    await machine.run(SETTLE.replace(" ID ", f" {unclear['id']} "))
    assert (await machine.run("gateway operations --json")).stdout == ""
    await until(lambda: listed(machine, "DELIVERED", number))

    dump, stop, *restore = RESTORE.replace("postgresql://gateway@db.example.org/gateway", database_url).splitlines()
    await machine.run(dump)
    await on_server("DROP TABLE payments CASCADE", database_url)
    await machine.run("\n".join([stop, *restore]))
    assert await listed(machine, "DELIVERED", number)


async def listed(machine: Machine, state: str, text: str) -> bool:
    return text in (await machine.run(f"gateway payments --json --state {state}")).stdout
