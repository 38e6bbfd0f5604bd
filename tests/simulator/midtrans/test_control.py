"""The control API: replay, prepared answers, seeds, settings, report; and the process itself."""

import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from minispod.simulator.midtrans.config import Refused, config_from
from tests.simulator.midtrans.conftest import ADMIN, KEY, ORDER, MakeMidsim, Midsim, Shop

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "tests" / "fixtures" / "midtrans" / "notifications"
INDEX: dict[str, Any] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))


@pytest.fixture
def replay(make_midsim: MakeMidsim) -> Midsim:
    return make_midsim(fixtures=str(FOLDER))


def test_the_control_api_needs_its_token_except_for_health(midsim: Midsim) -> None:
    assert midsim.client.get("/sim/api/transactions").status_code == 401
    assert midsim.client.post("/sim/api/reset", headers={"Authorization": "Bearer x"}).status_code == 401
    assert midsim.client.get("/sim/api/health").get_json()["version"] == "1"


@pytest.mark.parametrize("entry", INDEX["files"], ids=lambda entry: entry["file"])
def test_every_fixture_is_sent_byte_for_byte(replay: Midsim, shop: Shop, entry: dict[str, Any]) -> None:
    shop.answers = [(202, {})]

    answer = replay.control("notify", fixture=entry["file"], status_api=entry["status_api"])

    assert shop.received == [(FOLDER / entry["file"]).read_bytes()]
    assert answer["status"] == 202


def test_the_status_api_answers_as_prepared(replay: Midsim) -> None:
    def about(name: str, status_api: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        body = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        replay.control("status-answers", fixture=name, status_api=status_api)
        return replay.status(body["order_id"]), replay.status(body["transaction_id"])

    mirror, _ = about("gopay_settlement.json", "mirror")
    other, _ = about("qris_expire.json", {"status_code": "407", "transaction_status": "expire"})
    unknown, _ = about("adv_wrong_signature.json", "404")
    hidden, shown = about("dana_settlement.json", {"order_id": "A1-own-id", "lookup_by": "transaction_id"})

    assert (mirror["transaction_status"], mirror["gross_amount"]) == ("settlement", "154600.00")
    assert mirror["status_message"] == "Success, transaction is found"
    assert other["status_code"] == "407"
    assert unknown["status_code"] == hidden["status_code"] == "404"
    assert shown["order_id"] == "A1-own-id"


def test_any_body_can_be_sent_signed_or_not(midsim: Midsim, shop: Shop) -> None:
    body = {"order_id": ORDER, "status_code": "200", "gross_amount": "1.00"}

    midsim.control("notify", body=body, sign="good")
    midsim.control("notify", body=body, sign="bad", headers={"X-Test": "1"})
    midsim.control("notify", raw_base64=base64.b64encode(b"\xff\x00").decode())
    midsim.control("notify", body="plain", copies=3, concurrent=True)

    good, bad = (json.loads(raw) for raw in shop.received[:2])
    assert len(good["signature_key"]) == 128
    assert bad["signature_key"] != good["signature_key"]
    assert shop.headers[1]["X-Test"] == "1"
    assert shop.received[2:] == [b"\xff\x00", b"plain", b"plain", b"plain"]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"fixture": "../index.json"},
        {"fixture": "none.json"},
        {"raw_base64": "?"},
        {"body": "", "copies": 0},
    ],
)
def test_what_cannot_be_sent_is_refused(replay: Midsim, wanted: dict[str, Any]) -> None:
    answer = replay.client.post("/sim/api/notify", json=wanted, headers=ADMIN)

    assert answer.status_code == 400
    assert answer.get_json()["error"]


def test_a_seeded_order_lives_on(midsim: Midsim, shop: Shop) -> None:
    seeded = midsim.control(
        "orders/seed", order_id=ORDER, gross_amount=70_000, payment_type="gopay", status="settlement"
    )

    assert midsim.inspect("deliveries") == []
    midsim.event(seeded["id"], "refund", amount=20_000, refund_key="k1")
    midsim.deliver()

    assert midsim.status(ORDER)["refund_amount"] == "20000.00"
    assert shop.statuses == ["partial_refund"]
    assert midsim.create().status_code == 400


