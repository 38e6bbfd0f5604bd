"""What every test may use: servers, simulators, and the promise that no test leaves a process behind.

Fixtures live in tests/plugins; this file only loads them and registers the options.
"""

import gc
import os
from collections.abc import Iterator

import pytest
import structlog

gc.disable()  # until all tests are collected, see below
# What a check of a history compared is shown, as in a test.
pytest.register_assert_rewrite("tests.histories")

pytest_plugins = [
    "tests.plugins.leftovers",
    "tests.plugins.lock_order",
    "tests.plugins.servers",
    "tests.plugins.simulators",
    "tests.plugins.s3",
    "tests.plugins.rights",
    "tests.plugins.names",
    "tests.plugins.answers",
    "tests.plugins.app",
    "tests.plugins.demo",
    "tests.plugins.shop",
    "tests.plugins.nodes",
    "tests.plugins.scene",
    "tests.plugins.keeper",
    "tests.plugins.histories",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the contract suites."""
    parser.addoption(
        "--cluster",
        action="store_true",
        help="run the contract suites against the Kubernetes of KUBECONFIG too, besides the simulator",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a wish that cannot be met."""
    if config.getoption("--cluster") and not os.environ.get("KUBECONFIG"):
        raise pytest.UsageError(
            "--cluster needs KUBECONFIG: the path of a kubeconfig of the cluster to test against"
        )


@pytest.fixture(autouse=True)
def _logs_stay_as_they_are() -> Iterator[None]:
    """Whoever builds an application configures structlog for the whole process: the next test has it as before."""
    configured = structlog.get_config()
    yield
    structlog.configure(**configured)


def pytest_collection_finish() -> None:
    """Modules and tests live as long as the process: do not look through them for garbage again and again.

    Collecting took 8 s of processor time in each worker and takes 6 without the garbage collector.
    """
    gc.freeze()
    gc.enable()
