"""Which version of the gateway this is: of the package, and of the build that runs."""

import os
from collections.abc import Mapping
from importlib.metadata import version

VERSION = version("wanjia-gateway")


def running_version(environ: Mapping[str, str] = os.environ) -> str:
    """For people: the version and, where the image has one, the id of its build."""
    build_id = environ.get("GATEWAY_BUILD_ID", "").strip()
    return f"{VERSION} ({build_id})" if build_id else VERSION
