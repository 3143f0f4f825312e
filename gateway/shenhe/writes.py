"""Deciding reviews (document 1.2.4), with corrections merged into what was submitted (preface 审核数据)."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, ClassVar

import msgspec

from gateway.actions.action import AskedT, Done, RowUpdate, Write, WriteRefusal, masked, unrecognized, user_error
from gateway.auth.principal import Scope
from gateway.errors import PlatformError
from gateway.events import ReadsDropped
from gateway.journal.records import Operation, UserError
from gateway.normalise.records import Field, declared_fields, public_name
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.normalise.times import CHINA
from gateway.normalise.values import IDENTIFIER, is_invisible
from gateway.normalise.vocabulary import UserErrorCode, WireEnum
from gateway.normalise.wire import NO_PROFILE, Profile
from gateway.platforms.endpoint import Effect, Endpoint
from gateway.platforms.wjdh import WJDH, Form
from gateway.shenhe.record import SHENHES, Shenhe, ShenheHouse, ShenhePeople, ShenheQuery, ShenheStatus
from gateway.wording.inputs import InputWording, WriteWording
from gateway.wording.wording import Problem, Violation

SHENHE_UPDATE = Endpoint(WJDH, "shenhe/update", "PUT", "wjdh/shenhe", Effect.WRITE)


Corrections = Mapping[str, Mapping[str, object]]
"""What a reviewer corrects: "people" and "house", each by the attribute names of the record."""


_UNREADABLE = user_error(UserErrorCode.NOT_SUPPORTED, WriteWording.CONTENT_UNREADABLE(), "content")


def correctable(record: type) -> dict[str, Field]:
    """The fields of a record that a reviewer may correct, by attribute."""
    return {name: declared for name, declared in declared_fields(record).items() if declared.correction}


_CORRECTED = {"people": ShenhePeople, "house": ShenheHouse}


def correction_problem(part: str, attribute: str, value: object, today: date) -> Problem | None:
    """What is wrong with a correction that cannot be right (`gateway.normalise.values`). `today` is China's."""
    correction = declared_fields(_CORRECTED[part])[attribute].correction
    judged = (value, today) if isinstance(value, date) else (value,)
    return None if correction is None else correction.problem(*judged)


def render_shenhe_content(original_raw: str | None, corrections: Corrections, profile: Profile = NO_PROFILE) -> str:
    """The complete content with the corrections merged in, as the JSON text to send (quirk 116).

    `original_raw` is a record's `content.raw`; a correction that is None keeps what was submitted. A correction is
    written in the dialect of the value it replaces; all else stays as it was, unknown keys and old numbers included.

    Raises WriteRefusal where there is no document to correct, or a correction cannot be sent; ValueError for an
    UNRECOGNIZED word.
    """
    try:
        document = read_json(original_raw or "")
    except NotJsonError:
        document = None
    if not isinstance(document, dict):  # such as the document's own placeholder, 见前言 (quirk 115)
        raise WriteRefusal(_UNREADABLE)
    for part, record in _CORRECTED.items():
        for attribute, value in (corrections.get(part) or {}).items():
            if value is not None:
                field = declared_fields(record)[attribute]
                _correct(document, part, field, field.keys + profile.more_keys(record, field), value)
    return msgspec.json.encode(document).decode()


def _correct(document: dict[str, Any], part: str, field: Field, keys: tuple[str, ...], value: object) -> None:
    correction, kind = field.correction, field.kind
    if correction is None or kind is None or kind.write is None:
        raise TypeError(f"{field.description} is not declared as correctable")
    name = correction.section or part
    if document.get(name) in (None, []):
        document[name] = {}
    section = document[name]
    if not isinstance(section, dict):
        raise WriteRefusal(_UNREADABLE)
    first, *others = sorted(keys, key=lambda key: key not in section)  # as it was submitted, if it was
    if kind is IDENTIFIER and "*" in str(value):  # no name and no number has one: the value was masked for its reader
        raise WriteRefusal(_UNREADABLE)
    section[first] = kind.write(value, section.get(first))
    for key in others:  # the same thing under another key (quirk 72)
        if key in section:
            section[key] = section[first]


SEARCHED_PAGES = 20
SEARCHED_PER_PAGE = 50
LONGEST_REASON = 500


class _Decision(RowUpdate[AskedT, Shenhe], is_base=True):
    """A review is decided only while it is pending."""

    scope = Scope.SHENHE_REVIEW
    endpoint = SHENHE_UPDATE
    records = SHENHES
    status: ClassVar[ShenheStatus]

    async def form(self, review: Shenhe, _asked: AskedT) -> Form:
        if review.status is ShenheStatus.UNRECOGNIZED:
            raise WriteRefusal(user_error(UserErrorCode.NOT_SUPPORTED, WriteWording.STATUS_UNREADABLE(), "id"))
        if review.status is not ShenheStatus.PENDING:
            raise WriteRefusal(_already(review))
        return {"status": self.status.wire_code}

    def expected(self, review: Shenhe, _asked: AskedT) -> dict[str, Any]:
        return {"before": [review.status.value], "after": [self.status.value]}

    def read_otherwise(self, review: Shenhe) -> Done:
        return Done(errors=(_already(review),))


