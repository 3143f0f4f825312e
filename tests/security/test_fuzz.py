"""Random requests cause no 5xx. `scripts/fuzz` sends many more of them."""

import pytest
from fuzzing import Fuzzer, grammar_requests, random_requests

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_two_thousand_random_requests_cause_no_fault(target, bystanders):
    fuzzer = Fuzzer(target.port, target.token)

    async for _ in bystanders.unharmed():
        await fuzzer.send(random_requests(1, 2000))
    assert fuzzer.faults == []
    assert fuzzer.statuses.keys() >= {200, 400, 401, 404, 405, 415}


async def test_forty_grammar_queries_cause_no_fault(target, bystanders):
    fuzzer = Fuzzer(target.port, target.token)
    requests = grammar_requests(1, 40)

    async for _ in bystanders.unharmed():
        await fuzzer.send(requests)
    assert fuzzer.faults == []
    assert fuzzer.statuses.keys() == {200}
