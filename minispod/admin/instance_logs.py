"""The log of one container of an instance, followed: the newest lines, then whatever is written, part by part.

Where the next part begins is in its address, so that any process can answer it, also after the pod was replaced.
"""

import re
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from minispod.admin import pages
from minispod.admin.door import door
from minispod.admin.monitoring import ask_cluster, find_sold
from minispod.cluster.monitoring import last_picture
from minispod.cluster.port import LogPlace
from minispod.instances import looking
from minispod.instances.looking import Log, LogPart, Subject
from minispod.ports import current_ports

_LINES = 200
_POD = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]{1,11}")


@door.get("/instances/<instance_id>/logs")
def instance_logs(instance_id: str) -> Any:
    """The newest lines one of its containers wrote, which are followed; or those before it was last started again."""
    sold = find_sold(instance_id)
    subject, cluster = Subject.of(sold.instance), current_ports().cluster
    container = pages.one_of(subject.containers, "container", subject.containers[0])
    silent_since = last_picture().silent_since
    previous = request.args.get("previous") == "yes"
    part, before = LogPart((), None), None
    if previous:
        before, problem = ask_cluster(
            lambda: looking.read_log(subject, cluster, container=container, lines=_LINES, previous=True)
        )
    else:
        found, problem = ask_cluster(
            lambda: looking.read_on(subject, cluster, container=container, lines=_LINES, after=None)
        )
        part = found or part
    return pages.page_or_fragment(
        "admin/instances/logs.html",
        "admin/instances/_logs.html",
        sold=sold,
        containers=subject.containers,
        container=container,
        previous=previous,
        before=before or Log(container, True, ()),
        part=part,
        cursor=_cursor(container, part.place),
        problem=problem,
        silent_since=silent_since,
        at=current_ports().clock.now(),
    )


@door.get("/instances/<instance_id>/logs/more")
def more_logs(instance_id: str) -> Any:
    """What was written after the place in the address; 204 while that is nothing. Paused, nobody is asked."""
    sold = find_sold(instance_id)
    subject = Subject.of(sold.instance)
    container = pages.one_of(subject.containers, "container", subject.containers[0])
    if not pages.wants_fragment():
        return redirect(url_for("panel.instance_logs", instance_id=sold.instance.id, container=container))
    is_paused, was = request.args.get("paused") == "yes", request.args.get("was", "")
    place = _place()
    part, problem = LogPart((), place), None
    if not is_paused:
        found, problem = ask_cluster(
            lambda: looking.read_on(
                subject, current_ports().cluster, container=container, lines=looking.MOST_LINES, after=place
            )
        )
        part = found or part
    state = "paused" if is_paused else "silent" if problem else "following"
    if not part.lines and state == was:
        return Response(status=204)
    is_new_pod = bool(place and part.place and part.place.pod != place.pod)
    return render_template(
        "admin/instances/_log_more.html",
        sold=sold,
        part=part,
        cursor=_cursor(container, part.place),
        state=state,
        new_pod=part.place.pod if is_new_pod and part.place else None,
        at=current_ports().clock.now(),
    )


def _cursor(container: str, place: LogPlace | None) -> dict[str, str | int]:
    if place is None:
        return {"container": container}
    seconds, nanoseconds = place.stamp
    return {"container": container, "pod": place.pod, "seconds": seconds, "nanoseconds": nanoseconds}


def _place() -> LogPlace | None:
    """The place in the address; nonsense is the beginning."""
    pod, *numbers = (request.args.get(name, "") for name in ("pod", "seconds", "nanoseconds"))
    if not _POD.fullmatch(pod) or not all(_NUMBER.fullmatch(each) for each in numbers):
        return None
    seconds, nanoseconds = (int(each) for each in numbers)
    return LogPlace(pod, (seconds, nanoseconds))
