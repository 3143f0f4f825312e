"""`deploy/prometheus` and `deploy/grafana`: alerts are quiet when they should be and in the runbook; the dashboard.

All name what the gateway measures, in queries that Prometheus reads.
"""

import json
import re

import pytest
import yaml
from deployed import DEPLOY, require_known_metrics
from pages import DOCS, read_text
from programs import run

RULES = DEPLOY / "prometheus" / "alerts.yml"
RUNBOOKS = {
    "runbook_url": ("operating", "**Look at**", "**Do:**"),
    "runbook_url_zh": ("zh/operating", "**查看**", "**处理**"),
}
"""By annotation: the page that it leads to, and what the section of an alert has there."""

[GROUP] = yaml.safe_load(read_text(RULES))["groups"]
ALERTS = {rule["alert"]: rule for rule in GROUP["rules"]}

GRAFANA = DEPLOY / "grafana"
DASHBOARD = json.loads(read_text(GRAFANA / "dashboards" / "gateway.json"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]

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
    "GatewayJournalGrowing": {'gateway_journal_bytes{table="audit"}': f"{190 * 10**9}x200"},
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
"""Series, one value a minute; the alert must not fire. `test_alerts_fire` has each fire."""


def test_every_alert_has_series_that_leave_it_quiet():
    assert set(QUIET) == set(ALERTS)


OTHER = '{job="other", instance="b"}'


@pytest.mark.parametrize(
    ("alert", "series", "firing"),
    [
        *((alert, series, 0) for alert, series in QUIET.items()),
        ("GatewayDown", {"up": "1x200"}, 1),  # no target
        ("GatewayDown", {BUILD: "1x60"}, 1),  # no target any more
        ("GatewayDown", {f"gateway_build_info{OTHER}": "1x60", f"up{OTHER}": "1x60 0x140"}, 1),
        ("GatewayAuditDelayed", {f"gateway_masking_forced{SCRAPED}": "1x200"}, 1),
        ("GatewayKeysUnavailable", {f"gateway_signing_keys_age_seconds{SCRAPED}": "0+60x200"}, 1),
        ("GatewayUnclearWrites", {"gateway_unclear_operations": "7x200"}, 1),
        # of two deployments
        ("GatewayPaymentsDead", {f'gateway_payments{{state="DEAD", job="{job}"}}': "1x200" for job in "ab"}, 2),
    ],
)
def test_alert_fires_as_often_as_its_series_say(find_tool, tmp_path, alert, series, firing):
    """In the 115th minute, by promtool."""
    expected = {
        "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
        "eval_time": "115m",
        "exp_samples": [{"labels": "{}", "value": firing}],
    }
    given = [{"series": name, "values": values} for name, values in series.items()]
    tests = [{"interval": "1m", "input_series": given, "promql_expr_test": [expected]}]
    file = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(file))
    run(find_tool("promtool"), "test", "rules", tmp_path / "test.yml")


def test_rules_configuration_and_queries_are_valid(find_tool, tmp_path):
    """Queries with the variables of Grafana in place; as rules, which promtool can check."""
    filled = [query.replace("$__rate_interval", "1m").replace("$instance", ".*") for query in QUERIES]
    assert not any("$" in query for query in filled)
    rules = [{"record": f"query_{number}", "expr": query} for number, query in enumerate(filled)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    for what, file in (
        ("rules", RULES),
        ("config", RULES.with_name("prometheus.yml")),
        ("rules", tmp_path / "rules.yml"),
    ):
        checked = run(find_tool("promtool"), "check", what, file)
    assert f"{len(QUERIES)} rules found" in checked.stdout


async def test_alerts_and_panels_name_metrics_of_the_gateway(gateway):
    exposed = (await gateway.stranger.get("/metrics")).text
    for query in (*(rule["expr"] for rule in ALERTS.values()), *QUERIES):
        require_known_metrics(query, exposed)


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_is_explained_in_both_languages_and_the_runbook(alert):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert re.search("[\u4e00-\u9fff]", rule["annotations"]["summary_zh"])
    assert not re.search("[\u4e00-\u9fff]", rule["annotations"]["summary"])
    for annotation, (page, *parts) in RUNBOOKS.items():
        assert rule["annotations"][annotation] == f"https://docs.example.org/{page}.html#{alert.lower()}"
        text = read_text(DOCS / f"{page}.md")
        [section] = re.findall(rf"^### {alert}\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL)
        assert [part for part in parts if part not in section] == []


def test_runbook_explains_no_other_alert():
    for page, *_ in RUNBOOKS.values():
        assert re.findall(r"^### (Gateway\w+)$", read_text(DOCS / f"{page}.md"), re.MULTILINE) == list(ALERTS), page


def test_panels_are_numbered_and_do_not_overlap():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_panel_can_be_read(panel):
    """A title in both languages, a unit, and the data source that is chosen at the top."""
    assert any("\u4e00" <= sign <= "\u9fff" for sign in panel["title"])
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    assert panel["targets"][0]["refId"] == "A"


def test_provisioned_folders_are_those_of_compose():
    [provider] = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "gateway.yaml").read_text())["providers"]
    compose = (DEPLOY / "compose" / "compose.yaml").read_text()
    assert f"../grafana/dashboards:{provider['options']['path']}:ro" in compose
    [source] = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
