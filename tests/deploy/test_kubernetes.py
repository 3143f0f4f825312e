"""`deploy/kubernetes` against the schemas of Kubernetes, the oldest version that it is for and the newest."""

import sys
from pathlib import Path

import pytest
import yaml
from deployed import DEPLOY
from programs import run
from test_compose import refused

from gateway.commands.serve import GRACE
from gateway.http.application import OPEN_PATHS

FILES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
VALIDATOR = str(Path(sys.executable).with_name("kubernetes-validate"))


@pytest.fixture(scope="module")
def resources():
    """By kind."""
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    return {resource["kind"]: resource for text in texts for resource in yaml.safe_load_all(text)}


@pytest.fixture(scope="module")
def pod(resources):
    return resources["Deployment"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_manifests_fit_the_schema(version):
    printed = run(VALIDATOR, "--strict", "--kubernetes-version", version, *FILES)
    assert (printed.stdout + printed.stderr).count(" passed for resource ") == 6


def test_gateway_accepts_the_settings(resources):
    settings = {"GATEWAY_ENV": "production", **resources["ConfigMap"]["data"]}
    secrets = dict.fromkeys(resources["Secret"]["stringData"], "s" * 32)
    assert all(value == "" for value in resources["Secret"]["stringData"].values())
    assert refused(settings | secrets) == ""


def test_probes_ask_paths_that_answer_to_any_host(pod):
    [container] = pod["containers"]
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert {*paths.values(), "/metrics"} == set(OPEN_PATHS)


def test_pod_stops_after_its_requests(pod):
    [container] = pod["containers"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= before + GRACE + 50


def test_links_of_services_do_not_become_settings(pod):
    assert pod["enableServiceLinks"] is False


def test_selectors_match_the_pods(resources):
    spec = {kind: resource.get("spec", {}) for kind, resource in resources.items()}
    labels = spec["Deployment"]["template"]["metadata"]["labels"]
    assert spec["Service"]["selector"] == labels
    assert all(spec[kind]["selector"]["matchLabels"] == labels for kind in ("Deployment", "PodDisruptionBudget"))


def test_ingress_serves_no_path_for_machines(resources):
    [rule] = resources["Ingress"]["spec"]["rules"]
    assert [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] == [
        ("/graphql", "Exact"),
        ("/callbacks/token", "Exact"),
        ("/callbacks/payment", "Exact"),
    ]
