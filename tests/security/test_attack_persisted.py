"""Attacks on persisted documents: wrong hashes, foreign rights and floods."""

import asyncio
import json
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUERY = "{ viewer { subject } }"
OTHER = "{ platforms { name } }"
WRITE = 'mutation { setModule(input: {communityCode: "10002", name: REPAIRS, enabled: true}) { outcome } }'


def named(hash_: object, query: str | None = None, version: object = 1) -> dict[str, Any]:
    persisted = {"extensions": {"persistedQuery": {"version": version, "sha256Hash": hash_}}}
    return persisted if query is None else {"query": query, **persisted}


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


HASHES = [hashed(OTHER), hashed(""), hashed(QUERY)[:32], hashed(QUERY).upper(), hashed(QUERY) + " ", "", 1]
HASHES += [[hashed(QUERY)], "../../etc/passwd", "a" * 60_000]
WRONG: list[dict[str, Any]] = [
    *(named(wrong, QUERY) for wrong in HASHES),
    *(named(hashed(QUERY), QUERY, version) for version in (2, None)),
    *({"query": QUERY, "extensions": {"persistedQuery": persisted}} for persisted in (hashed(QUERY), None)),
    {"extensions": {"persistedQuery": {"sha256Hash": hashed(OTHER)}}},
    *({"query": QUERY, "documentId": id_} for id_ in (1, [hashed(QUERY)], f"sha256:{hashed(OTHER)}")),
    {"query": 7, "documentId": hashed(QUERY)},
]


async def test_persisted_text_is_not_stored_under_a_wrong_hash(target, bystanders):
    async for _ in bystanders.unharmed():
        for wrong in WRONG:
            answer = await target.post(wrong)
            assert answer.codes == {"BAD_USER_INPUT"}, wrong
            assert "data" not in answer.json, wrong
    kept = await target.post(named(hashed(OTHER)))
    assert kept.codes in ({"PERSISTED_QUERY_NOT_FOUND"}, set())
    assert "viewer" not in kept.body.decode()


async def test_invalid_text_is_not_stored(target):
    text = "{ viewer { nothing } }"
    assert (await target.post(named(hashed(text), text))).codes == {"GRAPHQL_VALIDATION_FAILED"}
    assert (await target.post(named(hashed(text)))).codes == {"PERSISTED_QUERY_NOT_FOUND"}


async def test_persisted_mutation_is_not_run_by_get(target):
    await target.post(named(hashed(WRITE), WRITE))
    target.sandbox.reset_calls()
    extensions = quote(json.dumps(named(hashed(WRITE))["extensions"]))
    assert (await target.request("GET", f"/graphql?extensions={extensions}")).status == 405
    assert target.calls == []


async def test_persisted_text_needs_the_rights_of_its_caller(target):
    text = '{ orders(communityCode: "10002") { totalCount } }'
    assert (await target.post(named(hashed(text), text))).codes == set()

    answer = await target.post(named(hashed(text)), authorization=f"Bearer {target.mint(scope='repair:read')}")
    assert answer.codes == {"FORBIDDEN"}
    assert answer.json["data"] == {"orders": None}
    assert (await target.post(named(hashed(text)), authorization=None)).status == 401


async def test_flood_of_texts_evicts_older_ones(target, bystanders):
    texts = [f"{{ viewer {{ subject }} }} #{number} {'a' * 20_000}" for number in range(240)]

    async for _ in bystanders.unharmed(memory=32 * 1024 * 1024):
        for start in range(0, len(texts), 20):
            await asyncio.gather(*(target.post(named(hashed(text), text)) for text in texts[start : start + 20]))
    assert (await target.post(named(hashed(texts[0])))).codes == {"PERSISTED_QUERY_NOT_FOUND"}
    assert (await target.post(named(hashed(texts[-1])))).codes == set()
