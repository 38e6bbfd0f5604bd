"""Sending anything to anybody on behalf of the control API: recorded fixtures byte for byte, or made bodies.

Also prepares what the Status API shall answer about it. Invariant: unless asked to sign, not one byte is changed.
"""

import base64
import binascii
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from minispod.simulator.midtrans import records
from minispod.simulator.midtrans.messages import signed
from minispod.simulator.midtrans.records import Delivery
from minispod.simulator.midtrans.shown import shown_delivery
from minispod.simulator.midtrans.simulation import Simulation
from minispod.simulator.midtrans.tampering import text

MAX_COPIES = 100
BAD_SIGNATURE = "f" * 128


def raw_of(sim: Simulation, wanted: dict[str, Any]) -> bytes:
    """The bytes meant by `fixture`, `raw_base64` or `body`; raises ValueError."""
    if "fixture" in wanted:
        return _fixture(sim, str(wanted["fixture"]))
    if "raw_base64" in wanted:
        try:
            return base64.b64decode(str(wanted["raw_base64"]), validate=True)
        except binascii.Error:
            raise ValueError("raw_base64 is not base64") from None
    body = wanted.get("body")
    if isinstance(body, str):
        return body.encode("utf-8", "surrogateescape")
    if body is None:
        raise ValueError("one of fixture, raw_base64 or body is needed")
    return text(body).encode("utf-8", "surrogatepass")


def facts_of(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in a body, if it is one."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def notify(sim: Simulation, wanted: dict[str, Any]) -> dict[str, Any]:
    """Send it now, once or in several copies, and say what was answered."""
    raw = _signed_as_asked(sim, raw_of(sim, wanted), wanted.get("sign", "keep"))
    facts = facts_of(raw) or {}
    if "status_api" in wanted and facts:
        sim.statuses.prepare(facts, wanted["status_api"])
    copies = wanted.get("copies", 1)
    if not isinstance(copies, int) or not 1 <= copies <= MAX_COPIES:
        raise ValueError(f"copies must be 1 to {MAX_COPIES}")
    deliveries = [_delivery(sim, raw, facts, wanted) for _ in range(copies)]
    if wanted.get("concurrent"):
        with ThreadPoolExecutor(copies) as pool:
            sent = list(pool.map(sim.post.send_now, deliveries))
    else:
        sent = [sim.post.send_now(delivery) for delivery in deliveries]
    last = sent[-1].attempts[-1]
    return {
        "status": last["status"],
        "answer": last.get("answer"),
        "error": last.get("error"),
        "deliveries": [shown_delivery(delivery) for delivery in sent],
    }


def _delivery(sim: Simulation, raw: bytes, facts: dict[str, Any], wanted: dict[str, Any]) -> Delivery:
    now = sim.clock.now()
    order_id = facts.get("order_id")
    delivery = Delivery(
        id=f"d-{sim.store.next_number('delivery')}",
        url=str(wanted.get("url") or sim.config.notification_url),
        body=raw.decode("utf-8", "surrogateescape"),
        created_at=now,
        next_at=now,
        order_id=order_id if isinstance(order_id, str) else None,
        cause="by hand",
        state="held",
        is_retried=False,
        headers={str(name): str(value) for name, value in (wanted.get("headers") or {}).items()},
    )
    return records.save_delivery(sim.store, delivery)


def _signed_as_asked(sim: Simulation, raw: bytes, sign: Any) -> bytes:
    if sign == "keep":
        return raw
    facts = facts_of(raw)
    if facts is None or sign not in {"good", "bad"}:
        raise ValueError("sign must be keep, good or bad; the latter two need a JSON object")
    if sign == "bad":
        return text({**facts, "signature_key": BAD_SIGNATURE}).encode()
    try:
        return text(signed(facts, sim.config.server_key)).encode()
    except KeyError as missing:
        raise ValueError(f"{missing.args[0]} is needed for a signature") from None


def _fixture(sim: Simulation, name: str) -> bytes:
    folder = Path(sim.config.fixtures) if sim.config.fixtures else None
    if folder is None or Path(name).name != name:
        raise ValueError("no fixture folder is set, or this is no file name")
    try:
        return (folder / name).read_bytes()
    except OSError:
        raise ValueError(f"there is no fixture {name}") from None
