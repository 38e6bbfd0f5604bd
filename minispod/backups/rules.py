"""The rules of backups, as acts and jobs take them."""

from dataclasses import dataclass
from datetime import timedelta

from minispod.backups.daily import Nights


@dataclass(frozen=True, slots=True)
class BackupRules:
    """How long backups are kept, when the nightly ones are taken, and how old the newest may become."""

    keep_days: int
    nights: Nights
    alarm: timedelta
