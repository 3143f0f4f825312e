"""Trusted documents: a gateway with a list of its frontends' documents."""

import asyncio
import json
from hashlib import sha256

import pytest
from graphql.language.print_string import print_string
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.execution.documents import TrustedDocuments
from gateway.settings import SettingsError

VIEWER = "query Viewer { viewer { subject } }"
COMMUNITY = "query Community($code: ID!) { community(code: $code) { code } }"
MUTATION = 'mutation Retry { retryPayment(id: "x") { outcome } }'
OTHER = "{ viewer { scopes } }"

APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {"id": "viewer-1", "name": "Viewer", "type": "query", "body": VIEWER},
        {"id": "community-1", "name": "Community", "type": "query", "body": COMMUNITY},
        {"id": "retry-1", "name": "Retry", "type": "mutation", "body": MUTATION},
    ],
}
RELAY = {"viewer-1": VIEWER, "community-1": COMMUNITY, "retry-1": MUTATION}
SPELLINGS = [
    VIEWER + "\n",
    "query Viewer{viewer{subject}}",
    "query Viewer {\r\n\tviewer {\n    subject, # who asks\n  }\n}",
    "\ufeff" + VIEWER,
]
"""White space, commas and comments may differ from the list."""


def digest(text):
    return sha256(text.encode()).hexdigest()


@pytest.fixture
def listed(environ, tmp_path):
    """The settings with the list, in the mode given."""

    def of(mode="", manifest=RELAY):
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps(manifest))
        return environ | {"GATEWAY_TRUSTED_DOCUMENTS": str(path), "GATEWAY_TRUSTED_DOCUMENTS_MODE": mode}

    return of


async def post(gateway, **body):
    answer = await gateway.client.post("/graphql", json=body)
    return answer.json()


def code(answer):
    [error] = answer["errors"]
    assert "data" not in answer
    return error["extensions"]["code"]


@pytest.mark.parametrize("manifest", [APOLLO, RELAY], ids=["Apollo", "Relay"])
async def test_listed_document_runs_by_any_of_its_names(serve, listed, manifest):
    async with serve(listed(manifest=manifest)) as gateway:
        for body in (
            {"documentId": "viewer-1"},
            {"documentId": digest(VIEWER)},
            {"documentId": f"sha256:{digest(VIEWER)}"},
            {"doc_id": "viewer-1"},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "viewer-1"}}},
            {"extensions": persisted(VIEWER)},
            {"query": VIEWER},
            {"query": VIEWER, "documentId": "viewer-1"},
            {"query": VIEWER, "documentId": digest(VIEWER)},
            {"query": "", "documentId": "viewer-1"},
            *({"query": text} | named for text in SPELLINGS for named in ({}, {"documentId": "viewer-1"})),
            *({"query": text, "extensions": persisted(text)} for text in SPELLINGS),
            *({"documentId": digest(text)} for text in SPELLINGS),
        ):
            assert (await post(gateway, **body))["data"] == {"viewer": {"subject": "developer"}}, body
        variables = {"code": "10002"}
        community = await post(gateway, documentId="community-1", variables=variables, operationName="Community")
        assert community["data"] == {"community": {"code": "10002"}}


def persisted(text):
    return {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}


async def test_unlisted_document_is_refused(serve, listed, sandbox):
    async with serve(listed("require")) as gateway:
        assert code(await post(gateway, query=OTHER)) == "QUERY_NOT_IN_SAFELIST"
        assert code(await post(gateway, query=VIEWER + "{ viewer { subject } }")) == "QUERY_NOT_IN_SAFELIST"
        assert code(await post(gateway, query=OTHER, documentId="viewer-1")) == "QUERY_NOT_IN_SAFELIST"
        assert code(await post(gateway, query=VIEWER, documentId="community-1")) == "BAD_USER_INPUT"
        assert code(await post(gateway, documentId="viewer-2")) == "PERSISTED_QUERY_NOT_FOUND"
        assert code(await post(gateway, query="{ not graphql")) == "QUERY_NOT_IN_SAFELIST"
        assert code(await post(gateway, query=OTHER, extensions=persisted(OTHER))) == "QUERY_NOT_IN_SAFELIST"
        assert code(await post(gateway, extensions=persisted(OTHER))) == "PERSISTED_QUERY_NOT_FOUND"
        assert code(await post(gateway, query=SPELLINGS[1], documentId=digest(VIEWER + "  "))) == "BAD_USER_INPUT"
        answer = await gateway.client.get("/graphql", params={"query": OTHER})
        assert code(answer.json()) == "QUERY_NOT_IN_SAFELIST"
        assert (await gateway.client.get("/graphql", params={"documentId": "retry-1"})).status_code == 405


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(('{ a(b: "x y") }', '{ a(b: "x  y") }'), ('{ a(b: """x y""") }', '{ a(b: """x  y""") }')),
        *(('{ a(b: "#") c }', '{ a(b: "# c") }'), ("{ a(b: [1, 2]) }", "{ a(b: [12]) }"), ("{ ab }", "{ a b }")),
        *(("{ ...a }", "{ a }"), ("{ a # b\n }", "{ a b }"), ('{ a(b: "\\" c") }', '{ a(b: "\\" \tc") }')),
        ('{ a(b: """\\""" c""") }', '{ a(b: """\\""" \tc""") }'),
    ],
)
def test_different_tokens_are_a_different_document(one, other):
    trusted = TrustedDocuments({"1": one}, required=True)
    assert trusted.find(one + "\n") == one
    assert trusted.find(other) is None


