"""Documents by their hash, in the protocol that Apollo Client and urql speak, and by `documentId`."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path

import pytest

NODE = Path(__file__).parents[1] / "node"
QUERY = "query Who { viewer { subject } }"
HASH = sha256(QUERY.encode()).hexdigest()
GRAPHQL = {"accept": "application/graphql-response+json"}


def persisted(sha: object = HASH, version: object = 1) -> dict[str, object]:
    return {"extensions": {"persistedQuery": {"version": version, "sha256Hash": sha}}}


async def post(gateway, **body):
    return await gateway.client.post("/graphql", json=body)


async def get(gateway, **parameters):
    given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    return await gateway.client.get("/graphql", params=given)


async def test_document_sent_with_its_hash_is_found_by_hash(gateway):
    unknown = await post(gateway, **persisted())
    assert unknown.status_code == 200
    [error] = unknown.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")

    registered = await post(gateway, query=QUERY, **persisted())
    assert registered.json()["data"] == {"viewer": {"subject": "developer"}}

    for ask in (post, get):
        for named in (persisted(), {"documentId": f"sha256:{HASH}"}, {"documentId": HASH}, {"doc_id": HASH}):
            assert (await ask(gateway, **named)).json()["data"] == {"viewer": {"subject": "developer"}}


async def test_unknown_hash_is_400_for_graphql_response_json(gateway):
    answer = await gateway.client.post("/graphql", json=persisted(), headers=GRAPHQL)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"] == "PersistedQueryNotFound"


@pytest.mark.node
@pytest.mark.usefixtures("installed")
async def test_apollo_and_urql_send_each_document_once(gateway):
    """The second client finds the text known: urql sends no `__typename`, so its text is another than Apollo's."""
    by_post, by_get = "query ByPost { viewer { subject } }", "query ByGet { viewer { subject } }"
    client = await asyncio.create_subprocess_exec(
        "node",
        "persist.mjs",
        f"{gateway.url}/graphql",
        gateway.token,
        by_post,
        by_get,
        cwd=NODE,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await asyncio.wait_for(client.communicate(), 30)
    lines = [json.loads(line) for line in printed.splitlines()]

    assert [(line["client"], line["sent"]) for line in lines] == [
        ("Apollo Client", ["POST hash", "POST text", "POST hash"]),
        ("Apollo Client", ["GET hash", "POST text", "GET hash"]),
        ("urql", ["POST hash", "POST text", "POST hash"]),
        ("urql", ["GET hash", "GET text", "GET hash"]),
    ]
    subjects = [answer["viewer"]["subject"] for line in lines for answer in line["answers"]]
    assert subjects == ["developer"] * 8
