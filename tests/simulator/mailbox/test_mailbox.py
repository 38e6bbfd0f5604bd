"""What mail clients and readers may expect of the mailbox."""

import json
import signal
import smtplib
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from minispod.simulator.mailbox.drawer import Drawer
from tests.plugins.simulators import Simulator
from tests.simulator.mailbox.conftest import Mailbox, letter


def test_a_sent_mail_is_listed_newest_first_and_found_by_recipient(mailbox: Mailbox) -> None:
    mailbox.send(letter(to="ani@example.com", subject="First"))
    mailbox.send(letter(to="budi@example.com", subject="Second"))

    assert [one["subject"] for one in mailbox.messages()] == ["Second", "First"]
    assert [one["subject"] for one in mailbox.messages(to="ANI@example.com")] == ["First"]
    assert [one["subject"] for one in mailbox.messages(subject="sec")] == ["Second"]
    assert "Second" in mailbox.get("/").text
    assert "Second" not in mailbox.get("/?to=ani").text


def test_a_letter_shows_text_links_headers_html_and_attachments(mailbox: Mailbox) -> None:
    message = letter(text="Open http://n8n.minispod.localhost/start.")
    message.add_alternative("<p>Hi <script>alert(1)</script></p>", subtype="html")
    message.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="receipt.pdf")

    mailbox.send(message)

    (one,) = mailbox.messages()
    assert one["text"].strip() == "Open http://n8n.minispod.localhost/start."
    assert one["links"] == ["http://n8n.minispod.localhost/start"]
    assert {"name": "To", "value": "budi@example.com"} in one["headers"]
    assert one["attachments"] == [{"name": "receipt.pdf", "content_type": "application/pdf", "size": 6}]
    page = mailbox.get(f"/messages/{one['id']}")
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "<script>" not in page.text
    assert mailbox.get(f"/messages/{one['id']}/attachments/1").content == b"%PDF-1"


def test_html_of_a_mail_is_served_in_a_sandbox_of_its_own(mailbox: Mailbox) -> None:
    message = letter()
    message.add_alternative("<p>Hi</p>", subtype="html")
    mailbox.send(message)
    (one,) = mailbox.messages()

    policy = mailbox.get(f"/messages/{one['id']}/html").headers["Content-Security-Policy"]

    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


def test_hostile_subjects_are_escaped(mailbox: Mailbox) -> None:
    mailbox.send(letter(subject="<img src=x onerror=alert(1)>"))

    assert "<img" not in mailbox.get("/").text


def test_mails_can_be_deleted_by_recipient_and_one_by_one(mailbox: Mailbox) -> None:
    for to in ("a@example.com", "b@example.com", "b@example.com"):
        mailbox.send(letter(to=to))

    assert mailbox.delete("/api/messages?to=b@example.com").json() == {"deleted": 2}
    (left,) = mailbox.messages()
    assert mailbox.delete(f"/api/messages/{left['id']}").json() == {"deleted": 1}
    assert mailbox.delete(f"/api/messages/{left['id']}").status_code == 404
    assert mailbox.messages() == []


@pytest.mark.parametrize(("stage", "code"), [("mail", 451), ("data", 554)])
def test_the_lever_refuses_so_many_mails_and_no_more(mailbox: Mailbox, stage: str, code: int) -> None:
    mailbox.pull(refuse={"times": 2, "code": code, "stage": stage}).raise_for_status()

    for _ in range(2):
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            mailbox.send(letter())
        assert refused.value.smtp_code == code
    mailbox.send(letter())

    assert len(mailbox.messages()) == 1


def test_the_lever_can_refuse_one_recipient(mailbox: Mailbox) -> None:
    mailbox.pull(refuse={"times": 1, "code": 550, "to": "gone@example.com"}).raise_for_status()

    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mailbox.send(letter(to="gone@example.com"))
    mailbox.send(letter(to="here@example.com"))


def test_the_lever_slows_answers_down(mailbox: Mailbox) -> None:
    mailbox.pull(delay_s=0.3).raise_for_status()

    began = time.monotonic()
    mailbox.send(letter())

    assert time.monotonic() - began >= 0.3


def test_levers_need_their_token_and_make_sense(mailbox: Mailbox) -> None:
    without = requests.post(f"{mailbox.http}/api/levers", json={"delay_s": 1}, timeout=5)

    assert without.status_code == 401
    assert mailbox.pull(refuse={"times": 0}).status_code == 400
    assert mailbox.pull(delay_s="long").status_code == 400


def test_pages_carry_strict_headers(mailbox: Mailbox) -> None:
    headers = mailbox.get("/").headers

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert mailbox.get("/messages/nothing").status_code == 404


def test_mails_survive_a_restart_and_the_oldest_leave_a_full_drawer(tmp_path) -> None:
    drawer = Drawer(tmp_path, limit=3)
    for number in range(5):
        drawer.keep("from@example.com", ["to@example.com"], f"Subject: {number}\r\n\r\nx".encode())

    again = Drawer(tmp_path, limit=3)

    kept = [again.find(one.id) for one in again.envelopes()]
    assert [raw.split(b"\r")[0] for _, raw in kept] == [b"Subject: 4", b"Subject: 3", b"Subject: 2"]
    assert len(list(tmp_path.iterdir())) == 6


def test_bytes_that_are_no_proper_mail_are_kept_and_shown(mailbox: Mailbox) -> None:
    host, port = mailbox.smtp.split(":")
    with smtplib.SMTP(host, int(port), timeout=5) as connection:
        connection.sendmail(
            "a@example.com", ["b@example.com"], b"Content-Type: text/plain; charset=nope\r\n\r\n\xff"
        )

    (one,) = mailbox.messages()
    assert mailbox.get(f"/messages/{one['id']}").status_code == 200


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_process_leaves_cleanly_and_remembers(tmp_path: Path, end: signal.Signals) -> None:
    for expected in (0, 1):
        process, box = _start(tmp_path)
        assert len(box.messages()) == expected
        box.send(letter())
        process.send_signal(end)
        assert process.wait(timeout=60) == 0


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], Mailbox]:
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "minispod.simulator.mailbox", "--smtp-port", "0", "--http-port", "0"]
    command += ["--store", str(folder / "mails"), "--ready-file", str(ready)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 90
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return process, Mailbox(Simulator(json.loads(ready.read_text(encoding="utf-8"))))
