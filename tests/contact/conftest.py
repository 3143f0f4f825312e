"""The deep check over a sandbox."""

from typing import Any

import pytest

from gateway.contact.deep import DeepOptions, make_survey
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import load_settings

COMMUNITIES = ("10002", "00001", "00002", "10003")


@pytest.fixture
def surveyed() -> Any:
    """`survey, sandbox = await surveyed(dialect=…)`: the sandbox is stopped by then."""

    async def survey(communities: tuple[str, ...] = COMMUNITIES, **options: Any) -> Any:
        async with Sandbox(SandboxOptions(**options)) as sandbox:
            settings = load_settings(sandbox.settings())
            return await make_survey(settings, DeepOptions(communities, pause=0)), sandbox

    return survey
