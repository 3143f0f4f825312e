"""What kustomize builds of `deploy/kubernetes`, against the schemas of Kubernetes and the gateway's own needs."""

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from deployed import DEPLOY
from joserfc.jwk import ECKey
from processes import free_port
from programs import run
from waiting import until

from gateway.commands.serve import GRACE
from gateway.http.application import OPEN_PATHS

MONITOR = ("PodMonitor", "wanjia-gateway")
COMPONENTS = {
    "autoscaling": {("HorizontalPodAutoscaler", "wanjia-gateway")},
    "disruption-budget": {("PodDisruptionBudget", "wanjia-gateway")},
    "network-policy": {("NetworkPolicy", "wanjia-gateway")},
    "ingress": {("Ingress", "wanjia-gateway")},
    "pod-monitor": {MONITOR},
    "check": {("CronJob", "wanjia-gateway-check")},
    "dump": {("CronJob", "wanjia-gateway-dump"), ("PersistentVolumeClaim", "wanjia-gateway-dumps")},
}


class Overlays:
    """The folder as an operator has it, who has filled in the secrets."""

    def __init__(self, kustomize: str, folder: Path) -> None:
        self.folder = folder / "kubernetes"
        self._kustomize = kustomize
        shutil.copytree(DEPLOY / "kubernetes", self.folder, dirs_exist_ok=True)
        self.edit("secrets.example.env", r"(?m)^(\w+)=$", rf"\1={'s' * 32}", "secrets.env")

    def edit(self, name: str, pattern: str, new: str, written: str = "") -> None:
        """Replace the one match in a file of the city, or all of them in a copy of it."""
        text, count = re.subn(pattern, new, (self.folder / "city" / name).read_text(encoding="utf-8"))
        assert count == 1 or written, pattern
        (self.folder / "city" / (written or name)).write_text(text, encoding="utf-8")

    def build(self, overlay: str) -> dict[tuple[str, str], Any]:
        """By kind and name, hashes left out."""
        self.text = run(self._kustomize, "build", self.folder / overlay).stdout
        resources = [*yaml.safe_load_all(self.text)]
        return {(each["kind"], re.sub(r"-[a-z0-9]{10}$", "", each["metadata"]["name"])): each for each in resources}


@pytest.fixture
def overlays(find_tool, tmp_path):
    return Overlays(find_tool("kustomize"), tmp_path)


@pytest.fixture(scope="module")
def city(find_tool, tmp_path_factory):
    return Overlays(find_tool("kustomize"), tmp_path_factory.mktemp("city")).build("city")


@pytest.fixture(scope="module")
def pods(city):
    """The specs of all pods, by the name of what makes them."""
    jobs = {name: each["spec"]["jobTemplate"] for (kind, name), each in city.items() if kind == "CronJob"}
    made = {"wanjia-gateway": city["Deployment", "wanjia-gateway"]} | jobs
    return {name: each["spec"]["template"] for name, each in made.items()}


@pytest.fixture(scope="module")
def container(pods):
    return pods["wanjia-gateway"]["spec"]["containers"][0]


@pytest.mark.parametrize("overlay", ["city", "trial"])
def test_overlay_fits_the_schema(overlays, tmp_path, overlay):
    resources = overlays.build(overlay)
    (tmp_path / "built.yaml").write_text(overlays.text)
    validator = Path(sys.executable).with_name("kubernetes-validate")
    for version in ("1.30", "1.34", "1.37"):
        printed = run(validator, "--strict", "--kubernetes-version", version, tmp_path / "built.yaml")
        passed = re.findall(r" passed for resource ", printed.stdout + printed.stderr)
        assert len(passed) == len(resources) - (MONITOR in resources)


@pytest.mark.parametrize("component", COMPONENTS)
def test_component_is_one_line(city, overlays, component):
    overlays.edit("kustomization.yaml", rf"(?m)^  - \.\./components/{component}\b.*\n", "")
    assert city.keys() - overlays.build("city").keys() == COMPONENTS[component]


