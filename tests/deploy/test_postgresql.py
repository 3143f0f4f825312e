"""`deploy/postgresql/gateway.sql`: a role that owns its database, and can do nothing else."""

from uuid import uuid4

import asyncpg
import pytest
from deployed import DEPLOY
from programs import run
from throw_away import SERVER, on_server

from gateway.journal.journal import open_journal
from gateway.settings import Settings

pytestmark = pytest.mark.postgres

SCRIPT = DEPLOY / "postgresql" / "gateway.sql"


def url_of(role: str, database: str) -> str:
    base, _, query = SERVER.partition("?")
    scheme, _, host = base.rpartition("/")[0].partition("//")
    return f"{scheme}//{role}@{host.rpartition('@')[2]}/{database}" + (f"?{query}" if query else "")


@pytest.fixture
async def roles(postgres_server):
    """Names of a role that may make roles and databases, as clouds have it, of the gateway's, and of another one."""
    admin, name, other = (f"gateway_test_{uuid4().hex[:12]}" for _ in range(3))
    await on_server(f"CREATE ROLE {admin} LOGIN CREATEROLE CREATEDB")
    await on_server(f"CREATE ROLE {other} LOGIN")
    yield admin, name, other
    await on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    for role in (name, other, admin):
        await on_server(f"DROP ROLE IF EXISTS {role}")


async def test_role_owns_its_database_and_nothing_else(find_tool, roles):
    admin, name, other = roles
    run(find_tool("psql"), "--dbname", url_of(admin, "postgres"), "--set", f"name={name}", "--file", SCRIPT)

    own = url_of(name, name)
    async with open_journal(Settings(database_url=own)):
        pass
    for statement in (f"CREATE DATABASE {other}", f"CREATE ROLE {name}_2", "COPY (SELECT 1) TO PROGRAM 'true'"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await on_server(statement, own)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await on_server("SELECT 1", url_of(other, name))
