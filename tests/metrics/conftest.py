import pytest


@pytest.fixture
def extra() -> dict[str, str]:
    """Settings of one test, by parametrization."""
    return {}


@pytest.fixture
def environ(environ: dict[str, str], extra: dict[str, str]) -> dict[str, str]:
    return environ | {"GATEWAY_METRICS_OPERATIONS": "Listed, OrdersPage"} | extra
