"""The nine feature modules of each community, on wjdh and as the security platform holds their production state."""

from collections.abc import Sequence

from gateway.sandbox import words
from gateway.sandbox.model import Community, Module

ModuleStates = dict[str, dict[str, bool]]
"""Enabled or not, by community code and module name."""

_OFF = {
    "10002": ("云停车场",),
    "00001": ("访客通行",),
    "00002": ("云停车场", "生活缴费"),
}
_OFF_IN_PRODUCTION = {
    "00001": ("投诉建议", "访客通行"),  # the document's own example of a closed module (3.1.1)
    "00002": ("云停车场",),
}
_UNKNOWN_TO_SECURITY = ("10002",)
"""As in the document's example, which has 00001 to 00004 and lacks 10002 (quirk 167)."""


def modules(communities: Sequence[Community]) -> list[Module]:
    """wjdh's switches, numbered through."""
    pairs = ((community, name) for community in communities for name in words.MODULES)
    return [
        Module(number, community, name, enabled=name not in _OFF.get(community.code, ()))
        for number, (community, name) in enumerate(pairs, start=1)
    ]


def production_states(communities: Sequence[Community]) -> ModuleStates:
    """The security platform's view: all communities but one, for every caller, and not always in step with wjdh."""
    return {
        code: {name: name not in _OFF_IN_PRODUCTION.get(code, ()) for name in words.MODULES}
        for code in sorted(community.code for community in communities)
        if code not in _UNKNOWN_TO_SECURITY
    }
