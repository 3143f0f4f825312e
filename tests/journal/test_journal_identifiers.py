from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from gateway.journal.identifiers import new_id

NOW = datetime(2026, 11, 24, 8, 0, 0, 123_000, tzinfo=UTC)


def test_an_identifier_is_a_uuid_of_version_7_that_begins_with_its_time() -> None:
    identifier = UUID(new_id(NOW))

    assert (identifier.version, identifier.variant) == (7, RFC_4122)
    assert identifier.int >> 80 == int(NOW.timestamp() * 1000)


def test_identifiers_differ_and_sort_by_time() -> None:
    identifiers = [new_id(NOW + timedelta(milliseconds=n)) for n in range(100)]

    assert identifiers == sorted(identifiers)
    assert len({new_id(NOW) for _ in range(1000)}) == 1000
