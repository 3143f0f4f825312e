"""nginx before a gateway, and a machine for one."""

import os
import shutil
import sys
from urllib.parse import urlsplit

import pytest
from booted_machine import INSTALL, Machine
from deployed import Nginx
from processes import free_port
from waiting import until

PYTHON = os.path.realpath(sys.executable)


@pytest.fixture
def run_nginx(find_tool, tmp_path):
    """`async with run_nginx(port, ...) as nginx`: it proxies for the gateways on these ports of this machine."""
    return lambda *gateways: Nginx(tmp_path, [*gateways]).running(find_tool("nginx"))


@pytest.fixture
def port(gateway) -> int:
    return urlsplit(gateway.url).port or 0


@pytest.fixture
async def machine(find_tool, environ, issuer, database_url, tmp_path):
    """A machine where the gateway is installed as the sheet for who is on duty says, and not started."""
    find_tool("systemctl")
    if os.geteuid() or PYTHON.startswith("/root/"):
        pytest.skip("needs root, and a Python that ProtectHome leaves readable")
    url = f"http://127.0.0.1:{free_port()}"
    settings = environ | issuer.settings() | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_PORT": url[17:]}
    shutil.copy(settings["GATEWAY_AUTH_KEY_FILE"], tmp_path / "key.pem")
    settings |= {"GATEWAY_AUTH_KEY_FILE": "/etc/wanjia-gateway/key.pem"}
    del settings["GATEWAY_ENV"], settings["GATEWAY_DATA_DIR"]  # those of a deployment are the default
    (tmp_path / "gateway.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    machine = Machine(tmp_path, url)
    try:
        await until(machine.is_up)
        await machine.run(INSTALL)
        yield machine
    finally:
        machine.stop()
