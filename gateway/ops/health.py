"""What the gateway knows of the platforms' endpoints without asking: for the `platforms` query and the metrics."""

import msgspec

from gateway.normalise.states import Availability, CircuitState


class EndpointState(msgspec.Struct, frozen=True):
    """One endpoint, by its name in the document ("order/list")."""

    name: str
    availability: Availability
    circuit: CircuitState

    @property
    def healthy(self) -> bool:
        """An endpoint that nobody set up or offers is not ill."""
        return self.circuit is CircuitState.CLOSED
