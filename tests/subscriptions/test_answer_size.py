"""The size limit of answers in every protocol: larger ones are refused whole, writes are exempt."""

import json

import pytest

from gateway.journal.records import Numbers

BOUND = 1500

LISTED = "{ dictionaries { title entries { value label } } }"
PUBLISHED = """
mutation Publish($input: CreateAnnouncementInput!) {
  createAnnouncement(input: $input) { outcome announcement { content } }
}
"""
ANNOUNCEMENT = {"communityCode": "10002", "title": "停水通知", "content": "长" * BOUND, "idempotencyKey": "long"}
PAID = f"subscription {{ paymentEvents {{ payment {{ {' '.join(f'a{n}: orderNumber' for n in range(25))} }} }} }}"
PAYMENT = Numbers("9" * 64, "1900", "4200")


@pytest.fixture
def environ(environ, monkeypatch):
    monkeypatch.setattr("gateway.app.LARGEST_ANSWER", BOUND)
    return environ


def expect_too_large(errors):
    [error] = errors
    said = error["extensions"]
    assert (said["code"], said["limit"], said["bound"]) == ("QUERY_TOO_COMPLEX", "answer", BOUND)
    assert said["requested"] > BOUND


async def test_oversized_query_answer_is_refused(gateway):
    for accept, status in (("application/json", 200), ("application/graphql-response+json", 400)):
        answer = await gateway.client.post("/graphql", json={"query": LISTED}, headers={"accept": accept})
        assert answer.status_code == status
        assert set(answer.json()) == {"errors"}
        expect_too_large(answer.json()["errors"])
    assert (await gateway.ask("{ dictionaries { title } }")).data["dictionaries"]


async def test_write_answer_of_any_size_is_returned(gateway, connect):
    published = await gateway.ask(PUBLISHED, {"input": ANNOUNCEMENT})
    async with connect() as socket:
        await socket.subscribe("1", PUBLISHED, input=ANNOUNCEMENT)
        again = await socket.data("1")

    assert published.data == again
    assert again["createAnnouncement"]["outcome"] == "CONFIRMED"
    assert again["createAnnouncement"]["announcement"]["content"] == ANNOUNCEMENT["content"]


async def test_oversized_message_ends_its_operation_alone(gateway, connect):
    async with connect() as socket:
        await socket.subscribe("query", LISTED)
        await socket.subscribe("events", PAID)
        await socket.settle()
        await gateway.parts.journal.payments.receive(*PAYMENT, subject="test")
        for id_ in ("query", "events"):
            message = await socket.receive(id_)
            assert message["type"] == "error"
            expect_too_large(message["payload"])
        await socket.settle()


async def test_oversized_event_ends_its_event_stream(gateway):
    headers = {"accept": "text/event-stream"}
    async with gateway.client.stream("POST", "/graphql", json={"query": PAID}, headers=headers) as stream:
        await gateway.parts.journal.payments.receive(*PAYMENT, subject="test")
        lines = [line async for line in stream.aiter_lines() if line]

    assert [line for line in lines if line.startswith("event")] == ["event: next", "event: complete"]
    expect_too_large(json.loads(lines[1].removeprefix("data: "))["errors"])
