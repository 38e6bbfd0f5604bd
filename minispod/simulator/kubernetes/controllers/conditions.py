"""Conditions in a status: the transition time moves only when the status does."""

from minispod.simulator.kubernetes.machinery.jsonish import Json, now_text


def set_condition(
    conditions: list[Json],
    type_: str,
    status: str,
    reason: str = "",
    message: str = "",
    *,
    stamped: bool = False,
) -> None:
    """Write one condition into the list; `stamped` keeps a time of the last update too."""
    now = now_text()
    earlier = next((one for one in conditions if one["type"] == type_), None)
    if earlier and (earlier["status"], earlier.get("reason", "")) == (status, reason):
        if message:
            earlier["message"] = message
        return
    moved = earlier["lastTransitionTime"] if earlier and earlier["status"] == status else now
    fresh: Json = {"type": type_, "status": status}
    if stamped:
        fresh["lastUpdateTime"] = now
    fresh["lastTransitionTime"] = moved
    if reason:
        fresh["reason"] = reason
    if message:
        fresh["message"] = message
    if earlier:
        conditions[conditions.index(earlier)] = fresh
    else:
        conditions.append(fresh)
