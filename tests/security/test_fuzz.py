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


@pytest.mark.parametrize("payer", ["{}", "{ carNumber: null }", '{ carNumber: "a", idCard: "b" }'])
async def test_wrong_number_of_payers_is_a_validation_error(target, payer):
    """Found by these: in a document it was taken for a mistake of the gateway's own."""
    answer = await target.query(f"""mutation {{ createOrder(input: {{ communityCode: "10002", title: "a", amount: "1",
        idempotencyKey: "k", payer: {payer} }}) {{ outcome }} }}""")

    assert answer.codes == {"GRAPHQL_VALIDATION_FAILED"}
