"""Clients by the names that they give themselves; labels that callers choose are bounded."""

import asyncio
import json
import re
from urllib.parse import urlsplit

import pytest
from exposed import labels_of, value
from scraped import requests, scrape

from gateway.auth.issuer import DevelopmentIssuer
from gateway.http.request_metrics import (
    MOST_CLIENTS,
    MOST_OF_CALLER,
    MOST_OPERATIONS,
    NONE,
    OTHER,
    read_client,
    read_head_client,
)
from gateway.settings import load_settings


class TestClients:
    async def test_requests_are_counted_by_client(self, gateway):
        for headers in (
            {"apollographql-client-name": "console", "apollographql-client-version": "1.4.0"},
            {"graphql-client-name": "@acme/app", "graphql-client-version": "v2-beta"},
            {},
        ):
            await gateway.client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)

        series = await scrape(gateway)
        for name, version in (("console", "1.4.0"), ("@acme/app", "v2-beta"), (NONE, NONE)):
            assert value(series, "gateway_client_requests_total", client_name=name, client_version=version) == 1

    @pytest.mark.parametrize(
        "name", ["19900000001", "a" * 49, "someone@example.org", "王小明", "app 19900000001", "app 99901199003077012X"]
    )
    def test_unfit_name_is_other(self, name: str) -> None:
        assert read_client({"graphql-client-name": name}) == (OTHER, NONE)

    @pytest.mark.parametrize("version", ["19900000001", "1" * 33, "1.0 beta", "ä"])
    def test_unfit_version_is_other(self, version: str) -> None:
        assert read_client({"graphql-client-version": version}) == (NONE, OTHER)
        assert read_head_client({b"graphql-client-version": version.encode("latin-1") * 2}) == (NONE, OTHER)

    async def test_thousand_names_stay_bounded(self, gateway):
        address = urlsplit(gateway.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)  # httpx takes five times as long
        for number in range(1000):
            gateway.parts.admission.operations._full_at.clear()
            body = json.dumps({"query": f"query Name{number} {{ __typename }}"})
            lines = [
                "POST /graphql HTTP/1.1",
                f"host: {address.netloc}",
                f"authorization: Bearer {gateway.token}",
                "content-type: application/json",
                f"apollographql-client-name: client-{number}",
                f"apollographql-client-version: 1.{number}",
                f"content-length: {len(body)}",
            ]
            writer.write("\r\n".join([*lines, "", body]).encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(int(re.findall(rb"content-length: (\d+)", head.lower())[0]))
        writer.close()

        series = await scrape(gateway)
        assert await requests(gateway) == {("other", "query", "ok"): 1000}
        assert len(labels_of(series, "gateway_client_requests_total")) == MOST_OF_CALLER + 1
        others = value(series, "gateway_client_requests_total", client_name=OTHER, client_version=OTHER)
        assert others == 1000 - MOST_OF_CALLER

    async def test_one_caller_leaves_names_to_others(self, gateway, environ):
        mint = DevelopmentIssuer.open(load_settings(environ)).mint
        names = [("flood", f"made-up-{number}") for number in range(MOST_CLIENTS)]
        for subject, name in (*names, ("clerk", "app")):
            own = {"authorization": f"Bearer {mint(['*'], ['*'], subject, 60)}", "graphql-client-name": name}
            await gateway.stranger.post("/graphql", json={"query": "{ __typename }"}, headers=own)

        series = await scrape(gateway)
        assert value(series, "gateway_client_requests_total", client_name="app", client_version=NONE) == 1
        assert len(labels_of(series, "gateway_client_requests_total")) == MOST_OF_CALLER + 2

    async def test_unknown_caller_adds_no_client(self, gateway):
        await gateway.stranger.post(
            "/graphql", json={"query": "{ __typename }"}, headers={"graphql-client-name": "flood"}
        )

        [labels] = labels_of(await scrape(gateway), "gateway_client_requests_total")
        assert labels["client_name"] == OTHER

    async def test_listed_operations_are_bounded(self, environ, serve):
        names = [f"Name{number}" for number in range(MOST_OPERATIONS + 5)]
        async with serve(environ | {"GATEWAY_METRICS_OPERATIONS": " ".join(names)}) as gateway:
            for name in (names[0], names[MOST_OPERATIONS - 1], names[MOST_OPERATIONS], names[-1]):
                await gateway.ask(f"query {name} {{ __typename }}")

            assert {name: count for (name, *_), count in (await requests(gateway)).items()} == {
                names[0]: 1,
                names[MOST_OPERATIONS - 1]: 1,
                "other": 2,
            }
