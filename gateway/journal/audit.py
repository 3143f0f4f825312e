"""The audit trail: who revealed or decided what. Only ever added to, and written in batches."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import insert, select

from gateway.errors import JournalError
from gateway.journal.database import Database
from gateway.journal.identifiers import new_id
from gateway.journal.records import AuditEntry, RecordRef, Slice
from gateway.journal.rows import read_slice, record_columns
from gateway.journal.tables import audit

DELAY = 0.2
"""Seconds an entry waits for company before it is written: what a crash can lose."""
RETRY_DELAY = 5.0
LARGEST_BATCH = 500
LARGEST_BACKLOG = 10_000

_log = structlog.get_logger(__name__)
