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


class NoPortLeft(Conflict):
    """Every port that databases may take is taken."""

    code = "instances.no_port_left"
    default_message = (
        "All network ports for databases are taken at the moment. Please try again later or tell us."
    )
