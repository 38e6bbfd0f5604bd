"""`flask recipes check` and `flask recipes try`: what they say, what they answer, and that nothing is left."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from flask import Flask

from minispod.catalog.recipes import RECIPE_FILES
from minispod.cluster.port import WorkloadSighting
from minispod.instances import trying
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from tests.plugins.app import PortsNow

Run = Callable[..., Result]

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def run(app: Flask) -> Run:
    """Run `flask recipes ...`."""

    def invoke(*words: str, given: str = "") -> Result:
        return app.test_cli_runner().invoke(args=["recipes", *words], input=given)

    return invoke


def _namespaces(cluster: KubernetesCluster) -> set[str]:
    """The scratch namespaces that are there and not on their way out."""
    found = [each["metadata"] for each in cluster.inventory("namespaces")]
    return {
        each["name"] for each in found if each["name"].startswith("try-") and "deletionTimestamp" not in each
    }


def _changed(tmp_path: Path, slug: str, **fields: object) -> str:
    content = yaml.safe_load((RECIPE_FILES / f"{slug}.yaml").read_text())
    path = tmp_path / f"{slug}.yaml"
    path.write_text(yaml.safe_dump({**content, **fields}))
    return str(path)


def test_all_shipped_recipes_are_in_order(run: Run) -> None:
    done = run("check", *map(str, sorted(RECIPE_FILES.glob("*.yaml"))))

    assert done.exit_code == 0, done.output
    assert done.output.count("is in order.") == 10
    assert "wordpress.yaml: WordPress 6.8.3-php8.3-apache is in order." in done.output


def test_mistakes_are_status_1_and_do_not_hide_the_other_files(run: Run, tmp_path: Path) -> None:
    bad = _changed(tmp_path, "grafana", port="many", colour="red")

    done = run("check", bad, str(RECIPE_FILES / "redis.yaml"), str(tmp_path / "missing.yaml"))

    assert done.exit_code == 1
    assert re.search(r"^grafana\.yaml:\d+: port: must be a whole number", done.output, re.MULTILINE)
    assert re.search(r"^grafana\.yaml:\d+: colour: is not a known field", done.output, re.MULTILINE)
    assert "redis.yaml: Redis" in done.output
    assert "missing.yaml:1: file: cannot be read" in done.output


@pytest.mark.parametrize("slug", ["wordpress", "redis"])
def test_a_trial_shows_the_way_in_and_leaves_nothing(run: Run, cluster: KubernetesCluster, slug: str) -> None:
    done = run("try", str(RECIPE_FILES / f"{slug}.yaml"), "--language", "id")

    assert done.exit_code == 0, done.output
    address = rf"http://\S+\.{slug}\.minispod\.localhost" if slug == "wordpress" else r"redis-\S+\.svc:6379"
    assert re.search(rf"Ready at {address}", done.output), done.output
    assert ("Buka http" if slug == "wordpress" else "kata sandi") in done.output
    assert done.output.endswith("Removed.\n")
    assert _namespaces(cluster) == set()


def test_a_broken_file_is_not_tried(run: Run, cluster: KubernetesCluster, tmp_path: Path) -> None:
    done = run("try", _changed(tmp_path, "grafana", port="many"))

    assert done.exit_code == 1
    assert "port: must be a whole number" in done.output
    assert "Trying" not in done.output


def test_what_cannot_run_is_explained_and_removed(
    run: Run, cluster: KubernetesCluster, tmp_path: Path
) -> None:
    done = run("try", _changed(tmp_path, "grafana", image="registry.invalid/does-not-exist:1.0"))

    assert done.exit_code == 1
    assert "The image registry.invalid/does-not-exist:1.0 could not be pulled." in done.output
    assert "Grafana did not become ready." in done.output
    assert "Removed.\n" in done.output
    assert _namespaces(cluster) == set()


def test_ctrl_c_while_waiting_removes_it_too(
    run: Run, cluster: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    present: set[str] = set()
    see = KubernetesCluster.see

    def interrupted(self: KubernetesCluster, namespace: str, name: str) -> WorkloadSighting | None:
        sighting = see(self, namespace, name)
        if sighting is not None and not present:
            present.update(_namespaces(cluster))
            raise KeyboardInterrupt
        return sighting

    monkeypatch.setattr(KubernetesCluster, "see", interrupted)

    done = run("try", str(RECIPE_FILES / "gitea.yaml"))

    assert len(present) == 1
    assert done.exit_code == 130, done.output
    assert "Interrupted." in done.output
    assert done.output.endswith("Removed.\n")
    assert _namespaces(cluster) == set()


def test_stay_waits_for_a_person(run: Run, cluster: KubernetesCluster) -> None:
    done = run("try", str(RECIPE_FILES / "uptime-kuma.yaml"), "--stay", given="\n")

    assert done.exit_code == 0, done.output
    assert done.output.index("Ready at") < done.output.index("Press Enter") < done.output.index("Removed.")


def test_a_silent_cluster_is_said_and_what_may_be_left_is_named(
    run: Run, ports: PortsNow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "_ROUND_SECONDS", 0.1)
    monkeypatch.setattr("minispod.cli.REMOVAL_SECONDS", 0.5)
    ports.change(cluster=KubernetesCluster(f"{tmp_path}/no-such-kubeconfig"))

    done = run("try", str(RECIPE_FILES / "redis.yaml"), "--patience", "0.5")

    assert done.exit_code == 1
    assert "The cluster does not answer" in done.output
    assert re.search(r"Not everything is gone; delete the namespace try-\w+\.", done.output)
