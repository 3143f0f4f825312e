"""The audits of the npm package graphql-http: every MUST, SHOULD and MAY of GraphQL over HTTP."""

import json
import subprocess
from pathlib import Path

import pytest
from graphql_server import Server

NODE = Path(__file__).parents[1] / "node"

pytestmark = pytest.mark.node


@pytest.mark.usefixtures("installed")
def test_every_audit_of_graphql_http_passes(server: Server) -> None:
    command = ["node", "audit.mjs", f"{server.url}/graphql"]
    printed = subprocess.run(command, cwd=NODE, check=True, capture_output=True, text=True, timeout=120).stdout
    audits = [json.loads(line) for line in printed.splitlines()]
    assert len(audits) >= 60
    assert {audit["name"].split()[0] for audit in audits} == {"MUST", "SHOULD", "MAY"}
    assert [audit for audit in audits if audit["status"] != "ok"] == []
