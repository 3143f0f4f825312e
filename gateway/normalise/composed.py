"""Records that no single upstream row holds: what the gateway puts together from several."""

from collections.abc import Iterable, Iterator, Sequence

from gateway.normalise.module import Module, ModuleState
from gateway.normalise.records import Record
from gateway.normalise.vocabulary import ModuleName


class Community(Record, frozen=True, gc=False):
    """A community: all that is known of it is its code."""

    code: str


class ModuleDrift(Record, frozen=True, gc=False):
    """A module about which the platforms disagree. None: that platform does not report it."""

    name: ModuleName
    label: str
    wjdh: bool | None
    security: bool | None


def readable(states: Sequence[ModuleState] | None) -> Sequence[ModuleState] | None:
    """What security reports of a community; None where there are states, and not one could be read."""
    return None if states and all(state.enabled is None for state in states) else states


def module_drift(modules: Iterable[Module], states: Iterable[ModuleState]) -> Iterator[ModuleDrift]:
    """Where the switches of wjdh and the production states of security differ (quirk 166).

    A module that only one side reports is a difference; a state that could not be read is none.
    """
    of_security = {state.label: state for state in states}
    of_wjdh = set()
    for module in modules:
        of_wjdh.add(module.label)
        state = of_security.get(module.label)
        if state is None:
            yield ModuleDrift(module.name, module.label, module.enabled, None)
        elif module.enabled is not None and state.enabled is not None and module.enabled != state.enabled:
            yield ModuleDrift(module.name, module.label, module.enabled, state.enabled)
    for label, state in of_security.items():
        if label not in of_wjdh:
            yield ModuleDrift(state.name, label, None, state.enabled)
