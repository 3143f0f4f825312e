"""`deploy/prometheus`: each alert is quiet when it should be, and has a section in the runbook."""

import re
from pathlib import Path

import pytest
import yaml
from deployed import DEPLOY, require_known_metrics, run

RULES = DEPLOY / "prometheus" / "alerts.yml"
RUNBOOK = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")

[GROUP] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
ALERTS = {rule["alert"]: rule for rule in GROUP["rules"]}

BUILD = 'gateway_build_info{job="wanjia-gateway", instance="a"}'
SCRAPED = '{job="wanjia-gateway", instance="a", worker="1"}'
REQUESTS = 'gateway_request_seconds_count{outcome="%s"}'
CALLS = 'gateway_upstream_call_seconds_count{platform="WJDH", endpoint="order/list", outcome="%s"}'

QUIET = {
    "GatewayDown": {f"up{SCRAPED}": "1x113 0x1 1x90"},
    "GatewayPaymentsDead": {'gateway_payments{state="QUEUED"}': "9x200", 'gateway_payments{state="DEAD"}': "0x200"},
    "GatewayPaymentsDelayed": {"gateway_undelivered_payment_age_seconds": "900x200"},
    "GatewayJournalUnavailable": {f"gateway_journal_last_success_timestamp_seconds{SCRAPED}": "-30+60x200"},
    "GatewayAuditDelayed": {f"gateway_audit_waiting{SCRAPED}": "5000x200"},
    "GatewayKeysUnavailable": {
        'gateway_ready{check="signing_keys"}': "1x200",
        "gateway_signing_keys_age_seconds": "900x200",
    },
    "GatewayUnclearWrites": {"gateway_unclear_operations": "1x110 0x90"},
    "GatewayPlatformUnreachable": {
        'gateway_upstream_circuit_open{platform="WJDH", endpoint="order/list"}': "0x112 1x3 0x90"
    },
    "GatewayPlatformFailing": {CALLS % "UPSTREAM_PROTOCOL": "0+5x200", CALLS % "OK": "0+6x200"},
    "GatewayPlatformSaturated": {
        'gateway_upstream_slots{platform="WJDH"}': "32x200",
        'gateway_upstream_slots_taken{platform="WJDH"}': "32x200",
        'gateway_upstream_calls_waiting{platform="WJDH"}': "0x200",
    },
    "GatewayRequestsFailing": {REQUESTS % "RATE_LIMITED": "0+6x200", REQUESTS % "ok": "0+94x200"},
    "GatewayInternalErrors": {'gateway_errors_total{code="INTERNAL"}': "1x200"},
    "GatewayEventLoopStuck": {f"gateway_event_loop_lag_max_seconds{SCRAPED}": "0.9x200"},
    "GatewayCpuSaturated": {f"process_cpu_seconds_total{SCRAPED}": "0+47x200", BUILD: "1x200"},
    "GatewayFileDescriptorsLow": {
        f"process_open_fds{SCRAPED}": "80x200",
        f"process_max_fds{SCRAPED}": "100x200",
        BUILD: "1x200",
    },
    "GatewayUndocumentedData": {'gateway_undocumented_total{record="Repair", what="key"}': "_x200"},
}
"""Series, one value a minute; the alert must not fire in their 115th minute. `test_alerts_fire` has each fire."""


def check(find_tool, tmp_path, alert: str, series: dict[str, str], firing: int) -> None:
    """By promtool: how many alerts of this name fire in the 115th minute."""
    expected = [{"labels": "{}", "value": firing}]
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
                        "eval_time": "115m",
                        "exp_samples": expected,
                    }
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    run(find_tool("promtool"), "test", "rules", str(tmp_path / "test.yml"))


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_stays_quiet(find_tool, tmp_path, alert):
    check(find_tool, tmp_path, alert, QUIET[alert], 0)


OTHER = '{job="other", instance="b"}'


@pytest.mark.parametrize(
    ("alert", "series"),
    [
        ("GatewayDown", {"up": "1x200"}),
        ("GatewayDown", {BUILD: "1x60"}),
        ("GatewayDown", {f"gateway_build_info{OTHER}": "1x60", f"up{OTHER}": "1x60 0x140"}),
        ("GatewayAuditDelayed", {f"gateway_masking_forced{SCRAPED}": "1x200"}),
        ("GatewayKeysUnavailable", {f"gateway_signing_keys_age_seconds{SCRAPED}": "0+60x200"}),
        ("GatewayUnclearWrites", {"gateway_unclear_operations": "7x200"}),
    ],
    ids=["no target", "no target any more", "another job", "masking", "old keys", "unclear for hours"],
)
def test_alert_fires_while_the_failure_lasts(find_tool, tmp_path, alert, series):
    check(find_tool, tmp_path, alert, series, 1)


def test_deployments_of_one_prometheus_are_told_apart(find_tool, tmp_path):
    series = {f'gateway_payments{{state="DEAD", job="{job}"}}': "1x200" for job in "ab"}
    check(find_tool, tmp_path, "GatewayPaymentsDead", series, 2)


def test_rules_and_configuration_are_valid(find_tool):
    for what, file in (("rules", RULES), ("config", DEPLOY / "prometheus" / "prometheus.yml")):
        run(find_tool("promtool"), "check", what, str(file))


async def test_alerts_name_metrics_of_the_gateway(gateway):
    exposed = (await gateway.stranger.get("/metrics")).text
    for rule in ALERTS.values():
        require_known_metrics(rule["expr"], exposed)


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_is_explained_in_both_languages_and_the_runbook(alert):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert re.search("[\u4e00-\u9fff]", rule["annotations"]["summary_zh"])
    assert not re.search("[\u4e00-\u9fff]", rule["annotations"]["summary"])
    assert rule["annotations"]["runbook_url"].endswith(f"/operating.html#{alert.lower()}")
    [section] = re.findall(rf"^### {alert}\n(.*?)(?=^##)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert "**Look at**" in section
    assert "**Do:**" in section


def test_runbook_explains_no_other_alert():
    assert re.findall(r"^### (Gateway\w+)$", RUNBOOK, re.MULTILINE) == list(ALERTS)
