"""`deploy/grafana`: the dashboard shows what the gateway measures, by queries that Prometheus reads."""

import json

import pytest
import yaml
from deployed import DEPLOY, require_known_metrics
from programs import run

FOLDER = DEPLOY / "grafana"
DASHBOARD = json.loads((FOLDER / "dashboards" / "gateway.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]


async def test_every_query_names_metrics_of_the_gateway(gateway):
    exposed = (await gateway.stranger.get("/metrics")).text
    for query in QUERIES:
        require_known_metrics(query, exposed)


def test_every_query_is_valid(find_tool, tmp_path):
    """With the variables of Grafana in place; as rules, which promtool can check."""
    filled = [query.replace("$__rate_interval", "1m").replace("$instance", ".*") for query in QUERIES]
    assert not any("$" in query for query in filled)
    rules = [{"record": f"query_{number}", "expr": query} for number, query in enumerate(filled)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    checked = run(find_tool("promtool"), "check", "rules", tmp_path / "rules.yml")
    assert f"{len(QUERIES)} rules found" in checked.stdout


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
    [provider] = yaml.safe_load((FOLDER / "provisioning" / "dashboards" / "gateway.yaml").read_text())["providers"]
    compose = (DEPLOY / "compose" / "compose.yaml").read_text()
    assert f"../grafana/dashboards:{provider['options']['path']}:ro" in compose
    [source] = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
