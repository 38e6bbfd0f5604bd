"""Levers: a small JSON API by which tests and demonstrations make things happen to the simulated cluster.

POST /sim/<lever> with a JSON object and the lever token (Authorization: Bearer ...); GET /sim tells what there is.
Levers touch only what a real operator, a real fault or a real clock could have touched.
"""

import hmac
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import orjson

from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.controllers.faults import CommandFault, Fault
from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import PODS, named
from minispod.simulator.kubernetes.machinery.refusals import Refusal, bad_request
from minispod.simulator.kubernetes.weather import Failure
from minispod.simulator.kubernetes.wire.exchange import Request, Response, answer

CRASH = Fault(1, "Error", 1.0)
OOM = Fault(137, "OOMKilled", 0.2)
FOREVER = 1_000_000
COMMAND_FAULTS = ("exit", "missing", "cut", "slow")


class Levers:
    """The application behind the lever port."""

    def __init__(self, cluster: Cluster, token: str) -> None:
        self._cluster = cluster
        self._token = token
        self._levers: dict[str, Callable[[Json], object]] = {
            "go_silent": self.go_silent,
            "delay": self.delay,
            "fail_next": self.fail_next,
            "clear": self.clear,
            "image": self.image,
            "dial": self.dial,
            "speed": self.speed,
            "crash": self.crash,
            "oom": self.oom,
            "heal": self.heal,
            "exec": self.exec,
            "ready": self.ready,
            "node": self.node,
            "expire_watches": self.expire_watches,
            "drift": self.drift,
            "reset": self.reset,
        }

    def __call__(self, request: Request) -> Response:
        """Pull a lever."""
        if not self._allowed(request):
            return answer({"error": "the lever token is missing or wrong"}, 401)
        name = request.path.strip("/").removeprefix("sim").strip("/")
        if request.method == "GET" and not name:
            return answer(self._shown())
        lever = self._levers.get(name)
        if lever is None or request.method != "POST":
            return answer({"error": f"no such lever; POST to one of {sorted(self._levers)}"}, 404)
        try:
            body = orjson.loads(request.body) if request.body else {}
            if not isinstance(body, dict):
                raise ValueError("the body is a JSON object")
            return answer({"pulled": name, "result": lever(body)})
        except Refusal as refusal:
            return answer({"error": refusal.message}, refusal.code)
        except (KeyError, ValueError, TypeError) as fault:
            return answer({"error": f"{name}: {type(fault).__name__}: {fault}"}, 400)

    def _allowed(self, request: Request) -> bool:
        token = request.header("authorization").removeprefix("Bearer ").strip()
        return hmac.compare_digest(token.encode(), self._token.encode())

    def _shown(self) -> Json:
        cluster = self._cluster
        return {
            "levers": sorted(self._levers),
            "speed": cluster.reactor.speed,
            "dials": cluster.dials.shown(),
            "weather": cluster.weather.shown(),
            "images": {"known": cluster.images.known, "unknown": cluster.images.unknown},
            "nodes_off": sorted(cluster.controllers.kubelets.off),
            "version": cluster.store.version,
        }

    def go_silent(self, body: Json) -> object:
        """{"seconds": 5, "how": "hang" | "refuse" | "503"}"""
        self._cluster.weather.go_silent(float(body["seconds"]), str(body.get("how", "hang")))
        return None

    def delay(self, body: Json) -> object:
        """{"seconds": 0.3}: every API request takes that much longer."""
        self._cluster.weather.delay(float(body["seconds"]))
        return None

    def fail_next(self, body: Json) -> object:
        """{"verb": "apply", "kind": "Deployment", "status": 500, "times": 1, "message": "..."}"""
        message = str(body.get("message", "an internal error occurred, as a lever asked for"))
        verb, kind = str(body.get("verb", "*")), str(body.get("kind", "*"))
        failure = Failure(verb, kind, int(body.get("status", 500)), int(body.get("times", 1)), message)
        self._cluster.weather.fail_next(failure)
        return None

    def clear(self, body: Json) -> object:
        """{}: no silence, no delay, no failures, also of commands."""
        self._cluster.weather.clear()
        self._cluster.controllers.kubelets.command_faults.clear()
        return None

    def image(self, body: Json) -> object:
        """{"image": "pattern", "known": true | false, "pull_seconds": 20, "forget": true}"""
        pattern, images = str(body["image"]), self._cluster.images
        with self._cluster.store.lock:
            if "known" in body:
                images.set_known(pattern, known=bool(body["known"]))
            if "pull_seconds" in body:
                images.pull_seconds[pattern] = float(body["pull_seconds"])
            if body.get("forget"):
                images.forget(pattern)
        return None

    def dial(self, body: Json) -> object:
        """{"pull_seconds": 0.1, ...}: durations in simulated seconds; GET /sim shows the names."""
        for name, value in body.items():
            self._cluster.dials.turn(name, float(value))
        return self._cluster.dials.shown()

    def speed(self, body: Json) -> object:
        """{"speed": 20}: how many simulated seconds pass in a real one."""
        self._cluster.reactor.set_speed(float(body["speed"]))
        return self._cluster.reactor.speed

    def crash(self, body: Json) -> object:
        """{"namespace": "n", "pod": "pattern", "times": 1, "exit_code": 1}: running containers die, again and again."""
        return self._break(body, Fault(int(body.get("exit_code", 1)), "Error", CRASH.after_seconds))

    def oom(self, body: Json) -> object:
        """{"namespace": "n", "pod": "pattern", "times": 1}: running containers are killed for want of memory."""
        return self._break(body, OOM)

    def _break(self, body: Json, fault: Fault) -> object:
        namespace, pattern = str(body["namespace"]), self._pattern(body)
        times = int(body.get("times", 1))
        kubelets = self._cluster.controllers.kubelets
        with self._cluster.store.lock:
            hit = []
            for run in list(kubelets.runs.values()):
                if (
                    run.namespace != namespace
                    or not fnmatchcase(run.name, pattern)
                    or run.node in kubelets.off
                ):
                    continue
                for one in run.mains:
                    if one.phase == "running":
                        kubelets.life.exit(run, one, fault.exit_code, fault.reason)
                        hit.append(f"{run.name}/{one.name}")
            left = times - (1 if hit else 0)
            if left > 0:
                kubelets.life.faults.plan(namespace, pattern, fault, min(left, FOREVER))
        return {"hit": hit, "planned": max(0, left)}

    def _pattern(self, body: Json) -> str:
        """The pods that are meant: a pattern, or a workload whose pods they are."""
        if "workload" in body:
            return f"{body['workload']}-*"
        return str(body.get("pod", "*"))

    def heal(self, body: Json) -> object:
        """{"namespace": "n", "pod": "pattern"} or {}: planned crashes are forgotten."""
        pattern = self._pattern(body) if {"pod", "workload"} & set(body) else None
        with self._cluster.store.lock:
            self._cluster.controllers.kubelets.life.faults.heal(body.get("namespace"), pattern)
        return None

    def exec(self, body: Json) -> object:
        """{"namespace": "n", "pod": "pattern", "how": "exit" | "missing" | "cut" | "slow", "times": 1}: commands fail.

        exit: "status" and "message"; cut: "after_bytes" of the output; slow: "seconds". "container" narrows it.
        """
        how = str(body["how"])
        if how not in COMMAND_FAULTS:
            raise ValueError(f"how is one of {', '.join(COMMAND_FAULTS)}")
        fault = CommandFault(
            str(body["namespace"]),
            self._pattern(body),
            str(body.get("container", "*")),
            how,
            min(int(body.get("times", 1)), FOREVER),
            int(body.get("status", 1)),
            str(body.get("message", "")),
            int(body.get("after_bytes", 0)),
            float(body.get("seconds", 1.0)),
        )
        with self._cluster.store.lock:
            self._cluster.controllers.kubelets.command_faults.plan(fault)
        return None

    def ready(self, body: Json) -> object:
        """{"namespace": "n", "pod": "pattern", "ready": false}: readiness probes fail, or succeed again."""
        namespace, pattern, wanted = str(body["namespace"]), self._pattern(body), bool(body["ready"])
        kubelets = self._cluster.controllers.kubelets
        hit = []
        with self._cluster.store.lock:
            for run in kubelets.runs.values():
                if run.namespace == namespace and fnmatchcase(run.name, pattern):
                    for one in run.mains:
                        one.held_unready = not wanted
                        one.ready = wanted and one.phase == "running" and one.started
                    kubelets.report(run)
                    hit.append(run.name)
        return {"hit": hit}

    def node(self, body: Json) -> object:
        """{"node": "worker-1", "power": "off" | "on"}"""
        power = {
            "off": self._cluster.controllers.nodes.power_off,
            "on": self._cluster.controllers.nodes.power_on,
        }
        with self._cluster.store.lock:
            power[str(body["power"])](str(body["node"]))
        return None

    def expire_watches(self, body: Json) -> object:
        """{}: watches and continue tokens from before now are answered with 410."""
        self._cluster.store.forget_history()
        return self._cluster.store.version

    def drift(self, body: Json) -> object:
        """{"kind": "Deployment", "namespace": "n", "name": "x"}: the object vanishes, as if somebody had removed it."""
        resource = named(str(body["kind"]))
        if resource is None:
            raise bad_request(f"unknown kind {body['kind']}")
        namespace = str(body.get("namespace", "")) if resource.namespaced else ""
        removed: Any = self._cluster.store.remove(resource, namespace, str(body["name"]))
        return dig(removed, "metadata", "uid") if resource != PODS else removed["metadata"]["uid"]

    def reset(self, body: Json) -> object:
        """{}: a new cluster; everything in it is gone."""
        self._cluster.reset()
        return None
