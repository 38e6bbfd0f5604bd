"""Tables: how the server lays objects out for people (kubectl get), kind by kind.

A cell function sees one object; kinds without columns of their own show name and age.
"""

from collections.abc import Callable, Sequence
from typing import Any

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.kinds import Resource
from minispod.simulator.kubernetes.wire.ages import age
from minispod.simulator.kubernetes.wire.columns import COLUMNS, Column
from minispod.simulator.kubernetes.wire.exchange import Request

AGE = "CreationTimestamp is a timestamp representing the server time when this object was created."


def wants_table(request: Request) -> bool:
    """Whether the client would rather have a table than objects."""
    accept = request.header("accept")
    first = accept.split(",")[0]
    return "as=Table" in first and "g=meta.k8s.io" in first


def table_for(resource: Resource, objects: Sequence[Json], metadata: Json, *, columns: bool = True) -> Json:
    """The objects as a table, each row with the object's metadata."""
    shown = COLUMNS.get(resource.kind, (Column("Age", age),))
    definitions = [_definition("Name", "string", "name", 0)]
    definitions += [_definition(one.title, one.type, "", one.priority) for one in shown]
    rows = [
        {
            "cells": [obj["metadata"]["name"], *(_cell(one.show, obj) for one in shown)],
            "object": {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": obj["metadata"],
            },
        }
        for obj in objects
    ]
    table: Json = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    table["columnDefinitions"] = definitions if columns else []
    if resource.kind == "Event":
        _drop_name(table, rows)
    table["rows"] = rows
    return table


def _drop_name(table: Json, rows: list[Json]) -> None:
    """Events are told without their unspeakable names, unless the reader asks for everything."""
    if table["columnDefinitions"]:
        table["columnDefinitions"].append({**table["columnDefinitions"].pop(0), "priority": 1})
    for row in rows:
        row["cells"].append(row["cells"].pop(0))


def _cell(show: Callable[[Json], Any], obj: Json) -> Any:
    value = show(obj)
    return "<none>" if value in (None, "") else value


def _definition(title: str, type_: str, format_: str, priority: int) -> Json:
    return {
        "name": title,
        "type": type_,
        "format": format_,
        "description": AGE if title == "Age" else title,
        "priority": priority,
    }
