"""The platforms behind this gateway, as far as it knows without asking."""

from gateway.loaders.platform import PlatformStatus
from gateway.normalise.states import Availability, CircuitState
from gateway.normalise.vocabulary import PlatformName
from gateway.ops.health import EndpointState
from schema.types.fields import plain, record_type


@record_type(EndpointState, description="An endpoint of a platform (平台接口).")
class PlatformEndpoint:
    name: str = plain('Its name in the document, such as "order/list" (接口名称).')
    availability: Availability = plain("Whether it can be used (接口可用性).")
    circuit: CircuitState = plain("Its circuit breaker (熔断状态).")


@record_type(PlatformStatus, description="A platform behind this gateway (平台).")
class Platform:
    name: PlatformName = plain("Which platform (平台名称).")
    healthy: bool = plain("Whether no circuit is open and the last login gave a token (是否健康).")
    endpoints: list[PlatformEndpoint] = plain("Its endpoints (接口).")
