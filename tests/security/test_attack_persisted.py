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


WRONG: dict[str, dict[str, Any]] = {
    "another text's hash": named(hashed(OTHER), QUERY),
    "a hash of nothing": named(hashed(""), QUERY),
    "half of a hash": named(hashed(QUERY)[:32], QUERY),
    "a hash in capitals": named(hashed(QUERY).upper(), QUERY),
    "a hash with a blank": named(hashed(QUERY) + " ", QUERY),
    "an empty hash": named("", QUERY),
    "a hash that is a number": named(1, QUERY),
    "a hash that is a list": named([hashed(QUERY)], QUERY),
    "a path": named("../../etc/passwd", QUERY),
    "a name of sixty thousand letters": named("a" * 60_000, QUERY),
    "another version": named(hashed(QUERY), QUERY, 2),
    "no version": named(hashed(QUERY), QUERY, None),
    "a persisted query that is a text": {"query": QUERY, "extensions": {"persistedQuery": hashed(QUERY)}},
    "a document's id that is a number": {"query": QUERY, "documentId": 1},
    "a document's id of another text": {"query": QUERY, "documentId": f"sha256:{hashed(OTHER)}"},
}


@pytest.mark.parametrize("name", WRONG)
async def test_persisted_text_is_not_stored_under_a_wrong_hash(target, bystanders, name):
    async def attack():
        answer = await target.post(WRONG[name])
        assert answer.codes == {"BAD_USER_INPUT"}
        assert "data" not in answer.json

    await bystanders.unharmed_by(attack)
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

    answer = await target.request("GET", f"/graphql?extensions={extensions}")

    assert answer.status == 405
    assert target.sandbox.calls == []


async def test_persisted_text_needs_the_rights_of_its_caller(target):
    text = '{ orders(communityCode: "10002") { totalCount } }'
    assert (await target.post(named(hashed(text), text))).codes == set()

    poor = target.mint(scope="repair:read")
    answer = await target.post(named(hashed(text)), authorization=f"Bearer {poor}")
    nobody = await target.post(named(hashed(text)), authorization=None)

    assert answer.codes == {"FORBIDDEN"}
    assert answer.json["data"] == {"orders": None}
    assert nobody.status == 401


async def test_flood_of_texts_evicts_older_ones(target, bystanders):
    texts = [f"{{ viewer {{ subject }} }} #{number} {'a' * 20_000}" for number in range(240)]

    async def attack():
        for start in range(0, len(texts), 20):
            await asyncio.gather(*(target.post(named(hashed(text), text)) for text in texts[start : start + 20]))

    await bystanders.unharmed_by(attack, memory=32 * 1024 * 1024)
    assert (await target.post(named(hashed(texts[0])))).codes == {"PERSISTED_QUERY_NOT_FOUND"}
    assert (await target.post(named(hashed(texts[-1])))).codes == set()
