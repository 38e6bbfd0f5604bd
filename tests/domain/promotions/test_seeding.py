"""The coupons of a demo: one of each kind, put there once by `flask seed-demo`."""

from flask import Flask
from sqlalchemy import func, select

from minispod.accounts.models import User
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.promotions import issuing
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponStatus, CouponType
from tests.factories.payments import TESTER


def _seed(app: Flask) -> None:
    with app.app_context():
        done = app.test_cli_runner().invoke(args=["seed-demo"])
    assert done.exit_code == 0, done.output


def test_a_demo_has_a_living_coupon_of_each_kind(app: Flask, clock: FrozenClock) -> None:
    _seed(app)

    with app.app_context():
        coupons = session().scalars(select(Coupon)).all()
        assert {coupon.type for coupon in coupons} == set(CouponType)
        assert all(coupon.status_at(clock.now()) is CouponStatus.ACTIVE for coupon in coupons)


def test_seeding_again_adds_nothing_and_leaves_what_staff_changed(app: Flask, clock: FrozenClock) -> None:
    _seed(app)
    with app.app_context(), unit_of_work():
        coupon = session().scalars(select(Coupon).where(Coupon.code == "HEMAT20")).one()
        issuing.change(coupon.id, {"discount_percent": 30}, actor=TESTER, at=clock.now())

    _seed(app)

    with app.app_context():
        kept = session().scalars(select(Coupon).where(Coupon.code == "HEMAT20")).one()
        assert kept.discount_percent == 30
        assert session().scalar(select(func.count()).select_from(Coupon)) == len(CouponType) + 1
        assert session().scalar(select(func.count()).select_from(User)) == 2
