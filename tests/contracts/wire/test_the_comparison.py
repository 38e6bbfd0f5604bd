"""The comparison itself: it sees what it must see, its list is well founded, and no recording lies idle."""

import re
from pathlib import Path

import pytest

from tests.contracts.wire.deliberate import ADDITIONS, LIST, NULLABLE, OPAQUE
from tests.contracts.wire.recordings import names, recording
from tests.contracts.wire.shapes import differences, vocabulary, wire_faults

THEIRS = {"id": "c1", "paidAt": None, "items": [{"price": 1, "note": "x"}, {"price": 2}]}
KNOWN = vocabulary([THEIRS, {"paidAt": "2026-11-20T03:00:00.000Z", "note": None}])
# How many there are of each: a citation beyond is a slip of the pen.
SOURCES = {"decision": 41, "fault": 56, "contract README": 8, "backend": 11}


@pytest.mark.parametrize(
    ("ours", "found"),
    [
        (THEIRS, set()),
        ({**THEIRS, "items": []}, set()),
        ({**THEIRS, "paidAt": "2026-11-20T03:00:00.000Z"}, set()),
        ({**THEIRS, "items": [{"price": 1, "note": None}]}, set()),
        ({**THEIRS, "paidAt": 7}, {"paidAt: integer instead of null"}),
        ({**THEIRS, "id": 7}, {"id: integer instead of text"}),
        ({**THEIRS, "id": None}, {"id: null instead of text"}),
        ({**THEIRS, "more": 1}, {"more: added"}),
        ({"paidAt": None, "items": None}, {"id: missing", "items: null instead of list"}),
        ({**THEIRS, "items": [{"price": "1"}]}, {"items[].price: text instead of integer"}),
        ({**THEIRS, "items": [{"price": 1}, {"note": ""}]}, {"items[].price: missing"}),
        ({**THEIRS, "items": {"price": 1}}, {"items: object instead of list"}),
        ({**THEIRS, "items": [{"price": True}]}, {"items[].price: boolean instead of integer"}),
    ],
)
def test_differences_are_found(ours: object, found: set[str]) -> None:
    assert differences(THEIRS, ours, KNOWN) == found


@pytest.mark.parametrize(
    "answer",
    [
        {"id": ""},
        {"user": {"planId": 7}},
        {"amount": "50000"},
        {"items": [{"monthlyPrice": 0.5}]},
        {"createdAt": "2026-11-20"},
        {"createdAt": "2026-11-20T03:00:00Z"},
        {"createdAt": "2026-11-20T03:00:00.000"},
        {"createdAt": "2026-11-20T03:00:00.000+00:00"},
    ],
)
def test_faults_of_format_are_found(answer: dict[str, object]) -> None:
    assert len(wire_faults(answer)) == 1


def test_every_recording_is_replayed() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))

    assert [name for name in names() if f'"{name}"' not in tests] == []


def test_the_original_agrees_with_itself() -> None:
    for name in names():
        answer = recording(name).answer
        assert differences(answer, answer, {}) == set(), name


def test_every_entry_of_the_list_names_recordings_and_cites_a_source() -> None:
    assert {each for entry in LIST for each in entry.recordings} <= set(names())
    reasons = [entry.because for entry in LIST]
    for because in (*reasons, *ADDITIONS.values(), *NULLABLE.values(), *OPAQUE.values()):
        cited = re.fullmatch(r"(?:(frontend) [A-O]\d{1,2}|(\D+) (\d+)): .+", because)
        assert cited, because
        if not cited[1]:
            assert 1 <= int(cited[3]) <= SOURCES[cited[2]], because


def test_no_difference_is_listed_twice_for_a_recording() -> None:
    pairs = [(entry.difference, each) for entry in LIST for each in entry.recordings]

    assert len(pairs) == len(set(pairs))
