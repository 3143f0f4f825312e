"""All tables of the journal."""

from alembic import op

from gateway.journal.tables import metadata, sqlite_metadata

revision = "0001"
down_revision = None

_TRIGGERS = (
    """CREATE TRIGGER audit_added AFTER INSERT ON audit BEGIN
        INSERT OR IGNORE INTO audit_records SELECT value, new.id FROM json_each(new.record_ids);
    END""",
    """CREATE TRIGGER audit_forgotten AFTER DELETE ON audit BEGIN
        DELETE FROM audit_records
        WHERE entry_id = old.id AND record_id IN (SELECT value FROM json_each(old.record_ids));
    END""",
)
"""They keep `audit_records`, for SQLite has no index on each part of a value."""


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection, checkfirst=False)
    if connection.dialect.name == "sqlite":
        sqlite_metadata.create_all(connection, checkfirst=False)
        for statement in _TRIGGERS:
            op.execute(statement)
