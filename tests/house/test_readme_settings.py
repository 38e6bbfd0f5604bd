"""The README's configuration table is the settings' own, complete, and shows no secret."""

from pathlib import Path

from minispod import settings_table
from minispod.settings import GROUPS

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_table_in_the_readme_is_what_the_settings_say() -> None:
    page = README.read_text()

    assert page == settings_table.put_into(page), "run `python -m minispod.settings_table README.md`"


def test_every_setting_has_a_row_and_says_what_it_means() -> None:
    table = settings_table.render()
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]

    assert len(rows) == sum(len(group.model_fields) for group in GROUPS)
    assert [row[0] for row in rows if len(row[2].rstrip("| ")) < 10] == []


def test_no_secret_default_is_shown() -> None:
    table = settings_table.render()

    for group in GROUPS:
        for field in group.model_fields.values():
            if hasattr(field.default, "get_secret_value") and field.default.get_secret_value():
                assert field.default.get_secret_value() not in table
    assert "ZGV2ZWxvcG1lbnQ" not in table
