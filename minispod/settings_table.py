"""The README's configuration table, written from the settings themselves.

`flask settings-table` prints it; `python -m minispod.settings_table README.md` puts it between the markers of a file.
It reads the fields of the groups, never the environment, so that the table is the same everywhere. Defaults of
secrets are not shown.
"""

import sys
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from minispod.settings import GROUPS

BEGIN = "<!-- settings -->"
END = "<!-- /settings -->"
_HEADER = ("| Variable | Default | Meaning |", "|---|---|---|")
# Secret although they are no SecretStr: tuples of keys.
_SECRET_NAMES = frozenset({"SEALING_KEYS", "BACKUP_KEYS"})


def render() -> str:
    """The table in Markdown, one section per group, without a trailing newline."""
    return "\n\n".join(_section(group.__doc__ or group.__name__, group.model_fields) for group in GROUPS)


def put_into(page: str) -> str:
    """The page with the table between its markers; raise ValueError when it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n\n{render()}\n\n{END}{after}"


def _section(title: str, fields: dict[str, FieldInfo]) -> str:
    rows = (_row(variable_of(name, field), field) for name, field in fields.items())
    return "\n".join((f"**{title.strip()}**", "", *_HEADER, *rows))


def _row(variable: str, field: FieldInfo) -> str:
    default = "*secret*" if is_secret(variable, field) else _shown(field.default)
    return f"| `{variable}` | {default} | {_cell(field.description or '')} |"


def variable_of(name: str, field: FieldInfo) -> str:
    """The environment variable of a field."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return alias.upper() if isinstance(alias, str) else name.upper()


def is_secret(variable: str, field: FieldInfo) -> bool:
    """Tell whether nobody may read the value: not even the default is shown."""
    return variable in _SECRET_NAMES or isinstance(field.default, SecretStr)


def _shown(default: Any) -> str:
    if default is None or default in ("", ()):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    return f"`{_cell(str(default))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = Path(name)
        file.write_text(put_into(file.read_text(encoding="utf-8")), encoding="utf-8")
