"""Commands in simulated containers as the official client sees them, and what a restart keeps of them."""

import signal
from pathlib import Path

import pytest
import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

from tests.contracts.kubernetes.manifests import claim, container, pod
from tests.contracts.kubernetes.target import Room, Target
from tests.simulator.kubernetes.conftest import Running, launch


def run(target: Target, namespace: str, name: str, *command: str) -> tuple[str, dict[str, object]]:
    """Output and status of a command, by the official client's own means."""
    core = client.CoreV1Api(target.api)
    session = stream(
        core.connect_get_namespaced_pod_exec,
        name,
        namespace,
        command=list(command),
        stdout=True,
        stderr=True,
        stdin=False,
        tty=False,
        _preload_content=False,
    )
    session.run_forever(timeout=10)
    output = session.read_stdout() or ""
    return output, yaml.safe_load(session.read_channel(3))