@pytest.mark.parametrize("name", ["communities.txt", "settings.env", "secrets.env"])
def test_changed_file_rolls_the_pods(city, overlays, name):
    overlays.edit(name, r"\Z", "\n# changed\nGATEWAY_LOG_LEVEL=error\n")
    changed = overlays.build("city")["Deployment", "wanjia-gateway"]["spec"]["template"]
    assert changed != city["Deployment", "wanjia-gateway"]["spec"]["template"]


async def test_city_serves_with_its_files(overlays, database_url, tmp_path):
    """In a mount namespace with the files of the ConfigMap in /etc; the keys are of a file, as no issuer is there."""
    public = ECKey.generate_key("P-256", {"kid": "1"}).as_dict(private=False)
    (overlays.folder / "city/issuer.json").write_text(json.dumps({"keys": [public]}))
    overlays.edit("kustomization.yaml", "# - issuer.json", "- issuer.json")
    overlays.edit("settings.env", "(?m)^GATEWAY_AUTH_JWKS_URL", "# GATEWAY_AUTH_JWKS_URL")
    overlays.edit("settings.env", "# GATEWAY_AUTH_KEY_FILE", "GATEWAY_AUTH_KEY_FILE")
    built = overlays.build("city")
    (folder := tmp_path / "etc/wanjia-gateway").mkdir(parents=True)
    for name, text in built["ConfigMap", "wanjia-gateway"]["data"].items():
        (folder / name).write_text(text, encoding="utf-8")
    secrets = {
        name: base64.b64decode(value).decode() for name, value in built["Secret", "wanjia-gateway"]["data"].items()
    }
    port, metrics = free_port(), free_port()
    own = {"GATEWAY_ENV": "production", "GATEWAY_DATABASE_URL": database_url}
    own |= {"GATEWAY_PORT": str(port), "GATEWAY_METRICS_PORT": str(metrics)}
    script = 'mount -t overlay overlay -o "lowerdir=$0:/etc" /etc && exec "$1" -m gateway serve'
    command = ("unshare", "--mount", "sh", "-c", script, folder.parent, sys.executable)
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | secrets | own)
    try:
        async with httpx.AsyncClient(trust_env=False, headers={"host": "10.1.2.3"}) as kubelet:

            async def answer(port: int, path: str) -> int:
                with contextlib.suppress(httpx.TransportError):
                    return (await kubelet.get(f"http://127.0.0.1:{port}{path}")).status_code
                return 0

            assert await until(lambda: answer(port, "/readyz")) == 200
            assert await answer(metrics, "/metrics") == 200
            assert await answer(port, "/metrics") == 404
    finally:
        process.terminate()
        await process.wait()


def test_probes_ask_paths_that_answer_to_any_host(container):
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert {*paths.values(), "/metrics"} == set(OPEN_PATHS)


def test_pod_stops_after_its_requests(pods, container):
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pods["wanjia-gateway"]["spec"]["terminationGracePeriodSeconds"] >= before + GRACE + 50
    assert pods["wanjia-gateway"]["spec"]["enableServiceLinks"] is False


def test_pods_are_restricted(pods):
    """As the Pod Security Standard of this name asks, and with no token of the cluster, and no file to write."""
    assert len(pods) == 3
    for pod in pods.values():
        spec, [one] = pod["spec"], pod["spec"]["containers"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert one["volumeMounts"][0] == {"name": "files", "mountPath": "/etc/wanjia-gateway"}
        assert spec["volumes"][0]["configMap"]["defaultMode"] == 0o440  # else the gateway warns: readable by all


def test_selectors_match_the_gateways_alone(city, pods):
    def selected(labels):
        return [name for name, pod in pods.items() if labels.items() <= pod["metadata"]["labels"].items()]

    assert selected(city["Service", "wanjia-gateway"]["spec"]["selector"]) == ["wanjia-gateway"]
    for kind in ("Deployment", "PodDisruptionBudget", "PodMonitor"):
        assert selected(city[kind, "wanjia-gateway"]["spec"]["selector"]["matchLabels"]) == ["wanjia-gateway"]
    assert selected(city["NetworkPolicy", "wanjia-gateway"]["spec"]["podSelector"]["matchLabels"]) == [*pods]


def test_prometheus_scrapes_the_metrics_port_alone(city, container):
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert container["env"] == [{"name": "GATEWAY_METRICS_PORT", "value": str(ports["metrics"])}]
    monitor, policy = (city[kind, "wanjia-gateway"]["spec"] for kind in ("PodMonitor", "NetworkPolicy"))
    assert monitor.keys() == {"jobLabel", "selector", "podMetricsEndpoints"}
    assert monitor["podMetricsEndpoints"] == [{"port": "metrics", "interval": "15s"}]
    assert monitor["jobLabel"] in monitor["selector"]["matchLabels"]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["ingress"]] == [["http"], ["metrics"]]


