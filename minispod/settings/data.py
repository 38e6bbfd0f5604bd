"""What is done with customers' data in several steps, and how long what it leaves is kept."""

from pydantic import Field

from minispod.settings.shapes import Group


class DataSettings(Group):
    """Operations on data: backups, restores, resets, moves, upgrades."""

    operation_attempts: int = Field(
        3, ge=1, le=10, description="Attempts before an operation on data is given up and undone."
    )
    operation_retry_seconds: int = Field(
        60, ge=0, description="Pause before the second attempt of an operation on data; doubles each time."
    )
    retired_volume_hours: int = Field(
        24,
        ge=1,
        description="A volume that a restore, reset, move, upgrade or return left is kept this "
        "long, and this long after the return of a node that was away.",
    )
    evacuate_after_minutes: int = Field(
        0,
        ge=0,
        description="What is tied to a node that has not answered this long is restored elsewhere from its newest "
        "backup, without asking; what was written since is lost then. 0: only staff decide it.",
    )
    backups_on_demand_per_day: int = Field(
        5, ge=1, le=100, description="So many backups of one instance may its owner take in 24 hours."
    )
    backups_at_once: int = Field(4, ge=1, le=100, description="So many daily backups are under way at once.")
    drill_days: int = Field(
        7, ge=1, le=365, description="Backups are restored for proof this often, in days."
    )
    drill_sample: int = Field(
        3, ge=0, le=100, description="So many backups are restored for proof each time; 0: none."
    )
