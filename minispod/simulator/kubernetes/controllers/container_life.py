"""The life of a container: pull, create, start, become ready, crash, back off, start again.

Timers carry the container's epoch; one that comes due after the container has moved on does nothing.
"""

import re
from collections.abc import Callable

from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.controllers.faults import Fault, Faults
from minispod.simulator.kubernetes.controllers.images import full_name
from minispod.simulator.kubernetes.controllers.pod_run import ContainerRun, PodRun
from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import CONFIG_MAPS, PODS, SECRETS

CONFIG_RETRY_SECONDS = 5.0
INIT_SECONDS = 0.4
EXITS = re.compile(
    r"(?:sleep\s+(?P<sleep>\d+(?:\.\d+)?)\s*;?\s*)?(?:exit\s+(?P<exit>\d+)|(?P<word>false|true))\s*$"
)


class ContainerLife:
    """Starts, watches and restarts containers of pods that their kubelet handed over."""

    def __init__(
        self,
        context: Context,
        runs: dict[str, PodRun],
        works: Callable[[PodRun], bool],
        report: Callable[[PodRun], None],
    ) -> None:
        self._c = context
        self._runs = runs
        self._works = works
        self._report = report
        self.faults = Faults()

    def proceed(self, run: PodRun) -> None:
        """Start what is next: the first init container that has not ended well, else all containers."""
        for one in run.inits:
            if one.phase == "terminated" and one.exit_code == 0:
                continue
            if one.phase == "waiting":
                self._pull(run, one)
            return
        for one in run.mains:
            if one.phase == "waiting" and one.reason != "CrashLoopBackOff":
                self._pull(run, one)

    def say(
        self, run: PodRun, one: ContainerRun, reason: str, message: str, *, warning: bool = False
    ) -> None:
        """An event of the kubelet about one container."""
        pod = self._c.store.find(PODS, run.namespace, run.name)
        if pod is not None:
            field = f"spec.{'initContainers' if one.init else 'containers'}{{{one.name}}}"
            self._c.recorder.say(
                pod, reason, message, component="kubelet", host=run.node, field=field, warning=warning
            )

    def _later(
        self, seconds: float, step: Callable[[PodRun, ContainerRun], None], run: PodRun, one: ContainerRun
    ) -> None:
        one.epoch += 1
        self._c.reactor.later(seconds, self._step, step, run, one, one.epoch)

    def _step(
        self, step: Callable[[PodRun, ContainerRun], None], run: PodRun, one: ContainerRun, epoch: int
    ) -> None:
        if one.epoch == epoch and self._works(run) and not run.going:
            step(run, one)

    def _spec(self, run: PodRun, one: ContainerRun) -> Json:
        pod = self._c.store.get(PODS, run.namespace, run.name)
        group = "initContainers" if one.init else "containers"
        return next((each for each in pod["spec"][group] if each["name"] == one.name), {})

    def _pull(self, run: PodRun, one: ContainerRun) -> None:
        spec = self._spec(run, one)
        one.image = spec.get("image", one.image)
        local = self._c.images.is_local(run.node, one.image)
        if local and spec.get("imagePullPolicy") != "Always":
            self.say(run, one, "Pulled", f'Container image "{one.image}" already present on machine')
            self._create(run, one)
            return
        if spec.get("imagePullPolicy") == "Never":
            text = f'Container image "{one.image}" is not present with pull policy of Never'
            self.say(run, one, "ErrImageNeverPull", text, warning=True)
            one.wait("ErrImageNeverPull", text)
            self._report(run)
            self._later(CONFIG_RETRY_SECONDS, self._pull, run, one)
            return
        self.say(run, one, "Pulling", f'Pulling image "{one.image}"')
        dials = self._c.dials
        if not self._c.images.exists(one.image):
            self._later(min(0.5, dials.pull_seconds), self._pull_failed, run, one)
        elif local:
            self._later(min(dials.repull_seconds, dials.pull_seconds), self._pulled, run, one)
        else:
            self._later(self._c.images.pull_time(one.image, dials.pull_seconds), self._pulled, run, one)

    def _pulled(self, run: PodRun, one: ContainerRun) -> None:
        first = not self._c.images.is_local(run.node, one.image)
        dials = self._c.dials
        took = self._c.images.pull_time(one.image, dials.pull_seconds) if first else dials.repull_seconds
        self._c.images.keep(run.node, one.image)
        one.failed_pulls = 0
        size = 40_000_000 + sum(one.image.encode()) * 91_193
        text = (
            f'Successfully pulled image "{one.image}" in {took:g}s ({took:g}s including waiting). '
            f"Image size: {size} bytes."
        )
        self.say(run, one, "Pulled", text)
        self._create(run, one)

    def _pull_failed(self, run: PodRun, one: ContainerRun) -> None:
        name = full_name(one.image)
        why = (
            f'rpc error: code = NotFound desc = failed to pull and unpack image "{name}": failed to resolve reference '
            f'"{name}": {name}: not found'
        )
        self.say(run, one, "Failed", f'Failed to pull image "{one.image}": {why}', warning=True)
        self.say(run, one, "Failed", "Error: ErrImagePull", warning=True)
        one.wait("ErrImagePull", why)
        self._report(run)
        one.failed_pulls += 1
        self._later(1.0, self._back_off_pull, run, one)

    def _back_off_pull(self, run: PodRun, one: ContainerRun) -> None:
        text = f'Back-off pulling image "{one.image}"'
        self.say(run, one, "BackOff", text)
        self.say(run, one, "Failed", "Error: ImagePullBackOff", warning=True)
        one.wait("ImagePullBackOff", f"{text}: ErrImagePull: {one.message}")
        self._report(run)
        self._later(self._backoff(one.failed_pulls), self._pull, run, one)

    def _backoff(self, times: int) -> float:
        first, most = self._c.dials.backoff_first_seconds, self._c.dials.backoff_most_seconds
        return float(min(first * 2 ** max(0, times - 1), most))

    def _create(self, run: PodRun, one: ContainerRun) -> None:
        fault = self._missing_reference(run, one)
        if fault:
            self.say(run, one, "Failed", f"Error: {fault}", warning=True)
            one.wait("CreateContainerConfigError", fault)
            self._report(run)
            self._later(CONFIG_RETRY_SECONDS, self._create, run, one)
            return
        self._later(self._c.dials.start_seconds, self._start, run, one)

    def _missing_reference(self, run: PodRun, one: ContainerRun) -> str | None:
        """What the environment of the container refers to and is not there."""
        spec = self._spec(run, one)
        references = [(each.get("valueFrom") or {}, True) for each in spec.get("env") or ()]
        references += [(each, False) for each in spec.get("envFrom") or ()]
        fields = (
            ("secretKeyRef", SECRETS),
            ("configMapKeyRef", CONFIG_MAPS),
            ("secretRef", SECRETS),
            ("configMapRef", CONFIG_MAPS),
        )
        for source, keyed in references:
            for field, resource in fields:
                wanted = source.get(field)
                if not wanted or wanted.get("optional"):
                    continue
                found = self._c.store.find(resource, run.namespace, wanted.get("name", ""))
                if found is None:
                    return f'{resource.kind.lower()} "{wanted.get("name")}" not found'
                if keyed and wanted.get("key") not in (found.get("data") or {}):
                    return f"couldn't find key {wanted.get('key')} in {resource.kind} {run.namespace}/{wanted['name']}"
        return None

    def _start(self, run: PodRun, one: ContainerRun) -> None:
        self.say(run, one, "Created", f"Created container: {one.name}")
        self.say(run, one, "Started", f"Started container {one.name}")
        if one.phase == "terminated":
            one.wait("")
        one.begin()
        self._report(run)
        fault = self.faults.take(run, self._c.store.find(PODS, run.namespace, run.name))
        ends = (fault.after_seconds, fault) if fault else self._script(run, one)
        if ends is not None:
            seconds, ending = ends
            self._c.reactor.later(seconds, self._run_out, run, one, one.identity, ending)
        self.await_readiness(run, one)

    def _script(self, run: PodRun, one: ContainerRun) -> tuple[float, Fault] | None:
        """When and how the container ends by itself: shell one-liners are understood, jobs and init steps end well.

        What has a probe or an endless loop goes on, in a pod of its own too.
        """
        spec = self._spec(run, one)
        words = [*(spec.get("command") or ()), *(spec.get("args") or ())]
        found = EXITS.search(words[-1]) if words else None
        if found:
            code = int(found["exit"] or (found["word"] == "false"))
            return float(found["sleep"] or 0.2), Fault(code, "Completed" if code == 0 else "Error")
        naps = re.search(r"\bsleep\s+(\d+(?:\.\d+)?)\s*$", " ".join(words))
        policy = dig(self._c.store.find(PODS, run.namespace, run.name), "spec", "restartPolicy")
        if naps:
            return float(naps[1]), Fault(0, "Completed")
        if one.init:
            return INIT_SECONDS, Fault(0, "Completed")
        if "readinessProbe" in spec or any("while :" in word for word in words):
            return None
        return (self._c.dials.job_seconds, Fault(0, "Completed")) if policy != "Always" else None

    def _run_out(self, run: PodRun, one: ContainerRun, identity: str, ending: Fault) -> None:
        if one.identity == identity and one.phase == "running" and self._works(run) and not run.going:
            self.exit(run, one, ending.exit_code, ending.reason)

    def await_readiness(self, run: PodRun, one: ContainerRun) -> None:
        """The container is ready once its application has booted and its probes have been asked."""
        if one.init:
            return
        spec = self._spec(run, one)
        probes = [spec[kind] for kind in ("startupProbe", "readinessProbe") if kind in spec]
        delay = max((float(probe.get("initialDelaySeconds", 0)) for probe in probes), default=0.0)
        if not probes:
            self._become_ready(run, one)
        else:
            self._later(max(delay, self._c.dials.boot_seconds), self._become_ready, run, one)

    def _become_ready(self, run: PodRun, one: ContainerRun) -> None:
        if one.phase != "running":
            return
        one.started, one.ready = True, not one.held_unready
        self._report(run)

    def exit(self, run: PodRun, one: ContainerRun, code: int, reason: str) -> None:
        """The container's process has ended."""
        one.end(code, reason)
        self._report(run)
        if one.init and code == 0:
            self.proceed(run)
        else:
            self.after_exit(run, one)

    def after_exit(self, run: PodRun, one: ContainerRun) -> None:
        """Start it again, at once or after a pause, if the pod's policy says so."""
        policy = dig(self._c.store.find(PODS, run.namespace, run.name), "spec", "restartPolicy")
        if policy == "Never" or (policy == "OnFailure" and one.exit_code == 0):
            return
        one.crashes += 1
        if one.crashes == 1:
            self._later(0.5, self._restart, run, one)
            return
        delay = self._backoff(one.crashes - 1)
        where = f"{run.name}_{run.namespace}({run.uid})"
        one.wait(
            "CrashLoopBackOff", f"back-off {delay:g}s restarting failed container={one.name} pod={where}"
        )
        self._report(run)
        text = f"Back-off restarting failed container {one.name} in pod {where}"
        self.say(run, one, "BackOff", text, warning=True)
        self._later(delay, self._restart, run, one)

    def _restart(self, run: PodRun, one: ContainerRun) -> None:
        if one.phase == "terminated":
            one.wait("ContainerCreating")
        one.restarts += 1
        one.reason = ""
        self._pull(run, one)
        identity = one.identity
        self._c.reactor.later(self._c.dials.backoff_forgiven_seconds, self._forgive, one, identity)

    def _forgive(self, one: ContainerRun, identity: str) -> None:
        """A container that ran long enough starts its back-off anew."""
        if one.phase == "running" and one.identity != identity:
            one.crashes = 0
