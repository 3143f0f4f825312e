"""nginx before a gateway."""

import pytest
from deployed import Nginx


@pytest.fixture
def run_nginx(find_tool, tmp_path):
    """`async with run_nginx(port, ...) as nginx`: it proxies for the gateways on these ports of this machine."""
    return lambda *gateways: Nginx(tmp_path, [*gateways]).running(find_tool("nginx"))
