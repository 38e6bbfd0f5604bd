"""Logs as a cluster gives them out: of pods that are replaced, written while somebody reads."""

from collections.abc import Iterator

from minispod.cluster.port import LogPlace, NoSuchObject
from minispod.integrations.kubernetes.adapter import KubernetesCluster


class WrittenStream:
    """A stream that ends with what is written now."""

    def __init__(self, pod: str, lines: list[tuple[int, str]], after: LogPlace | None) -> None:
        self.pod, self.place = pod, after if after is not None and after.pod == pod else None
        since = self.place.stamp[0] if self.place is not None else -1
        self._left = [(number, text) for number, text in lines if number > since]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self._left:
            raise StopIteration
        number, text = self._left.pop(0)
        self.place = LogPlace(self.pod, (number, 0))
        return text

    def close(self) -> None:
        """Nothing is open."""


class WritingCluster(KubernetesCluster):
    """A cluster whose application writes what the test says; `pod` is None while there is none."""

    def __init__(self, *lines: str) -> None:
        super().__init__("/nonexistent/kubeconfig")
        self.pod: str | None = "app-1"
        self.asked = 0
        self._lines: list[tuple[int, str]] = []
        self.write(*lines)

    def write(self, *lines: str) -> None:
        """Write further lines."""
        self._lines += [(len(self._lines) + number, text) for number, text in enumerate(lines)]

    def replace(self, pod: str | None) -> None:
        """Another pod takes its place, with a log of its own."""
        self.pod, self._lines = pod, []

    def follow_logs(
        self,
        namespace: str,
        workload: str,
        *,
        container: str,
        lines: int,
        after: LogPlace | None = None,
        goes_on: bool = True,
    ) -> WrittenStream:  # type: ignore[override]
        """What is written now."""
        assert not goes_on, "a page does not wait"
        self.asked += 1
        if self.pod is None:
            raise NoSuchObject("The application has not started yet.")
        return WrittenStream(self.pod, self._lines[-lines:], after)
