"""Looking out of a running container: commands run in it by the administrator, for what a test wants to see."""

import os

from kubernetes import client, config, stream

_SECONDS = 30


def run_inside(namespace: str, pod: str, container: str, *command: str) -> str:
    """What a command prints, of both outputs; how it ended is not told."""
    api = client.CoreV1Api(config.new_client_from_config(os.environ["KUBECONFIG"]))
    running = stream.stream(
        api.connect_get_namespaced_pod_exec,
        pod,
        namespace,
        container=container,
        command=list(command),
        stderr=True,
        stdin=False,
        stdout=True,
        tty=False,
        _preload_content=False,
        _request_timeout=_SECONDS,
    )
    try:
        running.run_forever(timeout=_SECONDS)
        return str(running.read_all())
    finally:
        running.sock.shutdown()  # its close() leaves the socket open when the other side was first
