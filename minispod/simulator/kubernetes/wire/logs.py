"""Container logs: plausible lines that belong to the image, the same on every reading, and new ones as time passes.

Nothing is stored: the lines of a container follow from its identity and the time it started.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.machinery.jsonish import Json, dig, read_time
from minispod.simulator.kubernetes.machinery.kinds import PODS
from minispod.simulator.kubernetes.machinery.refusals import Refusal, bad_request, method_not_allowed
from minispod.simulator.kubernetes.wire.exchange import Request, Response
from minispod.simulator.kubernetes.wire.log_lines import Line, lines_between, next_line
from minispod.simulator.kubernetes.wire.routes import Route

PULSE_SECONDS = 1.0


class Logs:
    """Answers GET pods/<name>/log."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def answer(self, request: Request, route: Route) -> Response:
        """The lines a client asked for, or a stream of them."""
        if request.method != "GET":
            raise method_not_allowed()
        pod = self._cluster.store.get(PODS, route.namespace or "", route.name or "")
        query = request.query
        name = self._container(pod, query.get("container"))
        told = self._status(pod, name)
        previous = query.get("previous") in ("true", "1")
        started, ended, identity = self._span(pod, name, told, previous=previous)
        image = next(
            one["image"]
            for one in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
            if one["name"] == name
        )
        speaker = _Speaker(image, identity, started, ended, query.get("timestamps") in ("true", "1"))
        lines = speaker.chosen(query)
        if query.get("follow") in ("true", "1"):
            follower = self._follow(speaker, lines, pod, name)
            return Response(content_type="text/plain", stream=self._cluster.weather.accompany(follower))
        text = "".join(speaker.shown(line) for line in lines).encode()
        limit = query.get("limitBytes", "")
        return Response(body=text[: int(limit)] if limit.isdigit() else text, content_type="text/plain")

    def _container(self, pod: Json, asked: str | None) -> str:
        mains = [one["name"] for one in pod["spec"]["containers"]]
        inits = [one["name"] for one in pod["spec"].get("initContainers") or ()]
        name = pod["metadata"]["name"]
        if asked is None:
            default = dig(pod, "metadata", "annotations", "kubectl.kubernetes.io/default-container")
            if default in mains:
                return str(default)
            if len(mains) == 1:
                return str(mains[0])
            more = f" or one of the init containers: [{' '.join(inits)}]" if inits else ""
            text = (
                f"a container name must be specified for pod {name}, choose one of: [{' '.join(mains)}]{more}"
            )
            raise bad_request(text)
        if asked not in (*mains, *inits):
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked

    def _status(self, pod: Json, name: str) -> Json:
        groups = ("containerStatuses", "initContainerStatuses")
        found = [one for group in groups for one in dig(pod, "status", group, default=[])]
        return next((one for one in found if one["name"] == name), {})

    def _span(
        self, pod: Json, name: str, told: Json, *, previous: bool
    ) -> tuple[datetime, datetime | None, str]:
        """When the asked-for run of the container began and ended, and its identity."""
        pod_name = pod["metadata"]["name"]
        node = dig(pod, "spec", "nodeName")
        if node in self._cluster.controllers.kubelets.off:
            text = (
                f'Get "https://{dig(pod, "status", "hostIP")}:10250/containerLogs/...": dial tcp: i/o timeout'
            )
            raise Refusal(500, None, text)
        state, last = told.get("state", {}), dig(told, "lastState", "terminated")
        ended = last if previous else state.get("terminated") or (last if "waiting" in state else None)
        if previous and not ended:
            raise bad_request(f'previous terminated container "{name}" in pod "{pod_name}" not found')
        if "running" in state and not previous:
            return read_time(state["running"]["startedAt"]), None, told.get("containerID", "")
        if ended:
            return read_time(ended["startedAt"]), read_time(ended["finishedAt"]), ended.get("containerID", "")
        reason = dig(state, "waiting", "reason", default="ContainerCreating")
        if reason in ("ImagePullBackOff", "ErrImagePull"):
            reason = "trying and failing to pull image"
        if not node:
            raise bad_request(f'pod "{pod_name}" does not have a host assigned')
        raise bad_request(f'container "{name}" in pod "{pod_name}" is waiting to start: {reason}')

    def _follow(self, speaker: "_Speaker", lines: list[Line], pod: Json, name: str) -> Iterator[bytes]:
        """First what there is, then each new line when its time comes, until the container ends."""
        yield "".join(speaker.shown(line) for line in lines).encode()
        seen = lines[-1].at if lines else datetime.now(UTC)
        while speaker.ended is None and self._still_runs(pod, name, speaker.identity):
            following = next_line(speaker.image, speaker.identity, speaker.started, seen)
            wait = (following.at - datetime.now(UTC)).total_seconds()
            if wait > 0:
                time.sleep(min(wait, PULSE_SECONDS))
                yield b""
                continue
            seen = following.at
            yield speaker.shown(following).encode()

    def _still_runs(self, pod: Json, name: str, identity: str) -> bool:
        metadata = pod["metadata"]
        present = self._cluster.store.find(PODS, metadata["namespace"], metadata["name"])
        if present is None or present["metadata"]["uid"] != metadata["uid"]:
            return False
        told = self._status(present, name)
        return "running" in told.get("state", {}) and told.get("containerID") == identity


class _Speaker:
    """One run of one container."""

    def __init__(
        self, image: str, identity: str, started: datetime, ended: datetime | None, timestamps: bool
    ) -> None:
        self.image, self.identity, self.started, self.ended = image, identity, started, ended
        self._timestamps = timestamps

    def chosen(self, query: dict[str, str]) -> list[Line]:
        """The lines a query selects."""
        end = self.ended or datetime.now(UTC)
        lines = lines_between(self.image, self.identity, self.started, end)
        since = _since(query)
        if since is not None:
            lines = [line for line in lines if line.at >= since]
        tail = query.get("tailLines")
        if tail is not None:
            if not tail.lstrip("-").isdigit() or int(tail) < 0:
                raise bad_request(f'tailLines: Invalid value: "{tail}": must be greater than or equal to 0')
            lines = lines[-int(tail) :] if int(tail) else []
        return lines

    def shown(self, line: Line) -> str:
        """The line as it is sent."""
        stamp = line.at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z "
        return f"{stamp if self._timestamps else ''}{line.text}\n"


def _since(query: dict[str, str]) -> datetime | None:
    seconds, moment = query.get("sinceSeconds"), query.get("sinceTime")
    if seconds is not None:
        if not seconds.isdigit() or int(seconds) < 1:
            raise bad_request(f'sinceSeconds: Invalid value: "{seconds}": must be greater than 0')
        return datetime.now(UTC) - timedelta(seconds=int(seconds))
    try:
        return read_time(moment) if moment else None
    except ValueError as fault:
        raise bad_request(f'sinceTime: Invalid value: "{moment}"') from fault
