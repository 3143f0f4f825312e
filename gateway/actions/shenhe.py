"""Deciding registration reviews (document 1.2.4)."""

from collections.abc import Iterator

from gateway.actions.write import (
    Done,
    Found,
    MarkSent,
    ReadBack,
    RowRef,
    Write,
    WriteRefusal,
    Written,
    community_errors,
    invalid,
    masked,
    refuse_if_any,
    user_error,
)
from gateway.actions.writer import Writer
from gateway.auth.principal import Principal, Scope
from gateway.errors import PlatformError
from gateway.events import EventBus, ReadsDropped
from gateway.journal.journal import Clock
from gateway.journal.records import Operation, UserError
from gateway.normalise.corrections import ContentError, Corrections, correction_problems, render_shenhe_content
from gateway.normalise.field import public_name
from gateway.normalise.shenhe import Shenhe, ShenheQuery
from gateway.normalise.states import UserErrorCode
from gateway.normalise.times import CHINA
from gateway.normalise.vocabulary import ShenheStatus
from gateway.platforms.wjdh import Wjdh
from gateway.wording.wording import Violation
from gateway.wording.writes import WriteWording

SEARCHED_PAGES = 20
SEARCHED_PER_PAGE = 50


class ShenheActions:
    """Approve and reject. A review is decided only while it is pending, so it is read first."""

    def __init__(self, writer: Writer, wjdh: Wjdh, events: EventBus, clock: Clock, *, sends_reason: bool) -> None:
        self._writer = writer
        self._wjdh = wjdh
        self._events = events
        self._clock = clock
        self._sends_reason = sends_reason

    async def approve(
        self, principal: Principal, review: RowRef, corrections: Corrections | None, key: str | None
    ) -> Written:
        """Approve, with the corrections merged into what was submitted. Raises GatewayError for faults."""
        return await self._writer.carry_out(principal, self.make_approval(principal, review, corrections, key))

    async def reject(self, principal: Principal, review: RowRef, reason: str | None, key: str | None) -> Written:
        """Reject. The document has no parameter for a reason (quirk 145): the operation keeps it in any case."""
        return await self._writer.carry_out(principal, self.make_rejection(principal, review, reason, key))

    def make_approval(
        self, principal: Principal, review: RowRef, corrections: Corrections | None, key: str | None
    ) -> Write:
        principal.require(Scope.SHENHE_REVIEW)

        async def perform(mark_sent: MarkSent) -> Done:
            refuse_if_any(self.errors(principal, corrections))
            pending = await self._pending(review)
            content = await self._corrected(pending, corrections) if corrections else None
            await mark_sent()
            await self._wjdh.decide_shenhe(review.platform_id, ShenheStatus.APPROVED, content=content)
            return Done()

        return Write(
            mutation="approveShenhe",
            arguments=[review.platform_id, corrections],
            community_code=review.community_code,
            idempotency_key=key,
            record=review.record(),
            expected={"status": ShenheStatus.APPROVED, "moved_to": _moved_to(corrections)},
            perform=perform,
            read_back=self.read_back,
            on_change=self.on_change,
        )

    def make_rejection(self, principal: Principal, review: RowRef, reason: str | None, key: str | None) -> Write:
        principal.require(Scope.SHENHE_REVIEW)

        async def perform(mark_sent: MarkSent) -> Done:
            refuse_if_any(invalid(masked(reason, "reason")))
            await self._pending(review)
            await mark_sent()
            await self._wjdh.decide_shenhe(
                review.platform_id, ShenheStatus.REJECTED, reason=reason if self._sends_reason else None
            )
            return await self._rejected(review, reason)

        return Write(
            mutation="rejectShenhe",
            arguments=[review.platform_id, reason],
            community_code=review.community_code,
            idempotency_key=key,
            reason=reason,
            record=review.record(),
            expected={"status": ShenheStatus.REJECTED},
            perform=perform,
            read_back=self.read_back,
            on_change=self.on_change,
        )

    async def read_back(self, operation: Operation) -> ReadBack:
        """Whether the decision of an operation took place, by the review's status now."""
        review = RowRef.of(operation)
        now = await self._wjdh.shenhe(review.platform_id, review.community_code)
        wanted = (operation.expected or {}).get("status")
        if now is None or now.status is ShenheStatus.UNRECOGNIZED:
            return ReadBack(Found.UNCLEAR)
        if now.status is ShenheStatus.PENDING:
            return ReadBack(Found.NOT_APPLIED)
        if now.status.value != wanted:
            return ReadBack(Found.NOT_APPLIED, errors=(_already(now),))
        return ReadBack(Found.APPLIED, Done(answer=_reason_recorded(now, operation.reason)))

    def errors(self, principal: Principal, corrections: Corrections | None) -> Iterator[UserError]:
        """Why these corrections are refused, whatever the review is."""
        moved = tuple(_moved_errors(corrections, principal))
        yield from moved
        fields = [error.field for error in moved]
        yield from (error for error in invalid(self.violations(corrections)) if error.field not in fields)

    def violations(self, corrections: Corrections | None) -> Iterator[Violation]:
        """The corrections that are masked, or cannot be right."""
        today = self._clock().astimezone(CHINA).date()
        corrections = corrections or {}
        problems = {(part, name): problem for part, name, problem in correction_problems(corrections, today)}
        for part, values in corrections.items():
            for attribute, value in values.items():
                name, problem = public_name(attribute), problems.get((part, attribute))
                masks = tuple(masked(value, "content", part, name))
                yield from masks
                if problem is not None and not masks:
                    yield Violation(("content", part, name), problem(field=name))

    async def _pending(self, review: RowRef) -> Shenhe:
        """The review as it is now. Raises WriteRefusal unless it waits for a decision."""
        now = await self._wjdh.shenhe(review.platform_id, review.community_code)
        if now is None:
            raise WriteRefusal(user_error(UserErrorCode.NOT_FOUND, WriteWording.NO_SUCH(record="review"), "id"))
        if now.status is ShenheStatus.UNRECOGNIZED:
            raise WriteRefusal(_UNKNOWN_STATUS)
        if now.status is not ShenheStatus.PENDING:
            raise WriteRefusal(_already(now))
        return now

    async def _corrected(self, pending: Shenhe, corrections: Corrections) -> str:
        """The complete content, corrected. Raises WriteRefusal when what was submitted cannot be read."""
        submitted = pending if _is_readable(pending) else await self._listed(pending)
        if submitted is None or submitted.content is None or not _is_readable(submitted):
            raise WriteRefusal(_UNREADABLE)
        try:
            return render_shenhe_content(submitted.content.raw, corrections, self._wjdh.wire.profile.keys)
        except ContentError:
            raise WriteRefusal(_UNREADABLE) from None

    async def _listed(self, pending: Shenhe) -> Shenhe | None:
        """The same review from the list, where its content stands in full (quirk 115)."""
        if pending.community_code is None:
            return None
        for number in range(1, SEARCHED_PAGES + 1):
            query = ShenheQuery(status=ShenheStatus.PENDING)
            page = await self._wjdh.shenhes(pending.community_code, query, number, SEARCHED_PER_PAGE)
            for review in page.items:
                if review.platform_id == pending.platform_id:
                    return review
            if number >= (page.last_page or 1):
                return None
        return None

    async def _rejected(self, review: RowRef, reason: str | None) -> Done:
        """Whether the platform kept the reason; without an answer when it cannot be read back."""
        if reason is None:
            return Done()
        try:
            now = await self._wjdh.shenhe(review.platform_id, review.community_code)
        except PlatformError:
            return Done()
        return Done(answer=_reason_recorded(now, reason))

    def on_change(self, operation: Operation) -> None:
        """What was read before is out of date, who lives where included."""
        review = RowRef.of(operation)
        self._events.publish(ReadsDropped(review.community_code, ("shenheList", "shenhe", "people", "owner")))
        if moved_to := (operation.expected or {}).get("moved_to"):
            self._events.publish(ReadsDropped(moved_to, ("owner",)))


