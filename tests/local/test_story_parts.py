"""What the story is made of: finding the demo, reading forms, timing steps, stopping with a sentence."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minispod.local.chapters.chargeback import charge_back
from minispod.local.chapters.upgrading import millicores_of
from minispod.local.forms import forms_of
from minispod.local.surroundings import PATIENT, QUICK, Surroundings
from minispod.local.timeline import StoryStopped, Timeline, eventually
from minispod.local.visit import Visit

ROOT = Path(__file__).resolve().parents[2]
URL = "http://k7m2qa.n8n-automation.minispod.localhost:8480/setup"


def publish(directory: Path, **endpoints: str) -> Path:
    """A demo's endpoints, as the demo writes them."""
    (directory / "endpoints.json").write_text(json.dumps(endpoints))
    return directory


def test_without_a_demo_nearby_the_defaults_are_taken(tmp_path: Path) -> None:
    around = Surroundings.look_around({}, tmp_path)

    assert around.web == "http://127.0.0.1:5000"
    assert (around.midtrans, around.mailbox, around.ingress) == (None, None, None)


def test_the_demo_says_where_its_parts_are(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"LEVER_TOKEN": "word"}')
    publish(
        tmp_path,
        web="http://localhost:5077",
        mailbox="http://127.0.0.1:8482",
        ingress="http://127.0.0.1:60617",
        kubeconfig=str(tmp_path / "kubeconfig"),
    )

    around = Surroundings.look_around({}, tmp_path)

    assert around.web == "http://127.0.0.1:5077"
    assert around.mailbox == "http://127.0.0.1:8482"
    assert around.address_of(URL) == "127.0.0.1:60617"
    assert (around.lever_token, around.patience) == ("word", QUICK)
    assert "word" not in repr(around)


def test_the_environment_wins(tmp_path: Path) -> None:
    publish(tmp_path, web="http://localhost:5077", ingress="http://127.0.0.1:60617")

    around = Surroundings.look_around({"PORT": "6000", "INGRESS_ADDRESS": "10.0.0.7"}, tmp_path)

    assert around.web == "http://127.0.0.1:6000"
    assert around.address_of(URL) == "10.0.0.7"


@pytest.mark.parametrize(
    ("environment", "endpoints"),
    [
        ({"KUBECONFIG": "/elsewhere/kubeconfig"}, {}),
        ({}, {"kubeconfig": "/elsewhere/kubeconfig"}),
    ],
)
def test_a_real_cluster_is_given_more_time(
    tmp_path: Path, environment: dict[str, str], endpoints: dict[str, str]
) -> None:
    publish(tmp_path, **endpoints)

    assert Surroundings.look_around(environment, tmp_path).patience == PATIENT


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (URL, "127.0.0.1:8480"),
        ("http://blog.minispod.localhost", "127.0.0.1:80"),
        ("https://k7m2qa.apps.example.com", "k7m2qa.apps.example.com:443"),
    ],
)
def test_local_hosts_are_on_this_machine_and_others_are_looked_up(
    tmp_path: Path, url: str, address: str
) -> None:
    assert Surroundings.look_around({}, tmp_path).address_of(url) == address


def test_an_unreadable_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text("{half")

    assert Surroundings.look_around({}, tmp_path).web == "http://127.0.0.1:5000"


def test_a_form_is_read_with_what_it_would_send() -> None:
    page = """
      <form method="post" action="/pay/1"><input type="hidden" name="embed" value="1">
        <input type="radio" name="method" value="gopay" checked><input type="radio" name="method" value="qris">
        <select name="device"><option value="desktop">D</option><option value="mobile">M</option></select>
        <button name="action" value="choose">Continue</button></form>
      <form action="/pay/1"><input type="checkbox" name="returned" value="yes">
        <button name="action" value="close">Close</button></form>"""

    first, second = forms_of(page, preferred="qris")

    assert forms_of(page)[0].fields["method"] == "gopay"
    assert first.fields == {"embed": "1", "method": "qris", "device": "desktop"}
    assert first.buttons == [("action", "choose")]
    assert (second.action, second.fields, second.buttons) == ("/pay/1", {}, [("action", "close")])


def test_a_step_is_printed_with_what_it_found_also_when_it_fails() -> None:
    output = io.StringIO()
    told = Timeline(output)

    with told.step("goes well"):
        told.remark("one fact")
    with pytest.raises(StoryStopped), told.step("goes wrong"):
        raise StoryStopped("no")

    first, second = output.getvalue().splitlines()
    assert "ok" in first
    assert "goes well  (one fact)" in first
    assert "failed" in second
    assert "goes wrong" in second


def test_what_only_the_simulated_gateway_can_do_is_left_out_with_a_remark(tmp_path: Path) -> None:
    output = io.StringIO()
    visit = Visit(Surroundings.look_around({}, tmp_path), Timeline(output))

    charge_back(visit)

    assert (
        "the card's bank takes its payment back  (left out: only the simulated gateway" in output.getvalue()
    )


@pytest.mark.parametrize(("text", "millicores"), [("1500m", 1500), ("2", 2000), ("0.5", 500)])
def test_a_size_is_read_as_kubernetes_writes_it(text: str, millicores: int) -> None:
    assert millicores_of(text) == millicores


def test_waiting_ends_with_a_sentence() -> None:
    with pytest.raises(StoryStopped, match="never came"):
        eventually(lambda: None, within=0.05, every=0.01, otherwise="it never came")


def test_without_a_demo_the_story_says_where_it_stopped(tmp_path: Path) -> None:
    code = (
        "from minispod.local import story; story.arriving.READY_SECONDS = 0.1; raise SystemExit(story.main())"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, "--state", str(tmp_path)],
        env={**os.environ, "PORT": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert told.returncode == 1
    assert "failed  the shop is ready" in told.stdout
    assert "is there a demo? Start one with 'make demo'" in told.stdout
    assert "Traceback" not in told.stderr
