from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from gateway.journal.records import first_id, new_id

NOW = datetime(2026, 11, 24, 8, 0, 0, 123_000, tzinfo=UTC)


def test_identifiers_are_uuids_of_version_7_in_order() -> None:
    identifiers = [new_id(NOW + timedelta(milliseconds=n)) for n in range(100)]
    first = UUID(identifiers[0])

    assert (first.version, first.variant, first.int >> 80) == (7, RFC_4122, int(NOW.timestamp() * 1000))
    assert identifiers == sorted(identifiers)
    assert len({new_id(NOW) for _ in range(1000)}) == 1000
    assert new_id(NOW - timedelta(milliseconds=1)) < first_id(NOW) < new_id(NOW)
    assert first_id(NOW - timedelta(days=36_500)) == first_id(datetime(1970, 1, 1, tzinfo=UTC)) < new_id(NOW)