_UNREADABLE = user_error(UserErrorCode.NOT_SUPPORTED, WriteWording.CONTENT_UNREADABLE(), "content")

_UNKNOWN_STATUS = user_error(UserErrorCode.NOT_SUPPORTED, WriteWording.STATUS_UNREADABLE(), "id")


def _is_readable(review: Shenhe) -> bool:
    """Whether the content is more than the placeholder that single fetches have at times (quirk 115)."""
    return review.content is not None and (review.content.people is not None or review.content.house is not None)


def _already(review: Shenhe) -> UserError:
    return user_error(UserErrorCode.ALREADY_REVIEWED, WriteWording.NOT_PENDING(status=review.status), "id")


def _reason_recorded(review: Shenhe | None, reason: str | None) -> dict[str, bool] | None:
    if review is None or reason is None:
        return None
    return {"reasonRecorded": review.rejection_reason == reason}


def _moved_errors(corrections: Corrections | None, principal: Principal) -> Iterator[UserError]:
    """Nobody is moved into a house of a community that is not the reviewer's."""
    community_code = _moved_to(corrections)
    if community_code is not None:
        yield from community_errors(principal, community_code, "content", "house", "communityCode")


def _moved_to(corrections: Corrections | None) -> str | None:
    """The community that the house is corrected to be in."""
    community_code = (corrections or {}).get("house", {}).get("community_code")
    return None if community_code is None else str(community_code)
