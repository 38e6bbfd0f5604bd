"""Which alerts the facts of a moment ask for: thresholds, what is not judged, what belongs together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from minispod.alerts import wording
from minispod.alerts.facts import (
    Facts,
    HeldPayment,
    InstanceFact,
    LostNode,
    NodeUse,
    ProofFact,
    WaitingTask,
)
from minispod.alerts.judging import Subject, Thresholds, Verdict, judge
from minispod.alerts.kinds import Rule

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LIMITS = Thresholds(
    silent_after=timedelta(minutes=2),
    node_down_after=timedelta(minutes=1),
    instance_down_after=timedelta(minutes=5),
    restarts_per_hour=5,
    full_percent=90,
    add_node_cpu_percent=80,
    add_node_memory_percent=85,
    nodes_fresh=timedelta(minutes=5),
    looks_fresh=timedelta(minutes=2),
)


def ago(**by: float) -> datetime:
    return NOW - timedelta(**by)


def seen(standing: frozenset[Subject] = frozenset(), **facts: Any) -> Verdict:
    """Judge the facts of a cluster that was looked at just now."""
    known = {"nodes_at": NOW, "looked_at": NOW, **facts}
    return judge(Facts(**known), LIMITS, standing=standing, at=NOW)


def found(verdict: Verdict) -> list[tuple[str, str]]:
    return [(each.rule.value, each.subject_id) for each in verdict.findings]


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    verdict = seen(nodes=[NodeUse("worker-1", 80.0, 85.0, True)])

    assert verdict.findings == ()
    assert verdict.judged == {rule for rule in Rule if rule.nature.ends_by_itself}


@pytest.mark.parametrize(
    ("seconds", "is_alert"), [(59, False), (60, True), (3600, True)], ids=["a reboot", "down", "long down"]
)
def test_a_node_is_down_after_a_minute(seconds: int, is_alert: bool) -> None:
    verdict = seen(lost_nodes=[LostNode("worker-1", ago(seconds=seconds), 2, 3, 1)])

    assert found(verdict) == ([("node_down", "worker-1")] if is_alert else [])


@pytest.mark.parametrize(("minutes", "is_alert"), [(4.9, False), (5, True)])
def test_an_instance_is_down_after_five_minutes(minutes: float, is_alert: bool) -> None:
    verdict = seen(down=[InstanceFact("1", "blog", ago(minutes=minutes), "worker-1")])

    assert found(verdict) == ([("instance_down", "1")] if is_alert else [])


def test_what_waits_for_a_lost_node_is_told_with_the_node() -> None:
    down = [InstanceFact(str(n), f"i-{n}", ago(hours=1), "worker-1") for n in range(50)]
    elsewhere = InstanceFact("x", "elsewhere", ago(hours=1), "worker-2")

    verdict = seen(lost_nodes=[LostNode("worker-1", ago(hours=1))], down=[*down, elsewhere])

    assert found(verdict) == [("node_down", "worker-1"), ("instance_down", "x")]


@pytest.mark.parametrize(("restarts", "is_alert"), [(4, False), (5, True)])
def test_restarts_within_the_hour_count(restarts: int, is_alert: bool) -> None:
    verdict = seen(restarted=[InstanceFact("1", "blog", number=restarts)])

    assert found(verdict) == ([("instance_restarts", "1")] if is_alert else [])


@pytest.mark.parametrize(
    ("used", "was_open", "is_alert"),
    [(89, False, False), (90, False, True), (86, True, True), (84, True, False)],
)
def test_a_full_volume_ends_only_some_points_below_its_threshold(
    used: int, was_open: bool, is_alert: bool
) -> None:
    standing: frozenset[Subject] = (
        frozenset({(Rule.VOLUME_FULL, "instance", "1")}) if was_open else frozenset()
    )

    verdict = seen(standing, volumes=[InstanceFact("1", "blog", number=used * 10, of=1000)])

    assert found(verdict) == ([("volume_full", "1")] if is_alert else [])


@pytest.mark.parametrize(
    ("cpu", "memory", "rules"),
    [
        (80.0, 85.0, []),
        (80.5, 10.0, ["add_node"]),
        (10.0, 85.5, ["add_node"]),
        (None, 91.0, ["node_full", "add_node"]),
        (90.0, None, ["node_full", "add_node"]),
        (None, None, []),
    ],
)
def test_the_use_of_a_worker(cpu: float | None, memory: float | None, rules: list[str]) -> None:
    verdict = seen(nodes=[NodeUse("worker-1", cpu, memory, True)])

    assert [each.rule.value for each in verdict.findings] == rules


def test_a_busy_control_plane_asks_for_no_worker() -> None:
    assert found(seen(nodes=[NodeUse("control-1", 88.0, 88.0, False)])) == []


def test_a_silent_cluster_is_one_alert_and_the_others_keep_their_state() -> None:
    verdict = seen(
        silent_since=ago(minutes=3),
        lost_nodes=[LostNode(f"worker-{n}", ago(hours=1)) for n in range(9)],
        down=[InstanceFact(str(n), f"i-{n}", ago(hours=1)) for n in range(99)],
        late=[WaitingTask(task, 40, 40, ago(hours=1)) for task in ("reconcile_instance", "work_on_node")],
    )

    assert found(verdict) == [("cluster_silent", "cluster")]
    kept = {Rule.NODE_DOWN, Rule.NODE_FULL, Rule.ADD_NODE, Rule.INSTANCE_DOWN}
    assert not verdict.judged & (kept | {Rule.INSTANCE_RESTARTS, Rule.VOLUME_FULL})


def test_a_short_silence_is_no_alert_and_yet_nothing_is_judged() -> None:
    verdict = seen(silent_since=ago(seconds=30), down=[InstanceFact("1", "blog", ago(hours=1))])

    assert verdict.findings == ()
    assert Rule.INSTANCE_DOWN not in verdict.judged


def test_an_alert_about_work_that_waits_for_the_cluster_stays_while_it_is_silent() -> None:
    late = [WaitingTask("reconcile_instance", 1, 1, ago(hours=1))]
    standing = frozenset({(Rule.JOB_STUCK, "task", "reconcile_instance")})

    assert ("job_stuck", "reconcile_instance") in found(seen(standing, silent_since=ago(hours=1), late=late))


@pytest.mark.parametrize("field", ["nodes_at", "looked_at"])
@pytest.mark.parametrize("at", [None, ago(hours=1)], ids=["never", "long ago"])
def test_an_old_look_says_nothing_about_now(field: str, at: datetime | None) -> None:
    verdict = seen(
        **{field: at},
        lost_nodes=[LostNode("worker-1", ago(hours=2))],
        down=[InstanceFact("1", "blog", ago(hours=2))],
    )

    untouched = Rule.INSTANCE_DOWN if field == "nodes_at" else Rule.NODE_DOWN
    assert [each.rule for each in verdict.findings] == [untouched]


def test_a_clock_that_was_set_back_raises_nothing_and_knows_what_it_knew() -> None:
    facts = Facts(
        nodes_at=NOW,
        looked_at=NOW,
        lost_nodes=[LostNode("worker-1", ago(minutes=2))],
        down=[InstanceFact("1", "blog", ago(minutes=10), "worker-2")],
    )

    verdict = judge(facts, LIMITS, standing=frozenset(), at=ago(hours=1))

    assert verdict.findings == ()


def test_the_rest_of_the_book() -> None:
    verdict = seen(
        failed=[InstanceFact("1", "a", reason="no image")],
        certificates=[InstanceFact("2", "b", ago(days=-3))],
        backups_failed=[InstanceFact("3", "c", reason="store is full")],
        backups_overdue=[InstanceFact("4", "d", ago(days=3))],
        undecided=[InstanceFact("5", "e", reason="no shell")],
        late=[WaitingTask("issue_papers", 3, 1, ago(hours=1))],
        unsent=WaitingTask("deliver_message", 7, 7, ago(hours=1)),
        held=[HeldPayment("6", "TXMP-1", 50_000, "hold_amount_mismatch")],
        proof=ProofFact("abc", 2, 0),
    )

    assert found(verdict) == [
        ("instance_failed", "1"),
        ("certificate_ends", "2"),
        ("backup_failed", "3"),
        ("backup_overdue", "4"),
        ("deletion_waits", "5"),
        ("job_stuck", "issue_papers"),
        ("mail_stuck", "outgoing"),
        ("payment_held", "6"),
        ("proof_differs", "abc"),
    ]


def everything() -> Verdict:
    one = InstanceFact("1", "blog", ago(hours=9), "worker-3", number=99, of=100, reason="why")
    facts = Facts(
        nodes_at=NOW,
        looked_at=NOW,
        lost_nodes=[LostNode("worker-1", ago(hours=1))],
        nodes=[NodeUse("worker-2", 99.0, None, True)],
        down=[one],
        failed=[one],
        restarted=[one],
        volumes=[one],
        certificates=[one],
        backups_failed=[one],
        backups_overdue=[one, replace(one, since=None)],
        undecided=[one],
        late=[WaitingTask("issue_papers", 3, 1, ago(hours=1))],
        unsent=WaitingTask("deliver_message", 7, 7, ago(hours=1)),
        held=[HeldPayment("6", "TXMP-1", 50_000, None)],
        proof=ProofFact("abc", 2, 0),
    )
    silent = judge(replace(facts, silent_since=ago(hours=1)), LIMITS, standing=frozenset(), at=NOW)
    heard = judge(facts, LIMITS, standing=frozenset(), at=NOW)
    return Verdict((*silent.findings[:1], *heard.findings), heard.judged)


def test_every_rule_that_the_watch_judges_says_something_in_both_languages() -> None:
    verdict = everything()

    assert {each.rule for each in verdict.findings} == {r for r in Rule if r.nature.ends_by_itself}
    for each in verdict.findings:
        words = wording.say(each.rule, each.name, each.facts)
        assert all(words.as_facts().values()), each
        assert "{" not in "".join(words.as_facts().values())
        assert words.title != words.judul
        assert words.sentence != words.kalimat or each.rule is Rule.INSTANCE_FAILED


@pytest.mark.parametrize("rule", Rule)
def test_what_an_act_says_is_said_in_its_words(rule: Rule) -> None:
    words = wording.say(rule, "blog", {"subject": "It failed", "sentence": "For a reason."})

    assert (words.title, words.sentence) == ("It failed", "For a reason.")
    assert all(wording.heading(rule).values())