STRINGS = st.text('"\\\n #,a', max_size=20)


@given(STRINGS, STRINGS)
def test_string_contents_are_compared(one, other):
    document = '{{ a(b: {0}, c: """\n{1}\n""") }}'
    listed, another = (document.format(print_string(text), text.replace('"', "'")) for text in (one, other))
    trusted = TrustedDocuments({"1": listed}, required=True)
    assert trusted.find(listed.replace("a(b:", "a\n(\tb :")) == listed
    assert trusted.find(another) == (listed if listed == another else None)


async def test_report_mode_logs_unlisted_document_once(serve, listed):
    with capture_logs() as logs:
        async with serve(listed("report")) as gateway:
            for body in ({"query": VIEWER}, {"documentId": "viewer-1"}, {"query": SPELLINGS[1]}):
                assert (await post(gateway, **body))["data"]
            for _ in range(3):
                assert (await post(gateway, query=OTHER, extensions=persisted(OTHER)))["data"]
            assert (await post(gateway, extensions=persisted(OTHER)))["data"]
    assert [entry for entry in logs if entry["event"] == "untrusted document"] == [
        {"event": "untrusted document", "log_level": "warning", "sha256": digest(OTHER)}
    ]


async def test_off_mode_does_not_read_the_list(serve, listed, tmp_path):
    settings = listed("off")
    (tmp_path / "manifest.json").unlink()
    async with serve(settings) as gateway:
        assert (await post(gateway, query=OTHER))["data"]
        assert code(await post(gateway, documentId="viewer-1")) == "PERSISTED_QUERY_NOT_FOUND"


async def test_invalid_listed_document_is_reported_at_start(serve, listed):
    with capture_logs() as logs:
        async with serve(listed(manifest={"old": "{ gone }", "viewer-1": VIEWER})) as gateway:
            [entry] = [entry for entry in logs if entry["event"] == "trusted document invalid"]
            assert entry["id"] == "old"
            assert (await post(gateway, documentId="viewer-1"))["data"]
            assert code(await post(gateway, documentId="old")) == "GRAPHQL_VALIDATION_FAILED"


NO_LISTS = [
    *(None, "", "{", "[]", "7", "{}", '{"a": 7}', "[" * 100_000),
    '{"format": "other", "version": 1, "operations": []}',
    *(json.dumps(APOLLO | {"version": 2, "operations": []}), json.dumps(APOLLO | {"operations": []})),
    json.dumps(APOLLO | {"operations": [{"id": "a"}]}),
    json.dumps(APOLLO | {"operations": [{"id": "a", "body": VIEWER}, {"id": "a", "body": OTHER}]}),
]
UNUSABLE = [
    *(
        ({"one.json": text} if text is not None else {}, "one.json", "", "^GATEWAY_TRUSTED_DOCUMENTS: ")
        for text in NO_LISTS
    ),
    *(({}, "", mode, f"needed with GATEWAY_TRUSTED_DOCUMENTS_MODE={mode}") for mode in ("report", "require")),
    (
        {"one.json": json.dumps(RELAY), "two.json": json.dumps({"viewer-1": OTHER})},
        "one.json,two.json",
        "",
        "two documents have the id viewer-1",
    ),
    ({}, ".", "", r"^GATEWAY_TRUSTED_DOCUMENTS: \S+ has no file"),
]


@pytest.mark.parametrize(("files", "named", "mode", "reason"), UNUSABLE, ids=lambda value: str(value)[:60])
async def test_unusable_list_fails_the_start(serve, tmp_path, files, named, mode, reason):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    paths = ",".join(str(tmp_path / name) for name in named.split(",")) if named else ""
    settings = {"GATEWAY_TRUSTED_DOCUMENTS": paths, "GATEWAY_TRUSTED_DOCUMENTS_MODE": mode}
    with pytest.raises(SettingsError, match=reason):
        async with serve(settings | {"GATEWAY_DATA_DIR": str(tmp_path)}):
            await asyncio.sleep(0)


@pytest.mark.parametrize("named", ["folder", "files"])
async def test_list_may_be_of_several_manifests(serve, tmp_path, named):
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "one.json").write_text(json.dumps(RELAY))
    (folder / "two.json").write_text(json.dumps({"other-1": OTHER, "viewer-1": VIEWER}))
    (folder / "README.md").write_text("no manifest")
    setting = str(folder) if named == "folder" else f"{folder / 'one.json'}, {folder / 'two.json'}"
    async with serve({"GATEWAY_DATA_DIR": str(tmp_path), "GATEWAY_TRUSTED_DOCUMENTS": setting}) as gateway:
        for id_ in ("viewer-1", "other-1"):
            assert (await post(gateway, documentId=id_))["data"]
