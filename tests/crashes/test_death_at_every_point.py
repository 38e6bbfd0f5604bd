"""A process killed at any named point of a money path: others go on, and nothing is charged or credited twice."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from minispod.integrations.midtrans import MidtransGateway
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.faultpoints import FaultPoint, Side, every_point
from tests.crashes import plan_scenes, scenes
from tests.crashes.scenes import CREDIT, Scene, Stage
from tests.crashes.victim import dies_at
from tests.factories.payments import Levers
from tests.plugins.app import Person
from tests.plugins.shop import Shop
from tests.plugins.simulators import Simulator

SCENES = (*scenes.SCENES, *plan_scenes.SCENES)


def deaths() -> Iterator[tuple[Scene, FaultPoint]]:
    """Each scene with each point on its way."""
    for scene in SCENES:
        for step in scene.steps:
            for side in Side:
                yield scene, FaultPoint(side, step)


@pytest.fixture
def stage(
    app: Flask,
    clock: FrozenClock,
    person: Callable[..., Person],
    shop: Shop,
    gateway: MidtransGateway,
    midtrans_simulator: Simulator,
    plan_id: Callable[..., uuid.UUID],
    tick: Callable[[str], None],
    run_jobs: Callable[..., int],
    headers_now: Callable[[Person], dict[str, str]],
) -> Stage:
    """An open shop with one customer."""
    levers = Levers(midtrans_simulator)
    levers.reset()
    return Stage(
        app=app,
        clock=clock,
        customer=person(credit=CREDIT),
        staff=person(role=Role.ADMINISTRATOR, name="Ayu Admin"),
        shop=shop,
        levers=levers,
        plan=plan_id(),
        plan_id=plan_id,
        tick=tick,
        run_jobs=run_jobs,
        headers=headers_now,
        administrator=lambda: person(role=Role.ADMINISTRATOR),
    )


@pytest.mark.parametrize(
    ("scene", "point"),
    [pytest.param(*death, id=f"{type(death[0]).__name__}-{'-'.join(death[1])}") for death in deaths()],
)
def test_whoever_dies_there_nothing_is_lost_or_doubled(stage: Stage, scene: Scene, point: FaultPoint) -> None:
    scene.set(stage)

    assert dies_at(point, stage.app, lambda: scene.act(stage)), "the scene does not pass this point"

    scene.repeat(stage, point)
    stage.let_time_pass()
    scene.end(stage)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: type(scene).__name__)
def test_without_a_death_it_ends_the_same(stage: Stage, scene: Scene) -> None:
    scene.set(stage)
    scene.act(stage)

    scene.repeat(stage, FaultPoint(Side.AFTER, scene.steps[-1]))
    stage.let_time_pass()

    scene.end(stage)


def test_there_is_a_scene_for_every_point() -> None:
    assert {point for _, point in deaths()} == set(every_point())