DIRECTIVES = {"proxy-body-size": "client_max_body_size", "limit-connections": "limit_conn", "use-gzip": "gzip"}
DIRECTIVES |= {"error-log-level": "error_log", "hsts-max-age": "add_header"}
DIRECTIVES |= dict.fromkeys(("proxy-buffer-size", "proxy-buffers-number"), "proxy_buffers")
DIRECTIVES |= dict.fromkeys(("upstream-keepalive-timeout", "keep-alive"), "keepalive_timeout")
OWN = {"proxy-buffering": "on", "use-forwarded-headers": "false", "hsts-include-subdomains": "false"}  # nginx by itself


def test_ingress_does_what_nginx_does(city, overlays):
    nginx = (DEPLOY / "nginx" / "gateway.conf").read_text(encoding="utf-8")
    values = defaultdict(set)
    for name, value in re.findall(r"^ *([a-z_]+) +([^;{]+);", nginx, re.MULTILINE):
        values[name] |= {value, *re.split(r"[\s=\"]+", value), *re.findall(r"\b(\d+)s\b", value)}
    [log_format] = re.findall(r"^log_format gateway ([^;]+);", nginx, re.MULTILINE)
    values["log_format_upstream"] = {"".join(re.findall(r"'([^']+)'", log_format))}
    said = city["Ingress", "wanjia-gateway"]["metadata"]["annotations"]
    controller = yaml.safe_load((overlays.folder / "components/ingress/controller.yaml").read_text(encoding="utf-8"))
    said = {name.partition("/")[2]: value for name, value in said.items()} | controller["data"]
    assert OWN.items() <= said.items()
    for name in said.keys() - OWN:
        value = {"true": "on"}.get(said[name], said[name])
        assert value in values[DIRECTIVES.get(name, name.replace("-", "_"))], name


def test_ingress_serves_no_path_for_machines(city):
    [rule] = city["Ingress", "wanjia-gateway"]["spec"]["rules"]
    paths = [(path["path"], path["pathType"]) for path in rule["http"]["paths"]]
    assert paths == [(path, "Exact") for path in ("/graphql", "/callbacks/token", "/callbacks/payment")]


def test_dump_can_be_restored_and_old_ones_go(pods, database_url, tmp_path):
    [script] = pods["wanjia-gateway-dump"]["spec"]["containers"][0]["args"]
    old = tmp_path / "journal-20200101-033000.dump"
    old.touch()
    os.utime(old, (0, 0))
    run("psql", database_url, "-c", "CREATE TABLE operations ()")
    for url, status in ((database_url, 0), (f"{database_url}-not-there", 1)):
        environ = os.environ | {"GATEWAY_DATABASE_URL": url}
        run("sh", "-euc", script.replace("/dumps", str(tmp_path)), env=environ, status=status)
    [dump] = tmp_path.glob("*.dump")
    assert "TABLE public operations" in run("pg_restore", "--list", dump).stdout
    assert dump != old


def test_trial_is_one_demo_as_a_container_runs_it(overlays):
    """tests/explorer/test_published_demo.py runs it."""
    built = overlays.build("trial")
    spec = built["Deployment", "wanjia-gateway"]["spec"]
    [one] = spec["template"]["spec"]["containers"]
    assert (spec["replicas"], one["args"]) == (1, ["demo", "--allow-remote"])
    assert "secret" not in overlays.text.lower()
    assert {kind for kind, _ in built} == {"Deployment", "Service"}
