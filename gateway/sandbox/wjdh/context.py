"""What wjdh's endpoints share: the state, the envelope, and who may ask for what."""

from collections.abc import Callable
from datetime import datetime

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.dialects.envelope import Envelope
from gateway.sandbox.effects import Effects
from gateway.sandbox.endpoint import Form, RefusedError
from gateway.sandbox.model import CHINA, Community
from gateway.sandbox.world import World

SERVER_ERROR = "服务器开小差，请重试"
"""The message of wjdh for a request that can never succeed (quirk 28)."""

NOT_AUTHORISED = "您没有权限管理该小区，请核对授权信息"


class WjdhContext:
    """The state and manners of wjdh, handed to each of its endpoints."""

    def __init__(self, world: World, effects: Effects, dialect: Dialect, clock: Callable[[], float]) -> None:
        self.world = world
        self.effects = effects
        self.dialect = dialect
        self.envelope = Envelope(dialect)
        self._clock = clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), CHINA)

    def community(self, form: Form, field: str) -> Community:
        """The community the form names. Raises RefusedError for none, or one of another manager (1.2.2.4)."""
        community = self.world.communities.get(form.get(field, ""))
        if community is None:
            raise RefusedError(1, SERVER_ERROR, f"没有根据{field}查找到小区，请核实社区的唯一标识是否有误")
        check_authorised(community, "Se104")
        return community


def check_authorised(community: Community, message_code: str) -> None:
    """Raises RefusedError for another manager's community; the message's code differs by endpoint (quirk 27)."""
    if not community.authorised:
        message = f"该小区没有授权给该安防平台管理员权限，请联系万家灯火平台管理员（message编码{message_code}）"
        raise RefusedError(1, NOT_AUTHORISED, message)


def number_in(form: Form, field: str) -> int | None:
    """A number of the form; empty is absent, as in Laravel (quirk 151), and so is what is no number."""
    text = form.get(field, "")
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 19 else None


def switch_in(form: Form, field: str) -> bool | None:
    """A boolean of the form: 0 or 1 and nothing else (quirk 62)."""
    return {"0": False, "1": True}.get(form.get(field, ""))


def page_in(form: Form, default: int) -> tuple[int, int]:
    """The page asked for, and how many rows it shall have."""
    return max(1, number_in(form, "page") or 1), max(0, number_in(form, "per_page") or 0) or default
