"""From the click on "order" to RUNNING and Healthy, and from cancelling to gone, one order after the other."""

import statistics
import time
from typing import Any

from bench.newcomer import newcomer
from minispod.local.shopper import Shopper
from minispod.local.surroundings import Surroundings
from minispod.local.timeline import eventually

SERVICE = "n8n-automation"
_LOOK_SECONDS = 0.05


def measure(around: Surroundings, count: int) -> None:
    """Order the free plan of n8n `count` times and print the spread."""
    customer = newcomer(around)
    plan = _free_plan(customer)
    answered, started, removed = [], [], []
    for number in range(1, count + 1):
        began = time.monotonic()
        placed = customer.call("POST", "/subscriptions", {"planId": plan}, status=201)
        answered.append(time.monotonic() - began)
        order = Order(customer, placed["subscription"]["id"], around.patience)
        order.await_state("RUNNING", health="Healthy")
        started.append(time.monotonic() - began)
        began = time.monotonic()
        customer.call("DELETE", f"/subscriptions/{order.id}")
        order.await_state("TERMINATED")
        removed.append(time.monotonic() - began)
        print(f"  order {number}: running after {started[-1]:.2f} s, gone after {removed[-1]:.2f} s")
    print(f"\nOrders ({count}, one after the other)")
    _spread("POST answered", answered)
    _spread("order to RUNNING", started)
    _spread("cancel to gone", removed)
    print(f"  first order / median: {started[0] / statistics.median(started):.2f}")


class Order:
    """One subscription that is looked at until it is as it should be."""

    def __init__(self, customer: Shopper, id: str, patience: float) -> None:
        self.id = id
        self._customer = customer
        self._patience = patience

    def await_state(self, status: str, health: str | None = None) -> None:
        """Wait for a status, and for a health if one is named."""
        eventually(
            lambda: self._is(status, health),
            within=self._patience,
            every=_LOOK_SECONDS,
            otherwise=f"the instance did not become {status}",
        )

    def _is(self, status: str, health: str | None) -> bool:
        shown = self._customer.call("GET", f"/subscriptions/{self.id}")["subscription"]
        instance: dict[str, Any] = shown["instances"][0]
        return bool(instance["status"] == status and health in (None, instance["healthStatus"]))


def _free_plan(customer: Shopper) -> str:
    services = customer.call("GET", "/catalog/services")["services"]
    plans = next(each["plans"] for each in services if each["slug"] == SERVICE)
    return str(next(plan["id"] for plan in plans if plan["monthlyPrice"] == 0))


def _spread(name: str, seconds: list[float]) -> None:
    middle = statistics.median(seconds)
    print(f"  {name:<18} min {min(seconds):6.2f} s   median {middle:6.2f} s   max {max(seconds):6.2f} s")
