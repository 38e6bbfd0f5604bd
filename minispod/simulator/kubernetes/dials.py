"""The durations of the simulated cluster, in simulated seconds; levers may turn them at any time.

A speed other than 1 shortens them all alike (see `reactor`), so these stay what a real small cluster shows.
"""

from dataclasses import asdict, dataclass, fields


@dataclass(slots=True)
class Dials:
    """How long things take."""

    pull_seconds: float = 4.0
    repull_seconds: float = 0.4
    start_seconds: float = 0.5
    boot_seconds: float = 1.5
    stop_seconds: float = 0.6
    job_seconds: float = 2.0
    backoff_first_seconds: float = 10.0
    backoff_most_seconds: float = 300.0
    backoff_forgiven_seconds: float = 600.0
    node_grace_seconds: float = 40.0
    toleration_seconds: int = 300
    metrics_age_seconds: float = 1.0
    node_boot_seconds: float = 2.0

    def turn(self, name: str, value: float) -> None:
        """Set one dial; raises KeyError for an unknown name, ValueError for a negative time."""
        if name not in {dial.name for dial in fields(self)}:
            raise KeyError(name)
        if value < 0:
            raise ValueError("a duration cannot be negative")
        setattr(self, name, int(value) if name == "toleration_seconds" else float(value))

    def shown(self) -> dict[str, float]:
        """All dials by name."""
        return asdict(self)
