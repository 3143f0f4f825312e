from pathlib import Path

import pytest
from graphql import OperationType

from gateway.execution.documents import Documents
from gateway.execution.limits import Limits
from gateway.http.explorer import EXAMPLES
from gateway.settings import Settings
from schema.build import executable_schema

SETTINGS = Settings()
DOCUMENTS = Documents(
    executable_schema(),
    Limits(
        tokens=SETTINGS.max_tokens,
        depth=SETTINGS.max_depth,
        aliases=SETTINGS.max_aliases,
        root_fields=SETTINGS.max_root_fields,
        directives=SETTINGS.max_directives,
    ),
    size=16,
)


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_every_example_is_a_valid_named_query_within_the_limits(path: Path) -> None:
    operation = DOCUMENTS.prepare(path.read_text(encoding="utf-8")).operation
    assert operation.operation is OperationType.QUERY
    assert operation.name is not None
