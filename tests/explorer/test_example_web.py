"""`examples/web`: started with its two commands beside the demo, and used in a browser as by a clerk."""

import os
import re
import shutil
import signal
import subprocess
from asyncio import to_thread
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import pytest
from browser import MARKS
from pages import ROOT
from playwright.async_api import Locator, Page, expect
from processes import free_port
from programs import run

pytestmark = [*MARKS, pytest.mark.node]

MADE = shutil.ignore_patterns("node_modules", "dist", "generated")
HOUSE = {"楼号": "1", "单元号": "2", "楼层": "1", "房间号": "102"}


@pytest.fixture(scope="module")
def installed_app(find_tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the app, in a copy of what it takes, after `npm ci`."""
    copy = tmp_path_factory.mktemp("project")
    for folder in ("examples/web", "clients/typescript"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=MADE)
    for folder in ("schema", "gateway"):
        (copy / folder).symlink_to(ROOT / folder)
    app = copy / "examples" / "web"
    run(find_tool("npm"), "ci", "--prefer-offline", cwd=app, timeout=280)
    return app


@pytest.fixture(scope="module")
def app(installed_app: Path, own_demo: str) -> Iterator[str]:
    """The address that `npm run dev` prints."""
    command = ["npm", "run", "dev", "--", "--port", str(free_port()), "--strictPort"]
    environ = {**os.environ, "GATEWAY_URL": own_demo, "NO_COLOR": "1"}
    npm = subprocess.Popen(
        command, cwd=installed_app, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with npm:
        stop = partial(os.killpg, npm.pid, signal.SIGTERM)  # npm's children too: it does not stop them
        late = Timer(60, stop)
        late.start()
        address = next(line for line in npm.stdout if "Local:" in line).split()[-1]
        late.cancel()
        yield address
        stop()


async def log_in(page: Page, app: str, caller: str) -> None:
    await page.goto(app)
    await page.get_by_label(caller).check()
    await page.get_by_role("button", name="登录").click()
    await expect(page.get_by_text("实时已连接")).to_be_visible()


def card(page: Page, state: str) -> Locator:
    """One of the list: that can be decided, by its button, or was."""
    return page.get_by_role("article").filter(has_text=state).first


async def ask(demo: str, path: str, body: Any, token: str = "") -> Any:
    headers = {"origin": demo} | ({"authorization": f"Bearer {token}"} if token else {})
    async with httpx.AsyncClient(trust_env=False, timeout=30, headers=headers) as client:
        return (await client.post(f"{demo}{path}", json=body)).json()


async def test_app_compiles_and_builds(installed_app: Path) -> None:
    await to_thread(run, "npm", "run", "build", cwd=installed_app)
    assert (installed_app / "dist" / "index.html").exists()


async def test_clerk_approves_and_rejects(app: str, own_demo: str, page: Page) -> None:
    """A decision that the platform refuses says why."""
    await log_in(page, app, "审核主管")
    await expect(card(page, "拒绝").locator(".findings, .fine").first).to_be_visible()
    heading = page.get_by_role("heading", name=re.compile("待审核（"))
    before = int(re.search(r"\d+", await heading.inner_text())[0])
    fault = {"kind": "refused_before_commit", "endpoint": "shenhe/update", "times": 1}
    assert await ask(own_demo, "/explorer/sandbox/wjdh/faults", fault) == {}
    await card(page, "拒绝").get_by_role("button", name="通过").click()
    await expect(card(page, "拒绝").get_by_role("alert")).to_contain_text("平台")
    await card(page, "拒绝").get_by_role("button", name="通过").click()
    await expect(card(page, "审核通过")).to_contain_text("已确认")

    name = await card(page, "拒绝").get_attribute("aria-label")
    rejected = page.get_by_role("article", name=name).filter(has_text="拒绝")
    await rejected.get_by_role("button", name="拒绝").click()
    await page.get_by_label("拒绝理由").fill("材料不全")
    await page.get_by_role("button", name="确认拒绝").click()
    await expect(card(page, "审核未通过")).to_contain_text("已确认")
    await expect(page.get_by_role("heading", name=f"待审核（{before - 2}）")).to_be_visible()
    await expect(page.get_by_role("region", name="动态").get_by_role("listitem")).to_have_count(2)


async def test_decision_of_a_colleague_arrives(app: str, own_demo: str, page: Page) -> None:
    await log_in(page, app, "审核主管")
    everything = {"scopes": ["*"], "communities": ["*"], "subject": "colleague"}
    token = (await ask(own_demo, "/explorer/token", everything))["token"]
    listed = """{ shenhes(communityCode: "00001", filter: {status: PENDING}, first: 10) {
        nodes { id content { people { phone } } }
    } }"""
    rows = (await ask(own_demo, "/graphql", {"query": listed}, token))["data"]["shenhes"]["nodes"]
    phones = {row["id"]: ((row["content"] or {}).get("people") or {}).get("phone") for row in rows}
    chosen, phone = next((chosen, phone) for chosen, phone in phones.items() if phone)
    await page.get_by_role("combobox").select_option("00001")
    await expect(card(page, phone).first).to_be_visible()
    reject = "mutation ($input: RejectShenheInput!) { rejectShenhe(input: $input) { outcome } }"
    written = await ask(own_demo, "/graphql", {"query": reject, "variables": {"input": {"id": chosen}}}, token)
    assert written["data"] == {"rejectShenhe": {"outcome": "CONFIRMED"}}

    await expect(card(page, "审核未通过")).to_be_visible()
    await expect(card(page, "审核未通过").get_by_role("button")).to_have_count(0)
    await expect(page.get_by_role("region", name="动态")).to_contain_text("已审核")


async def charge(page: Page, **fields: str) -> Locator:
    form = page.get_by_role("region", name="收费")
    for label, text in fields.items():
        await form.get_by_label(label).fill(text)
    await form.get_by_role("button", name="收费", exact=True).click()
    return form


async def test_charge_shows_refusals_and_takes_consent(app: str, page: Page) -> None:
    await log_in(page, app, "审核主管")
    form = await charge(page, **HOUSE, 收费名称="", 金额="0")
    await expect(form.get_by_label("收费名称")).to_have_attribute("aria-invalid", "true")
    await expect(form.locator("label", has_text="收费名称")).to_contain_text("1 至 100 个字符")
    await expect(form.locator("label", has_text="金额")).to_contain_text("金额须大于 0")
    await charge(page, 收费名称="物业费", 金额="十元")
    await expect(form.locator("label", has_text="金额").get_by_role("alert")).to_contain_text("金额须为数字")
    await charge(page, 金额="10", 楼号="99")
    await expect(form.get_by_role("alert")).to_contain_text("查无此人")

    form = await charge(page, **HOUSE, 金额="12.50")
    await expect(form).to_contain_text(re.compile(r"账单编号 \d{20}"))
    await charge(page, **HOUSE, 金额="12.50")
    await expect(form.get_by_role("alert")).to_contain_text("已有相同")
    first = re.search(r"已有账单 (\d{20})", await form.inner_text())[1]
    await form.get_by_role("button", name="仍然收费").click()
    await expect(form).to_contain_text(re.compile(rf"账单编号 (?!{first})\d{{20}}"))


async def test_lost_answer_is_followed_until_known(app: str, own_demo: str, page: Page) -> None:
    """The platform carries it out only later: nobody may charge once more meanwhile."""
    await log_in(page, app, "审核主管")
    fault = {"kind": "applied_late", "endpoint": "order/new"}
    assert await ask(own_demo, "/explorer/sandbox/wjdh/faults", fault) == {}
    form = await charge(page, **HOUSE, 金额="77.70")
    await expect(form).to_contain_text("正在回查", timeout=60_000)
    await expect(form.get_by_role("button", name="收费", exact=True)).to_have_count(0)
    async with httpx.AsyncClient(trust_env=False, headers={"origin": own_demo}) as client:
        await client.request("DELETE", f"{own_demo}/explorer/sandbox/faults", json={})
    await expect(form).to_contain_text("已确认（经回查）", timeout=120_000)


async def test_rights_of_the_caller_show(app: str, page: Page) -> None:
    await log_in(page, app, "查看人员")
    await expect(page.get_by_text("您不能审核这条申请").first).to_be_visible()
    await expect(page.get_by_role("button", name="通过")).to_have_count(0)
    form = await charge(page, **HOUSE, 金额="1")
    await expect(form.get_by_role("alert")).to_contain_text("需要权限 order:create")


async def test_clerk_on_a_phone_sees_masked_data(app: str, page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 800})
    await log_in(page, app, "审核员")
    await expect(card(page, "拒绝")).to_contain_text("已脱敏")
    assert not re.search(r"199000\d{5}|999\d{14}", await page.locator("body").inner_text())
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.get_by_role("button", name="退出").click()
    await expect(page.get_by_role("heading", name="小区审核工作台")).to_be_visible()
