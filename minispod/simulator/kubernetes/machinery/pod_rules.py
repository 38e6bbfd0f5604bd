"""Rules of pod specs, for pods and for the templates of workloads."""

import re
from collections.abc import Iterable

from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.quantities import amount
from minispod.simulator.kubernetes.machinery.refusals import Cause, duplicate, invalid_value, required

ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
CONTAINER_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
FAULT_NAME = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")


def pod_spec(spec: Json, path: str, claims: Iterable[str] = ()) -> list[Cause]:
    """Everything wrong with a pod spec; `claims` are volumes that its workload will add."""
    causes: list[Cause] = []
    if not spec.get("containers"):
        causes.append(required(f"{path}.containers"))
    volumes = [volume.get("name", "") for volume in spec.get("volumes") or ()]
    causes += _volumes(spec, volumes, path)
    volumes += claims
    seen: set[str] = set()
    for group in ("initContainers", "containers"):
        for at, container in enumerate(spec.get(group) or ()):
            where = f"{path}.{group}[{at}]"
            name = container.get("name", "")
            if name in seen and name:
                causes.append(duplicate(f"{where}.name", name))
            seen.add(name)
            causes += _container(container, where, volumes)
    return causes


def _volumes(spec: Json, names: list[str], path: str) -> list[Cause]:
    causes = []
    for at, volume in enumerate(spec.get("volumes") or ()):
        where = f"{path}.volumes[{at}]"
        if not volume.get("name"):
            causes.append(required(f"{where}.name"))
        elif names.index(volume["name"]) != at:
            causes.append(duplicate(f"{where}.name", volume["name"]))
        sources = [key for key in volume if key != "name"]
        if len(sources) > 1:
            why = "may not specify more than 1 volume type"
            causes.append(Cause("FieldValueForbidden", f"Forbidden: {why}", f"{where}.{sorted(sources)[1]}"))
        claim = volume.get("persistentVolumeClaim")
        if claim is not None and not claim.get("claimName"):
            causes.append(required(f"{where}.persistentVolumeClaim.claimName"))
    return causes


def _container(container: Json, where: str, volumes: list[str]) -> list[Cause]:
    causes: list[Cause] = []
    name = container.get("name", "")
    if not name:
        causes.append(required(f"{where}.name"))
    elif not CONTAINER_NAME.fullmatch(name):
        causes.append(invalid_value(f"{where}.name", f'"{name}"', FAULT_NAME))
    if not container.get("image"):
        causes.append(required(f"{where}.image"))
    causes += _mounts(container, where, volumes) + _ports(container, where) + _environment(container, where)
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if kind in container and not any(handler in container[kind] for handler in HANDLERS):
            causes.append(required(f"{where}.{kind}", "must specify a handler type"))
    return causes + _resources(container.get("resources") or {}, f"{where}.resources")


def _mounts(container: Json, where: str, volumes: list[str]) -> list[Cause]:
    causes, paths = [], set()
    for at, mount in enumerate(container.get("volumeMounts") or ()):
        name, path = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            causes.append(required(f"{where}.volumeMounts[{at}].name"))
        elif name not in volumes:
            causes.append(
                Cause("FieldValueNotFound", f'Not found: "{name}"', f"{where}.volumeMounts[{at}].name")
            )
        if not path:
            causes.append(required(f"{where}.volumeMounts[{at}].mountPath"))
        elif path in paths:
            why = "must be unique"
            causes.append(invalid_value(f"{where}.volumeMounts[{at}].mountPath", f'"{path}"', why))
        paths.add(path)
    return causes


def _ports(container: Json, where: str) -> list[Cause]:
    causes = []
    for at, port in enumerate(container.get("ports") or ()):
        number = port.get("containerPort")
        if not number:
            causes.append(required(f"{where}.ports[{at}].containerPort"))
        elif not 0 < number < 65536:
            why = "must be between 1 and 65535, inclusive"
            causes.append(invalid_value(f"{where}.ports[{at}].containerPort", str(number), why))
    return causes


def _environment(container: Json, where: str) -> list[Cause]:
    causes = []
    for at, variable in enumerate(container.get("env") or ()):
        name = variable.get("name", "")
        if not name:
            causes.append(required(f"{where}.env[{at}].name"))
        elif not ENV_NAME.fullmatch(name):
            why = (
                "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', "
                "and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex "
                "used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')"
            )
            causes.append(invalid_value(f"{where}.env[{at}].name", f'"{name}"', why))
        if variable.get("value") and variable.get("valueFrom"):
            why = "may not be specified when `value` is not empty"
            causes.append(invalid_value(f"{where}.env[{at}].valueFrom", '""', why))
    return causes


def _resources(resources: Json, where: str) -> list[Cause]:
    causes = []
    for kind in ("limits", "requests"):
        for name, value in (resources.get(kind) or {}).items():
            if amount(value) < 0:
                why = "must be greater than or equal to 0"
                causes.append(invalid_value(f"{where}.{kind}[{name}]", f'"{value}"', why))
    for name, value in (resources.get("requests") or {}).items():
        limit = dig(resources, "limits", name)
        if limit is not None and amount(value) > amount(limit):
            why = f"must be less than or equal to {name} limit of {limit}"
            causes.append(invalid_value(f"{where}.requests", f'"{value}"', why))
    return causes
