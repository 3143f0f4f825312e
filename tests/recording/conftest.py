"""Recordings of a sandbox."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.commands import record
from gateway.normalise.profile import NO_PROFILE, use_profile
from gateway.recording.folder import Exchange, body_fields, read_folder
from gateway.recording.recorder import Recorder
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.sandbox.world import World
from gateway.settings import load_settings

KEY = b"a key of the tests, 32 bytes....".ljust(32)
COMMUNITIES = ("10002", "00001", "00002", "10003", "00003")


class Recorded(NamedTuple):
    """`original` are the exchanges as they were."""

    folder: Path
    exchanges: list[Exchange]
    original: list[Exchange]
    world: World
    settings: dict[str, str]


@pytest.fixture(autouse=True)
def own_words() -> Iterator[None]:
    """A profile is the process's own: the next test has none."""
    yield
    use_profile(NO_PROFILE)


def as_sent(platform: Any, endpoint: Any, form: Any, answer: Any) -> Exchange:
    return Exchange(
        platform=platform,
        endpoint=endpoint.name,
        method=endpoint.method,
        path=endpoint.path,
        form=dict(part.split("=", 1) for part in form.decode().split("&") if part),
        status=answer.head.status,
        headers={name.decode(): value.decode() for name, value in answer.head.headers if name == b"content-type"},
        **body_fields(answer.body),
    )


@pytest.fixture
def recorded(tmp_path, monkeypatch) -> Any:
    """`await recorded(dialect=…)`: all of a sandbox, which is stopped by then."""
    original: list[Exchange] = []

    class Spy(Recorder):
        def __call__(self, *call: Any) -> None:
            original.append(as_sent(*call))
            super().__call__(*call)

    monkeypatch.setattr(record, "Recorder", Spy)

    async def record_sandbox(
        communities: tuple[str, ...] = COMMUNITIES,
        pages: int = 9,
        faults: Any = (),
        profile: str = "",
        **options: Any,
    ) -> Recorded:
        key = tmp_path / "key"
        key.write_bytes(KEY)
        key.chmod(0o600)
        folder = tmp_path / "folder"
        async with Sandbox(SandboxOptions(**options)) as sandbox:
            for fault in faults:
                sandbox.faults.set(*fault)
            environ = sandbox.settings() | {
                "GATEWAY_DATA_DIR": str(tmp_path / "data"),
                "GATEWAY_PROFILE": profile,
            }
            what = record.RecordOptions(folder, communities, pages, 0, key)
            assert await record.record(load_settings(environ), what) == 0
            return Recorded(folder, [*read_folder(folder)], original, sandbox.world, environ)

    return record_sandbox
