"""Refusals of the instances package."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken


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


class WrongState(RuleBroken):
    """The instance is not in a state in which this can be done."""

    code = "instances.wrong_state"
    default_message = "The instance is not in the required state"


class NoSuchContainer(NotFound):
    """The instance has no container of this name."""

    code = "instances.no_such_container"
    default_message = "The application has no such container"


class NothingMeasured(NotFound):
    """The instance does not run, or its use has not been measured yet."""

    code = "instances.nothing_measured"
    default_message = "No metrics are available for this instance at the moment"
