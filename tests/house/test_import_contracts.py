"""The import contracts hold, and they have teeth: what is planted into a copy of the program is reported."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Who imports what they must not, and which contract says so.
PLANTED = [
    ("wallet/ledger.py", "minispod.subscriptions.ordering", "a floor imports only floors below it"),
    ("payments/queries.py", "minispod.instances.models", "a floor imports only floors below it"),
    ("promotions/checkout.py", "minispod.subscriptions.models", "a floor imports only floors below it"),
    ("api/catalog.py", "minispod.admin.pages", "a floor imports only floors below it"),
    ("app.py", "minispod.simulator.lifeline", "a floor imports only floors below it"),
    ("kernel/money.py", "minispod.wallet.models", "a floor imports only floors below it"),
    ("api/wallet.py", "minispod.integrations.smtp", "doors reach the outside through ports"),
    ("jobs/lifecycle.py", "redis", "only integrations, worker and local talk to the outside world"),
    ("subscriptions/renewal.py", "requests", "only integrations, worker and local talk to the outside world"),
    ("catalog/quota.py", "flask", "the business knows no web and no settings"),
    ("instances/controls.py", "minispod.settings", "the business knows no web and no settings"),
    ("promotions/redeeming.py", "minispod.kernel.unit_of_work", "only doors begin and commit"),
    ("subscriptions/expiry.py", "minispod.kernel.unit_of_work", "only doors begin and commit"),
    ("api/accounts.py", "sqlalchemy", "doors write no SQL"),
    ("jobs/housekeeping.py", "minispod.kernel.database", "doors write no SQL"),
    (
        "simulator/lifeline.py",
        "minispod.kernel.clock",
        "simulators and demo know the program only over the wire",
    ),
    (
        "simulator/midtrans/mint.py",
        "minispod.simulator.mailbox.letters",
        "simulators do not know one another",
    ),
    ("wallet/models.py", "minispod.wallet.ledger", "inside a package"),
]


def copied_to(directory: Path) -> Path:
    """A copy of the program and its contracts to plant something into."""
    shutil.copytree(ROOT / "minispod", directory / "minispod", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", directory)
    return directory


def check(directory: Path) -> tuple[int, str]:
    """Run import-linter on the program in `directory`; its exit status and what it said."""
    script = "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"
    command = [sys.executable, "-c", script, "--config", ".importlinter", "--no-cache"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def report_on_planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says about a copy of the program with every forbidden import planted."""
    copy = copied_to(tmp_path_factory.mktemp("planted"))
    for place, wanted, _ in PLANTED:
        file = copy / "minispod" / place
        file.write_text(f"{file.read_text()}\nimport {wanted}  # planted\n")
    status, said = check(copy)
    assert status == 1, said
    return said


def test_the_contracts_hold() -> None:
    status, said = check(ROOT)

    assert status == 0, said
    assert "0 broken" in said


@pytest.mark.parametrize(("place", "wanted", "contract"), PLANTED)
def test_a_planted_import_is_reported(report_on_planted: str, place: str, wanted: str, contract: str) -> None:
    importer = "minispod." + place.removesuffix(".py").replace("/", ".")

    found = section_of(report_on_planted, contract)

    assert re.search(rf"{re.escape(importer)} -> {re.escape(wanted)}\b", found), found


def test_a_room_without_a_floor_is_reported(tmp_path: Path) -> None:
    copied_to(tmp_path)
    (tmp_path / "minispod" / "lounge").mkdir()
    (tmp_path / "minispod" / "lounge" / "__init__.py").write_text("")

    status, said = check(tmp_path)

    assert status == 1
    assert "lounge" in said


def section_of(report: str, contract: str) -> str:
    """The part of the report that explains one broken contract."""
    parts = re.split(r"\n(?=[^\n]+\n-{3,}\n)", report.partition("Broken contracts")[2])
    return "\n".join(part for part in parts if part.lstrip().startswith(contract))
