"""Named sets of fault rules for demos and tests."""

from minispod.simulator.midtrans.faults import BadRule, Faults, Rule
from minispod.simulator.midtrans.tampering import TAMPERINGS

PRESETS: dict[str, list[Rule]] = {
    "calm": [],
    "slow_network": [
        {"where": "api", "action": "delay", "s": 2},
        {"where": "webhook", "action": "delay", "s": 10},
    ],
    "flaky_api": [{"where": "api", "action": "status", "status": 502, "body": "html", "probability": 0.3}],
    "webhook_outage_1h": [{"where": "webhook", "action": "delay", "s": 3600}],
    "lost_webhooks": [{"where": "webhook", "action": "drop"}],
    "storm": [{"where": "webhook", "action": "burst", "k": 5, "spread_s": 2}],
    "attacker": [{"where": "webhook", "action": sorted(TAMPERINGS), "beside": True}],
    "month_of_reversals": [{"where": "webhook", "action": "money_back"}],
}


def enter(faults: Faults, name: str) -> list[Rule]:
    """Replace the rules in force by a preset's."""
    if name not in PRESETS:
        raise BadRule(f"preset must be one of {', '.join(PRESETS)}")
    faults.remove()
    return [faults.add(dict(rule)) for rule in PRESETS[name]]
