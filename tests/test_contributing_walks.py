"""The worked walks of CONTRIBUTING.md fit the code: applied to a copy of it, they give the schema they promise."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from pages import ROOT, read_text
from programs import run

pytestmark = pytest.mark.slow

GUIDE = read_text(ROOT / "CONTRIBUTING.md")

DIFF = re.compile(r"^```diff\n\+\+\+ (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEW_FILE = re.compile(r"^```python\n# new: (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def apply(heading: str, tree: Path) -> tuple[set[str], int]:
    """Carry out the chapter in a copy of the code. The files that it touches, and how many lines it adds."""
    chapter = GUIDE.split(f"## {heading}\n")[1].split("\n## ")[0]
    files, added = set(), 0
    for name, text in NEW_FILE.findall(chapter):
        assert not (tree / name).exists()
        (tree / name).write_text(text, encoding="utf-8")
        files.add(name)
        added += text.count("\n")
    for name, hunks in DIFF.findall(chapter):
        text = (tree / name).read_text(encoding="utf-8")
        for hunk in hunks.split("@@\n")[1:]:
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] != "+")
            assert text.count(before) == 1, f"{name} has another text than\n{before}"
            text = text.replace(before, "".join(line[1:] for line in lines if line[0] != "-"))
            added += sum(line[0] == "+" for line in lines)
        (tree / name).write_text(text, encoding="utf-8")
        files.add(name)
    return files, added


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("gateway", "schema"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def python(tree: Path, *arguments: str) -> str:
    """What Python prints in this tree."""
    return run(sys.executable, *arguments, cwd=tree).stdout


def print_schema(tree: Path) -> str:
    """What the code of this tree prints as its schema; it has no undefined name."""
    run(Path(sys.executable).with_name("ruff"), "check", "--no-cache", "--quiet", "gateway", "schema", cwd=tree)
    return python(tree, "-m", "gateway", "schema")


def test_walk_of_a_field_fits_the_code(tree: Path) -> None:
    files, added = apply("Add a field that a platform starts to send", tree)
    assert len(files) == 1
    assert added <= 15
    assert re.search(r"^type Repair implements Node .*?^  urgency: RepairUrgency$", print_schema(tree), re.M | re.S)


DERIVED = """
import schema.build
from gateway.actions.identity import public_id
from gateway.auth.node_ids import NodeIds
from gateway.entities import WRITES
from gateway.journal.records import RecordRef
ids = NodeIds(b"key")
print(public_id(ids, RecordRef("Complaint", "10002", "7")) == ids.encode("Complaint", "10002", 7))
[action] = [action for action in WRITES if action.mutation == "answerComplaint"]
print(action.watched.topic, *sorted(action.stale))
"""
"""Whether `reveals` call a record by its own id; the event of the write, and the reads that it puts out of date."""


def test_walks_of_a_list_and_its_write_fit_the_code(tree: Path) -> None:
    files, _added = apply("Add a list endpoint", tree)
    assert len(files) <= 6
    schema = print_schema(tree)
    for parent, field in (
        *(("Query", "complaint"), ("Query", "complaints"), ("Community", "complaints")),
        *(("CommunitySummary", "openComplaints"), ("Subscription", "complaintEvents")),
    ):
        [fields] = re.findall(rf"^type {parent}\b.*?^}}", schema, re.M | re.S)
        assert re.search(rf"^  {field}\b", fields, re.M), f"{parent}.{field}"

    files, _added = apply("Add a write", tree)
    assert len(files) <= 6
    [mutations] = re.findall(r"^type Mutation\b.*?^}", print_schema(tree), re.M | re.S)
    assert re.findall(r"^  (answer\w+)\(", mutations, re.M) == ["answerComplaint", "answerComplaints"]
    assert python(tree, "-c", DERIVED) == "True\ncomplaint.changed complaint complaint/list\n"


PLAYED = """
import asyncio
from gateway.entities import ENDPOINTS, harmless_read
from gateway.platforms.parking import Parking
from gateway.platforms.platforms import make_platforms
from gateway.settings import load_settings

async def answer(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    allowed = b"\\r\\nAuthorization: Bearer sesame\\r\\n" in head and await reader.readexactly(1) == b"{"
    body = b'{"data": [{"plate": "A1"}, {"plate": ""}]}' if allowed else b"{}"
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (len(body), body))

async def ask():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    settings = {"GATEWAY_PARKING_URL": url, "GATEWAY_PARKING_TOKEN": "sesame"}
    client = make_platforms(load_settings(settings), ENDPOINTS).get(Parking)
    print(*[vehicle.plate for vehicle in await harmless_read(client, "vehicles")()])

asyncio.run(ask())
"""


def test_walk_of_a_platform_fits_the_code(tree: Path) -> None:
    files, _added = apply("Add a platform", tree)
    assert len(files) <= 10
    [house] = re.findall(r"^type House\b.*?^}", print_schema(tree), re.M | re.S)
    assert '  vehicles: [Vehicle!] @requiresScope(scopes: ["people:read"])' in house
    assert python(tree, "-c", PLAYED) == "A1\n"