def test_bad_wishes_are_named(midsim: Midsim) -> None:
    transaction = midsim.pending()
    for path, body, status in (
        ("faults", {"where": "nowhere", "action": "x"}, 400),
        ("faults", {"where": "api", "action": "drop"}, 400),
        ("faults", {"where": "api", "action": "delay", "times": -1}, 400),
        ("faults", {"preset": "sunshine"}, 400),
        ("clock", {}, 400),
        ("settings", {"server_key": "SB-Mid-server-x"}, 400),
        ("settings", {"sender": "pigeon"}, 400),
        ("orders/seed", {"order_id": "A"}, 400),
        (f"transactions/{transaction}/events", {"event": "explode"}, 400),
        ("transactions/unknown/events", {"event": "pay"}, 404),
        ("sessions/unknown/choose", {"method": "bca_va"}, 404),
        ("deliveries/unknown/resend", {}, 404),
    ):
        answer = midsim.client.post(f"/sim/api/{path}", json=body, headers=ADMIN)
        assert (path, answer.status_code) == (path, status)
        assert answer.get_json()["error"]


def test_the_report_lists_what_was_settled_with_fees(midsim: Midsim) -> None:
    midsim.event(midsim.pending(order_id="A"), "pay")
    midsim.pending("ovo", "B")

    lines = midsim.client.get("/sim/api/report.csv", headers=ADMIN).text.splitlines()

    assert lines[0].startswith("order_id,transaction_id,payment_type,transaction_status,gross_amount,fee")
    assert [line.split(",")[3] for line in lines[1:]] == ["settlement", "pending"]
    assert [line.split(",")[5] for line in lines[1:]] == ["4440", "0"]
    assert midsim.client.get("/sim/api/report.csv?from=x", headers=ADMIN).status_code == 400


@pytest.mark.parametrize(
    ("environment", "given"),
    [
        ({"MINISPOD_ENV": "production"}, {}),
        ({"MIDTRANS_IS_PRODUCTION": "true"}, {}),
        ({"MIDSIM_SERVER_KEY": "Mid-server-real"}, {}),
        ({}, {"server_key": "Mid-server-real"}),
        ({"MIDSIM_PORT": "many"}, {}),
        ({"MIDSIM_CLOCK": "sundial"}, {}),
    ],
)
def test_it_refuses_to_start_near_production(environment: dict[str, str], given: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        config_from(environment, **given)


def test_options_win_over_the_environment() -> None:
    config = config_from(
        {"MIDSIM_404_STYLE": "http200", "MIDSIM_SEED": "5", "MIDSIM_ALLOWED_HOSTS": "a, b"}, seed="6"
    )

    assert (config.style_404, config.seed, config.allowed_hosts) == ("http200", 6, ("a", "b"))
    assert config.admin_token not in repr(config)


def _start(folder: Path, *more: str, parent: str = "") -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "minispod.simulator.midtrans", "--port", "0", "--ready-file", str(ready)]
    command += ["--db", str(folder / "midsim.db"), *more]
    if parent:
        command = [sys.executable, "-c", parent, *command]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 90
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return process, json.loads(ready.read_text(encoding="utf-8"))


def test_the_process_leaves_cleanly_and_remembers(tmp_path: Path) -> None:
    process, facts = _start(tmp_path)
    body = {"transaction_details": {"order_id": ORDER, "gross_amount": 5000}}
    create = f"{facts['url']}/snap/v1/transactions"
    page = requests.post(create, json=body, auth=(KEY, ""), timeout=5).json()["redirect_url"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0

    process, facts = _start(tmp_path)
    again = requests.get(facts["url"] + page[page.index("/snap") :], timeout=5)
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=60) == 0
    assert ORDER in again.text
    assert (tmp_path / "ready.json").stat().st_mode & 0o077 == 0
    with sqlite3.connect(tmp_path / "midsim.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_the_process_dies_with_its_parent(tmp_path: Path) -> None:
    parent, facts = _start(tmp_path, parent="import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()")

    parent.send_signal(signal.SIGKILL)
    parent.wait(timeout=60)

    deadline = time.monotonic() + 60
    while _answers(facts["url"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _answers(facts["url"])


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/sim/api/health", timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    ("option", "environment", "sentence"),
    [
        ("--port={taken}", {}, "midsim: cannot listen on 127.0.0.1:{taken}: Address already in use"),
        ("--port=0", {"MINISPOD_ENV": "production"}, "midsim: MINISPOD_ENV is production"),
    ],
)
def test_a_taken_port_and_production_get_one_sentence(
    shop: Shop, option: str, environment: dict[str, str], sentence: str
) -> None:
    taken = shop.url.split(":")[2].split("/")[0]

    refused = subprocess.run(
        [sys.executable, "-m", "minispod.simulator.midtrans", option.format(taken=taken)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert refused.returncode == 2
    assert refused.stderr.startswith(sentence.format(taken=taken))
    assert len(refused.stderr.splitlines()) == 1
