"""Documents say what is: links lead somewhere, named files, rooms, commands and variables exist."""

import re
from pathlib import Path

import pytest

from minispod.settings_table import render

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), ROOT / "deploy/README.md"]
)
# Read by the Procfile, the demo or tools, not by the settings.
OTHER_VARIABLES = {
    "INGRESS_ADDRESS",
    "WEB_KUBECONFIG",
    "REALTIME_PORT",
    "REALTIME_CONNECTIONS",
    "WEB_CONCURRENCY",
    "WEB_THREADS",
    "HISTORIES_SEED",
    "FUZZ_SEED",
}
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[a-z_.]+(?:/[A-Za-z0-9_.-]+)+/?")
ROOMS = ("", "minispod/", "docs/", "minispod/simulator/")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = [link.partition("#")[0] for link in LINK.findall(document.read_text())]
    broken = [
        link
        for link in links
        if link and not re.match(r"[a-z]+:", link) and not (document.parent / link).exists()
    ]

    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_files_exist(document: Path) -> None:
    named = {code.rstrip("/") for code in CODE.findall(document.read_text()) if PATH.fullmatch(code)}
    ours = {name for name in named if name.split("/")[0] in _first_parts()}

    assert sorted(name for name in ours if not any(_exists(room + name) for room in ROOMS)) == []


def _first_parts() -> set[str]:
    return {path.name for room in ROOMS for path in (ROOT / room).iterdir() if path.is_dir()} - {".demo"}


def _exists(name: str) -> bool:
    """A file or folder; or a name in a module, such as `kernel/database.lock`."""
    module, _, inner = name.rpartition(".")
    file = ROOT / f"{module}.py"
    named = file.exists() and re.search(
        rf"^(?:def|class) {re.escape(inner)}\b", file.read_text(), re.MULTILINE
    )
    return (ROOT / name).exists() or (ROOT / f"{name}.py").exists() or bool(named)


def test_every_room_has_its_paragraph() -> None:
    told = set(re.findall(r"^\*\*([a-z_.]+)\*\*", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE))
    rooms = {path.parent.name for path in (ROOT / "minispod").glob("*/__init__.py")}

    assert rooms - told == set()
    assert {each for each in told if "." not in each} - rooms == set()


def test_every_decision_is_listed_and_every_cited_one_exists() -> None:
    folder = ROOT / "docs/adr"
    pages = {path.name for path in folder.glob("[0-9]*.md")}
    numbers = {page[:4] for page in pages}
    cited = {
        number
        for file in [*(ROOT / "minispod").rglob("*.py"), ROOT / ".importlinter"]
        for number in re.findall(r"adr/(\d{4})", file.read_text())
    }

    assert set(re.findall(r"\(([0-9][^)]+\.md)\)", (folder / "README.md").read_text())) == pages
    assert len(numbers) == len(pages)
    assert cited <= numbers
    for page in pages:
        text = (folder / page).read_text()
        assert text.startswith(f"# {page[:4]} "), page
        assert [title for title in ("## Context", "## Decision", "## Price") if title not in text] == [], page


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_variables_and_commands_exist(document: Path) -> None:
    text = document.read_text()
    known = set(re.findall(r"^\| `([A-Z_]+)`", render(), re.MULTILINE)) | OTHER_VARIABLES
    named = {code.partition("=")[0] for code in CODE.findall(text)}
    variables = {name for name in named if re.fullmatch(r"[A-Z]+(?:_[A-Z]+)+", name)}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wanted = set(re.findall(r"`make ([a-z-]+)", text))

    assert variables - known - _spoken_words() == set()
    assert wanted - targets == set()


def _spoken_words() -> set[str]:
    """Values of our own enums that look like variables."""
    from minispod.kernel.tasks import Task

    return {task.name for task in Task}


def test_nothing_is_said_about_a_machine() -> None:
    for document in DOCUMENTS:
        assert not re.search(r"/(?:root|work|tmp)/", document.read_text()), document
