"""The folder of a recording: rotated, bounded, readable whatever happened to its writer."""

import asyncio
import os
import subprocess
import sys

import msgspec
import pytest

from gateway.recording.folder import Exchange, Folder, RecordingError, body_fields, get_files, read_folder
from gateway.recording.recorder import read_key
from gateway.settings import SettingsError

BODIES = [
    b'{"code":0,"data":[1.50,"\xe6\x9d\x8e"]}',
    b"null",
    b"",
    b"<html>",
    b'{\n"code": 0\n}',
    b"\xc0\xee\xc3\xf7",
    b'\xef\xbb\xbf{"code":0}',
]


def exchange(number: int, body: bytes = b'{"code":0}') -> Exchange:
    return Exchange(
        platform="WJDH",
        endpoint="modules",
        method="POST",
        path="/api/v1/wjdh/modules",
        form={"xiaoqu": str(number)},
        status=200,
        **body_fields(body),
    )


@pytest.mark.parametrize("body", BODIES)
def test_bodies_are_kept_byte_by_byte(tmp_path, body):
    folder = Folder(tmp_path, 1_000_000)
    folder.write(exchange(1, body))

    assert [each.body for each in read_folder(tmp_path)] == [body]


def test_full_files_are_rotated_and_the_oldest_removed(tmp_path):
    folder = Folder(tmp_path, 10_000, 2_000)
    for number in range(500):
        folder.write(exchange(number))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000

    assert folder.removed > 5
    kept = [int(each.form["xiaoqu"]) for each in read_folder(tmp_path)]
    assert kept == [*range(kept[0], 500)]
    assert len(kept) > 20
    assert all(path.stat().st_size <= 2_000 for path in get_files(tmp_path))


def test_exchange_that_is_larger_than_a_file_stays_within_the_bound(tmp_path):
    folder = Folder(tmp_path, 10_000, 2_000)
    folder.write(exchange(1))
    folder.write(exchange(2, b'{"data":"%b"}' % (b"x" * 20_000)))
    folder.write(exchange(3))

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000
    assert [each.form["xiaoqu"] for each in read_folder(tmp_path)] == ["1", "3"]
    assert folder.left_out == 1


def test_two_writers_have_files_of_their_own(tmp_path):
    one, other = Folder(tmp_path, 100_000), Folder(tmp_path, 100_000)
    for number in range(10):
        (one, other)[number % 2].write(exchange(number))

    assert len(get_files(tmp_path)) == 2
    assert len([*read_folder(tmp_path)]) == 10


def test_line_that_was_cut_is_left_out(tmp_path):
    folder = Folder(tmp_path, 100_000)
    for number in range(3):
        folder.write(exchange(number))
    [path] = get_files(tmp_path)
    whole = path.read_bytes()

    for length in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:length])
        assert len([*read_folder(tmp_path)]) == whole[:length].count(b"\n") - 1


@pytest.mark.parametrize(
    "content", [b"{}\n", b"x\n", b'{"recording":1}\nx\n', b'{"recording":1}\n{"a":"19900000001"}\n']
)
def test_other_files_are_refused_without_a_value(tmp_path, content):
    (tmp_path / "exchanges-00001.jsonl").write_bytes(content)

    with pytest.raises(RecordingError) as refused:
        [*read_folder(tmp_path)]
    assert "19900000001" not in str(refused.value)


def test_newer_format_is_refused(tmp_path):
    (tmp_path / "exchanges-00001.jsonl").write_bytes(b'{"recording":2}\n')

    with pytest.raises(RecordingError, match="of another format, 2"):
        [*read_folder(tmp_path)]


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="holds no recorded exchanges"):
        [*read_folder(tmp_path)]


def test_key_stays_out_of_the_folder(tmp_path):
    with pytest.raises(SettingsError, match="must not lie in the folder"):
        read_key(tmp_path / "inner" / "key", tmp_path)

    key = read_key(tmp_path / "key", tmp_path / "folder")
    assert len(key) == 32
    assert key == read_key(tmp_path / "key", tmp_path / "folder")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_short_key_is_refused(tmp_path):
    (tmp_path / "key").write_bytes(b"short")
    (tmp_path / "key").chmod(0o600)

    with pytest.raises(SettingsError, match="at least 32 bytes"):
        read_key(tmp_path / "key", tmp_path / "folder")


async def test_killed_recording_can_be_read(sandbox, tmp_path):
    environ = {**os.environ, **sandbox.settings(), "GATEWAY_DATA_DIR": str(tmp_path / "data")}
    folder = tmp_path / "folder"
    command = [sys.executable, "-m", "gateway", "record", str(folder), "--communities", "10002", "--pause", "0.005"]
    process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=subprocess.DEVNULL)
    async with asyncio.timeout(60):
        while not (folder.exists() and sum(_lines(folder)) > 20):  # noqa: ASYNC110 # another process writes it
            await asyncio.sleep(0.01)
    process.kill()
    await process.wait()

    written = [*read_folder(folder)]
    assert len(written) >= 20
    assert msgspec.json.decode(written[-1].body) is not None


def _lines(folder):
    return [path.read_bytes().count(b"\n") for path in get_files(folder)]
