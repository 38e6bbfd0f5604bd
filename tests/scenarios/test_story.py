"""`make demo` and `make story`, from the outside: on the simulated cluster always, on a real one with --cluster.

On the real one the processes have the tokens of our own service accounts, not the administrator's (deploy/).
"""

import re
import subprocess
import sys
import uuid

import pytest

from minispod.instances.naming import namespace_for
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from tests.plugins.demo import ROOT, START_SECONDS, STOP_SECONDS, Demo

STORY_SECONDS = 900.0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once per cluster."""
    if "demo" in metafunc.fixturenames:
        clusters = ["simulator", "kubernetes"] if metafunc.config.getoption("--cluster") else ["simulator"]
        metafunc.parametrize("demo", clusters, indirect=True)


@pytest.mark.timeout(START_SECONDS + STORY_SECONDS + STOP_SECONDS)
def test_one_customers_story_ends_well(demo: Demo) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "minispod.local.story", "--state", str(demo.state)],
        env=demo.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=STORY_SECONDS,
        check=False,
    )

    _clean_up(demo, told.stdout)
    print(told.stdout)
    log = (demo.state / "demo.log").read_text(errors="replace")
    assert told.returncode == 0, f"{told.stdout}\n{told.stderr}\nThe demo said:\n{log[-4000:]}"
    assert "The story ends well" in told.stdout
    assert "left out" not in told.stdout


def _clean_up(demo: Demo, told: str) -> None:
    """A customer keeps the namespace for the next order; this one will not come back."""
    account = re.search(r"\(account ([0-9a-f-]{36})\)", told)
    kubeconfig = demo.environment.get("KUBECONFIG")
    if account and kubeconfig:
        KubernetesCluster(kubeconfig).delete_namespace(namespace_for(uuid.UUID(account.group(1))))
