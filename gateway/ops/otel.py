"""OpenTelemetry, where it is installed and a collector is named: `pip install wanjia-gateway[otel]`.

Without `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` nothing is exported, and nothing loaded.
"""

import os
from collections.abc import Mapping
from typing import Protocol, TypeAlias

from gateway.ops.trace import Trace
from gateway.settings import SettingsError

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

Attributes: TypeAlias = Mapping[str, str | int]


class Export(Protocol):
    """What finished traces are given to."""

    def send(self, trace: Trace, attributes: Attributes, failure: str | None) -> None:
        """Export a finished trace, in the background. `failure` is the code that it ended with, if it failed."""

    def close(self) -> None:
        """Send what is left, and end. Blocks until then."""


def open_export(environ: Mapping[str, str] = os.environ) -> Export | None:
    """None where the environment names no collector. Raises SettingsError where the extra is not installed."""
    named = [name for name in ENDPOINTS if environ.get(name, "").strip()]
    if not named:
        return None
    try:
        from gateway.ops.spans import SpanExport  # noqa: PLC0415 # of an extra
    except ImportError:
        raise SettingsError(f"{named[0]}: needs the extra otel (pip install wanjia-gateway[otel])") from None
    return SpanExport()
