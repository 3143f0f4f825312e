"""`deploy/alertmanager`: by amtool, and what the robots of WeCom and DingTalk are sent.

`payload` is of Alertmanager 0.32, and Debian's amtool is older: it checks the rest, and renders each text of a payload.
They are put together here, as Alertmanager does.
"""

import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from deployed import DEPLOY
from programs import run
from test_alerts import ALERTS

FOLDER = DEPLOY / "alertmanager"
CONFIG = yaml.safe_load((FOLDER / "alertmanager.yml").read_text(encoding="utf-8"))
RECEIVERS = {receiver["name"]: receiver["webhook_configs"][0] for receiver in CONFIG["receivers"]}


def test_configuration_is_valid_but_for_payloads(find_tool, tmp_path):
    config = yaml.safe_load((FOLDER / "alertmanager.yml").read_text(encoding="utf-8"))
    for receiver in config["receivers"]:
        del receiver["webhook_configs"][0]["payload"]
    config["templates"] = [str(FOLDER / "*.tmpl")]
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(config))
    printed = run(find_tool("amtool"), "check-config", tmp_path / "alertmanager.yml").stdout
    assert "2 receivers" in printed
    assert "1 templates" in printed


@pytest.fixture
def render(find_tool, tmp_path):
    """What a receiver's payload is for these alerts, as Alertmanager posts it."""
    program = find_tool("amtool")

    def render_text(text: str) -> str:
        options = ("--template.glob", FOLDER / "*.tmpl", "--template.data", tmp_path / "data.json")
        rendered = run(program, "template", "render", *options, "--template.text", text).stdout
        with suppress(yaml.YAMLError):  # Alertmanager reads a text as YAML where it can: it has to stay a text
            assert isinstance(yaml.safe_load(rendered), str), rendered
        return rendered

    def render_all(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: render_all(inner) for key, inner in value.items()}
        return render_text(value)

    def render(receiver: str, status: str, names: list[str]) -> Any:
        now = "2026-11-27T05:00:00Z"
        alerts = [
            {
                "status": status,
                "labels": {"alertname": name},
                "annotations": ALERTS[name]["annotations"],
                "startsAt": now,
                "endsAt": now if status == "resolved" else "0001-01-01T00:00:00Z",
            }
            for name in names[: RECEIVERS[receiver]["max_alerts"]]
        ]
        data = {"receiver": receiver, "status": status, "alerts": alerts, "commonLabels": {"alertname": names[0]}}
        (tmp_path / "data.json").write_text(json.dumps(data))
        return render_all(RECEIVERS[receiver]["payload"])

    return render


def test_wecom_robot_gets_markdown(render):
    most = RECEIVERS["wecom"]["max_alerts"]
    for first in range(0, len(ALERTS), most):
        names = [*ALERTS][first : first + most]
        payload = render("wecom", "firing", names)
        assert payload["msgtype"] == "markdown"
        content = payload["markdown"]["content"]
        assert content.startswith(f"**网关告警 {names[0]}**\n")
        assert content.count("开始 11-27 13:00") == len(names)
        for annotations in (ALERTS[name]["annotations"] for name in names):
            assert annotations["summary"] in content
            assert annotations["summary_zh"] in content
            assert f"[处理手册]({annotations['runbook_url_zh']})" in content
            assert f"[runbook]({annotations['runbook_url']})" in content


def test_dingtalk_robot_gets_a_title_with_its_keyword(render):
    payload = render("dingtalk", "resolved", ["GatewayDown"])
    assert payload["msgtype"] == "markdown"
    assert payload["markdown"]["title"] == "网关恢复 GatewayDown"
    assert "结束 11-27 13:00" in payload["markdown"]["text"]


@pytest.mark.parametrize(("receiver", "most"), [("wecom", 4096), ("dingtalk", 20_000)])
def test_longest_message_fits_the_robot(render, receiver, most):
    longest = max(ALERTS, key=lambda name: len(str(ALERTS[name]["annotations"]).encode()))
    payload = render(receiver, "firing", [longest] * 100)
    text = payload["markdown"]["content" if receiver == "wecom" else "text"]
    assert text.count("开始") == RECEIVERS[receiver]["max_alerts"]
    assert len(text.encode()) < most * 0.9


def test_every_route_has_a_receiver_with_its_address_in_a_file():
    routes = [CONFIG["route"], *CONFIG["route"]["routes"]]
    assert {route["receiver"] for route in routes} <= set(RECEIVERS)
    assert all("url" not in receiver and receiver["url_file"] for receiver in RECEIVERS.values())
