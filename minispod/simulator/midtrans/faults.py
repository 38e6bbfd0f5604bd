"""Rules that make the simulator misbehave on purpose: kept, matched, counted and logged here.

What a rule does is up to the place that asks for it (API, page, webhook, clock). Invariant: at most one
rule is used per occasion, the first live one that matches, and every use is in the log.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from minispod.simulator.midtrans.mint import Mint
from minispod.simulator.midtrans.store import Store
from minispod.simulator.midtrans.times import Clock

RULE, USE = "fault", "fault_use"
KEPT_USES = 2000

ACTIONS: Mapping[str, frozenset[str]] = {
    "api": frozenset(
        {
            *("delay", "status", "html200", "invalid_json", "json_null", "close", "truncate", "redirect"),
            *("unauthorized", "stale_status", "wrong_amount", "missing_fields", "status_404"),
            *("upper_case_status", "commit_then_fail"),
        }
    ),
    "page": frozenset({"expired", "error_500", "no_finish_redirect"}),
    "webhook": frozenset(
        {
            *("delay", "drop", "duplicate", "reorder", "burst", "old_event_again"),
            *("bad_signature", "other_key", "tamper_amount", "tamper_status", "amount_as_number"),
            *("no_signature", "non_json", "empty", "extra_fields", "big_body", "unknown_order"),
            *("late_pay", "double_payment", "money_back"),
        }
    ),
    "clock": frozenset({"skew"}),
}
MATCHABLE = frozenset({"order_id", "path", "payment_type", "status", "transaction_id"})

Rule = dict[str, Any]


class BadRule(Exception):
    """The rule makes no sense; the message says why."""


class Faults:
    """The rules in force."""

    def __init__(self, store: Store, clock: Clock, mint: Mint) -> None:
        self._store, self._clock, self._mint = store, clock, mint

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force; its place is behind the ones that are there."""
        _check(rule)
        with self._store.writing():
            given = rule.get("id") or f"rule-{self._store.next_number('fault')}"
            kept = {"match": {}, **rule, "id": str(given), "seen": 0, "used": 0}
            self._store.put(RULE, kept["id"], kept)
        return kept

    def rules(self) -> list[Rule]:
        """All rules, in order."""
        return self._store.every(RULE)

    def uses(self, limit: int = 200) -> list[dict[str, Any]]:
        """The newest uses."""
        return self._store.every(USE, limit=limit)

    def remove(self, id: str | None = None) -> int:
        """Lift one rule, or all; says how many."""
        ids = [id] if id else [rule["id"] for rule in self.rules()]
        return sum(self._store.delete(RULE, one) for one in ids)

    def pick(self, where: str, facts: Mapping[str, Any], actions: Sequence[str] = ()) -> Rule | None:
        """Use up the first live rule that matches; with `actions`, only rules that do one of them."""
        with self._store.writing():
            for rule in self.rules():
                if rule["where"] != where or not _matches(rule, facts):
                    continue
                if actions and not set(actions_of(rule)) & set(actions):
                    continue
                if self._is_live(rule):
                    self._log(rule, facts)
                    return rule
        return None

    def _is_live(self, rule: Rule) -> bool:
        rule["seen"] += 1
        times = rule.get("times")
        live = rule["seen"] > int(rule.get("after", 0)) and (times is None or rule["used"] < times)
        if live and "probability" in rule:
            live = self._mint.happens(float(rule["probability"]))
        rule["used"] += int(live)
        self._store.put(RULE, rule["id"], rule)
        return live

    def _log(self, rule: Rule, facts: Mapping[str, Any]) -> None:
        number = self._store.next_number("fault_use")
        used = {"rule": rule["id"], "action": rule["action"], "at": self._clock.now(), **facts}
        self._store.put(USE, str(number), used)
        if number % 100 == 0:
            self._store.trim(USE, KEPT_USES)


def actions_of(rule: Rule) -> list[str]:
    """What a rule does: one thing, or several at once."""
    action = rule["action"]
    return list(action) if isinstance(action, list) else [action]


def number_of(rule: Rule, name: str, default: float) -> float:
    """A numeric parameter of a rule."""
    value = rule.get(name, default)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _matches(rule: Rule, facts: Mapping[str, Any]) -> bool:
    return all(facts.get(name) == wanted for name, wanted in (rule.get("match") or {}).items())


def _check(rule: Rule) -> None:
    where = str(rule.get("where"))
    if where not in ACTIONS:
        raise BadRule(f"where must be one of {', '.join(ACTIONS)}")
    if "action" not in rule or not actions_of(rule) or not set(actions_of(rule)) <= ACTIONS[where]:
        raise BadRule(f"action must be one of {', '.join(sorted(ACTIONS[where]))}")
    match = rule.get("match") or {}
    if not isinstance(match, dict) or not set(match) <= MATCHABLE:
        raise BadRule(f"match may name {', '.join(sorted(MATCHABLE))}")
    for name in ("times", "after"):
        value = rule.get(name)
        if value is not None and (not isinstance(value, int) or value < 0):
            raise BadRule(f"{name} must be a whole number")
    chance = rule.get("probability", 1)
    if not isinstance(chance, int | float) or not 0 <= chance <= 1:
        raise BadRule("probability must be between 0 and 1")
