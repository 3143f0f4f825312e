"""A plugin of pytest: the outcome of each test as a file, for what runs the tests.

Loaded with `-p outcomes`. Only the process that collects the reports of all others writes.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

CRASHED = "???"
"""The phase that pytest-xdist gives to a test whose process died under it."""


@dataclass(eq=False)  # pytest puts plugins into sets
class Outcomes:
    """Identifiers of the tests of one run. One that fails while it is set up or torn down has failed."""

    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    """Files that could not be collected, and tests whose process died."""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken.add(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and str(report.when) == CRASHED:
            self.broken.add(report.nodeid)
        elif report.failed:
            self.failed.add(report.nodeid)
        elif report.passed and report.when == "call":
            self.passed.add(report.nodeid)

    def write(self, file: Path) -> None:
        file.write_text(json.dumps({name: sorted(ids) for name, ids in asdict(self).items()}))

    @classmethod
    def read(cls, file: Path) -> "Outcomes":
        return cls(**{name: set(ids) for name, ids in json.loads(file.read_text()).items()})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outcomes", type=Path, required=True, metavar="FILE", help="where the outcomes are written")


def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")
    if not is_worker:
        config.pluginmanager.register(Outcomes(), "recorded-outcomes")


def pytest_unconfigure(config: pytest.Config) -> None:
    outcomes = config.pluginmanager.get_plugin("recorded-outcomes")
    if outcomes is not None:
        outcomes.write(config.getoption("--outcomes"))
