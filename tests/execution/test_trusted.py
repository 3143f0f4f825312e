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
from gateway.settings import SettingsError, load_settings

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


def digest(text):
    return sha256(text.encode()).hexdigest()


@pytest.fixture(params=[APOLLO, RELAY], ids=["Apollo", "Relay"])
def manifest(request):
    return request.param


@pytest.fixture
def listed(environ, manifest, tmp_path):
    """The settings with the list, and the mode given."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))

    def of(mode=""):
        return environ | {"GATEWAY_TRUSTED_DOCUMENTS": str(path), "GATEWAY_TRUSTED_DOCUMENTS_MODE": mode}

    return of


async def post(gateway, **body):
    answer = await gateway.client.post("/graphql", json=body)
    return answer.json()


def code(answer):
    [error] = answer["errors"]
    assert "data" not in answer
    return error["extensions"]["code"]


async def test_listed_document_runs_by_any_of_its_names(serve, listed):
    async with serve(listed()) as gateway:
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
        answer = await gateway.client.get("/graphql", params={"query": OTHER})
        assert code(answer.json()) == "QUERY_NOT_IN_SAFELIST"


SPELLINGS = [
    VIEWER + "\n",
    "query Viewer{viewer{subject}}",
    "query Viewer {\r\n\tviewer {\n    subject, # who asks\n  }\n}",
    "\ufeff" + VIEWER,
]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_white_space_may_differ_from_the_list(serve, listed, spelling):
    async with serve(listed("require")) as gateway:
        for names in (
            {},
            {"documentId": "viewer-1"},
            {"extensions": persisted(spelling)},
        ):
            answer = await post(gateway, query=spelling, **names)
            assert answer["data"] == {"viewer": {"subject": "developer"}}
        by_hash = await post(gateway, documentId=digest(spelling))
        assert by_hash["data"] == {"viewer": {"subject": "developer"}}
        assert code(await post(gateway, query=spelling, documentId=digest(VIEWER + "  "))) == "BAD_USER_INPUT"


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


async def test_listed_mutation_is_not_run_by_get(serve, listed):
    async with serve(listed()) as gateway:
        assert (await gateway.client.get("/graphql", params={"documentId": "retry-1"})).status_code == 405


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
    (tmp_path / "manifest.json").unlink()
    async with serve(listed("off")) as gateway:
        assert (await post(gateway, query=OTHER))["data"]
        assert code(await post(gateway, documentId="viewer-1")) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("manifest", [{"old": "{ gone }", "viewer-1": VIEWER}], ids=[""])
async def test_invalid_listed_document_is_reported_at_start(serve, listed):
    with capture_logs() as logs:
        async with serve(listed()) as gateway:
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
async def test_unusable_list_fails_the_start(serve, environ, tmp_path, files, named, mode, reason):
    folder = tmp_path / "lists"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    paths = ",".join(str(folder / name) for name in named.split(",")) if named else ""
    settings = {"GATEWAY_TRUSTED_DOCUMENTS": paths, "GATEWAY_TRUSTED_DOCUMENTS_MODE": mode}
    with pytest.raises(SettingsError, match=reason):
        async with serve(environ | settings):
            await asyncio.sleep(0)


def test_unknown_mode_is_refused():
    with pytest.raises(SettingsError, match=r"^GATEWAY_TRUSTED_DOCUMENTS_MODE: "):
        load_settings({"GATEWAY_TRUSTED_DOCUMENTS_MODE": "on"})


@pytest.mark.parametrize("named", ["folder", "files"])
async def test_list_may_be_of_several_manifests(serve, environ, tmp_path, named):
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "one.json").write_text(json.dumps(RELAY))
    (folder / "two.json").write_text(json.dumps({"other-1": OTHER, "viewer-1": VIEWER}))
    (folder / "README.md").write_text("no manifest")
    setting = str(folder) if named == "folder" else f"{folder / 'one.json'}, {folder / 'two.json'}"
    async with serve(environ | {"GATEWAY_TRUSTED_DOCUMENTS": setting}) as gateway:
        for id_ in ("viewer-1", "other-1"):
            assert (await post(gateway, documentId=id_))["data"]
