"""Refusals of the instances package."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken, Unavailable


class NoSuchInstance(NotFound):
    """There is no such instance, or it is somebody else's."""

    code = "instances.no_such_instance"
    default_message = "Instance not found"


class NothingToRetry(RuleBroken):
    """Only an instance in ERROR can be tried again."""

    code = "instances.nothing_to_retry"
    default_message = "Only a failed instance can be retried"


class ProvisioningRuns(Conflict):
    """The instance is being provisioned already."""

    code = "instances.provisioning_runs"
    default_message = "Provisioning is already in progress"


class AlreadyRunning(Conflict):
    """The instance runs: there is nothing to try again."""

    code = "instances.already_running"
    default_message = "The instance is already running"


class ResizedByUpgrade(RuleBroken):
    """An instance has the size of its plan; another size is another plan, which is paid for."""

    code = "instances.resized_by_upgrade"
    default_message = "An instance gets another size with another plan: upgrade its subscription"


class EndsWithSubscription(RuleBroken):
    """An instance is never deleted while its subscription goes on being billed."""

    code = "instances.ends_with_subscription"
    default_message = (
        "An instance is deleted with its subscription: cancel the subscription, or stop the instance"
    )


class EnvironmentRefused(RuleBroken):
    """A name or value of the environment may not be set; `errors` says why, by name."""

    code = "instances.environment_refused"
    default_message = "This cannot be set in the environment"


class NothingToRevert(RuleBroken):
    """The environment was never changed."""

    code = "instances.nothing_to_revert"
    default_message = "There is no earlier environment to go back to"


class NoSuchSecret(NotFound):
    """The instance has no credential of this name."""

    code = "instances.no_such_secret"
    default_message = "The instance has no credential of this name"


class CannotRotate(RuleBroken):
    """This credential cannot be changed from outside: it belongs to data that were written with it."""

    code = "instances.cannot_rotate"
    default_message = (
        "This credential cannot be changed here; change it inside the application, where that is possible"
    )


class RotationRuns(Conflict):
    """A credential of this instance is being changed already."""

    code = "instances.rotation_runs"
    default_message = "A credential of this instance is being changed already"


class RotationWaits(Unavailable):
    """The application does not run at the moment; its credential is changed when it does."""

    code = "instances.rotation_waits"
    default_message = "The application does not run at the moment; the credential is changed when it does"


class NoSuchOrphan(NotFound):
    """There is no such orphan any more: it is gone, or somebody owns it."""

    code = "instances.no_such_orphan"
    default_message = "It is gone, or belongs to an instance again"


class OrphanNotConfirmed(RuleBroken):
    """A volume is only removed by whoever writes its name."""

    code = "instances.orphan_not_confirmed"
    default_message = "Write the name of the volume to confirm that its data are deleted for good"


class OrphanNotRemovable(RuleBroken):
    """It holds something that must be decided about first."""

    code = "instances.orphan_not_removable"
    default_message = "It cannot be removed yet"


class OrphanNotAdoptable(RuleBroken):
    """There is no instance that could take it."""

    code = "instances.orphan_not_adoptable"
    default_message = "There is no instance that it could belong to"


class WrongState(RuleBroken):
    """The instance is not in a state in which this can be done."""

    code = "instances.wrong_state"
    default_message = "The instance is not in the required state"


class NoPortLeft(Conflict):
    """Every port that databases may take is taken."""

    code = "instances.no_port_left"
    default_message = (
        "All network ports for databases are taken at the moment. Please try again later or tell us."
    )


class NoSuchContainer(NotFound):
    """The instance has no container of this name."""

    code = "instances.no_such_container"
    default_message = "The application has no such container"


class NothingMeasured(NotFound):
    """The instance does not run, or its use has not been measured yet."""

    code = "instances.nothing_measured"
    default_message = "No metrics are available for this instance at the moment"