class ApproveShenhe(_Decision[Corrections | None]):
    """Approve, with the corrections merged into what was submitted."""

    mutation = "approveShenhe"
    community_field = ("content", "house", "communityCode")
    status = ShenheStatus.APPROVED

    def wrong(self, corrections: Corrections | None) -> Iterator[Violation]:
        for part, values in (corrections or {}).items():
            for name, value in values.items():
                if isinstance(value, WireEnum):
                    yield from unrecognized(value, "content", part, public_name(name))

    def violations(self, corrections: Corrections | None) -> Iterator[Violation]:
        """The corrections that are masked, or cannot be right."""
        today = self.services.clock().astimezone(CHINA).date()
        for part, values in (corrections or {}).items():
            for attribute, value in values.items():
                name = public_name(attribute)
                masks = tuple(masked(value, "content", part, name))
                yield from masks
                if not masks and (problem := correction_problem(part, attribute, value, today)):
                    yield Violation(("content", part, name), problem(field=name))

    def community_code(self, corrections: Corrections | None) -> str | None:
        """Where the house is corrected to be: nobody is moved into that of a community that is not the reviewer's."""
        code = (corrections or {}).get("house", {}).get("community_code")
        return None if code is None else str(code)

    async def form(self, review: Shenhe, corrections: Corrections | None) -> Form:
        """With the complete content, corrected. Raises WriteRefusal also when what was submitted cannot be read."""
        form = await super().form(review, corrections)
        if not corrections:
            return form
        submitted = review if _is_readable(review) else await self._listed(review)
        if submitted is None or submitted.content is None or not _is_readable(submitted):
            raise WriteRefusal(_UNREADABLE)
        return form | {"content": render_shenhe_content(submitted.content.raw, corrections, self.wjdh.wire.profile)}

    def expected(self, pending: Shenhe, corrections: Corrections | None) -> dict[str, Any]:
        return super().expected(pending, corrections) | {"moved_to": self.community_code(corrections)}

    def drop_reads(self, operation: Operation) -> None:
        super().drop_reads(operation)
        if moved_to := (operation.expected or {}).get("moved_to"):
            self.services.events.publish(ReadsDropped(moved_to, ("owner",)))

    async def _listed(self, pending: Shenhe) -> Shenhe | None:
        """The same review from the list, where its content stands in full (quirk 115)."""
        if pending.community_code is None:
            return None
        for number in range(1, SEARCHED_PAGES + 1):
            query = ShenheQuery(status=ShenheStatus.PENDING)
            page = await SHENHES.read_page(self.wjdh, pending.community_code, query, number, SEARCHED_PER_PAGE)
            found = next((review for review in page.items if review.platform_id == pending.platform_id), None)
            if found is not None or number >= (page.last_page or 1):
                return found
        return None


class RejectShenhe(_Decision[str | None]):
    """Reject. The document has no parameter for a reason (quirk 145): the operation keeps it in any case."""

    mutation = "rejectShenhe"
    status = ShenheStatus.REJECTED

    def wrong(self, reason: str | None) -> Iterator[Violation]:
        if reason is not None and (is_invisible(reason) or len(reason) > LONGEST_REASON):
            yield Violation(("reason",), InputWording.LENGTH(field="reason", min=1, max=LONGEST_REASON))

    def violations(self, reason: str | None) -> Iterator[Violation]:
        return masked(reason, "reason")

    def reason(self, reason: str | None) -> str | None:
        return reason

    async def form(self, review: Shenhe, reason: str | None) -> Form:
        """The reason goes under a key that the document does not list."""
        form = await super().form(review, reason)
        return form | {"shenhe_refuse_reason": reason} if reason and self.platforms.profile.refuse_reasons else form

    async def send(self, write: Write[str | None], form: Mapping[str, Any]) -> Done:
        """Whether the platform kept the reason is left open when it cannot be read back: what it echoes proves nothing
        (quirk 18).
        """
        await super().send(write, form)
        try:
            now = None if write.asked is None else await self.read(write.record)
        except PlatformError:
            now = None
        return Done(answer=_reason_recorded(now, write.asked))

    def done(self, review: Shenhe, operation: Operation) -> Done:
        return Done(answer=_reason_recorded(review, operation.reason))


def _is_readable(review: Shenhe) -> bool:
    """Whether the content is more than the placeholder that single fetches have at times (quirk 115)."""
    return review.content is not None and (review.content.people is not None or review.content.house is not None)


def _already(review: Shenhe) -> UserError:
    return user_error(UserErrorCode.ALREADY_REVIEWED, WriteWording.NOT_PENDING(status=review.status), "id")


def _reason_recorded(review: Shenhe | None, reason: str | None) -> dict[str, bool] | None:
    if review is None or reason is None:
        return None
    return {"reasonRecorded": review.rejection_reason == reason}
