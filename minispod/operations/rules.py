"""What settings say about operations."""

from dataclasses import dataclass
from datetime import timedelta

from minispod.instances.specifying import ClusterRules


@dataclass(frozen=True, slots=True)
class OperationRules:
    """How long things may take and how often they are tried; how long what was made is kept."""

    cluster: ClusterRules
    attempts: int
    retry: timedelta
    keep_retired: timedelta
    keep_backup_days: int
