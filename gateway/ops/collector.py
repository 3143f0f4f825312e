"""The garbage collector, set for a server: what the process keeps is set aside, and the rest is looked at less often.

A request leaves no reference cycles behind, so that the collector has next to nothing to find; by its defaults it
would still walk the schema and all modules again and again.
"""

import gc
from typing import Final

THRESHOLDS: Final = (10_000, 20, 50)
"""New objects before a collection of the youngest; such collections before one of the middle; of those before all."""


def settle_collector() -> None:
    """Called once, when everything that lasts has been made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
