"""The image's health check: `python -m gateway.commands.health_check` fails unless the gateway of the settings answers.

It reads no other setting than where the gateway listens: an entrypoint may give secrets to the server alone.
"""

import os
from urllib.request import ProxyHandler, build_opener

from gateway.env_file import find_deployed, read_environment
from gateway.settings import load_settings, make_url

TIMEOUT = 2  # seconds


def check_health() -> None:
    """Raises OSError where nobody answers, or answers that the gateway is not well."""
    find_deployed(os.environ)
    environ = read_environment(os.environ)
    settings = load_settings({name: environ.get(name, "") for name in ("GATEWAY_HOST", "GATEWAY_PORT")})
    unproxied = build_opener(ProxyHandler({}))
    with unproxied.open(f"{make_url(settings.host, settings.port)}/healthz", timeout=TIMEOUT):
        pass


if __name__ == "__main__":
    check_health()
