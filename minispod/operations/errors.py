"""Refusals of operations."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken


class NoSuchOperation(NotFound):
    """There is no such operation, or it is somebody else's."""

    code = "operations.no_such_operation"
    default_message = "Operation not found"


class AnotherRuns(Conflict):
    """One operation at a time works on an instance."""

    code = "operations.another_runs"
    default_message = "Another operation on this instance is still under way. Please wait until it has ended."


class NotNow(RuleBroken):
    """The instance is not in a state in which this can be done."""

    code = "operations.wrong_state"
    default_message = "This can be done when the instance is running, stopped or failed."


class KeepsNoData(RuleBroken):
    """The application keeps no data, or nothing says how to copy them."""

    code = "operations.keeps_no_data"
    default_message = "This application has no data that could be backed up."


class NoSuchSource(NotFound):
    """There is no such backup, or it is somebody else's."""

    code = "operations.no_such_backup"
    default_message = "Backup not found"


class NodeAnswers(RuleBroken):
    """Nothing is restored away from a node that answers."""

    code = "operations.node_answers"
    default_message = "This node answers: what runs there can be moved with all its data."


class BackupNotUsable(RuleBroken):
    """The backup failed, is not finished yet, or its time was over and its files are gone."""

    code = "operations.backup_not_usable"
    default_message = "This backup cannot be restored: it is not complete, or it was removed."


class OtherApplication(RuleBroken):
    """Data of one application are no use to another."""

    code = "operations.other_application"
    default_message = "This backup is from another application."


class OtherCustomer(RuleBroken):
    """Staff named a backup and an instance of two customers."""

    code = "operations.other_customer"
    default_message = "This backup belongs to another customer."


class DoesNotFit(RuleBroken):
    """The data are larger than the volume of the plan."""

    code = "operations.does_not_fit"
    default_message = "The data of this backup are larger than the storage of this instance's plan."


class NewerVersion(RuleBroken):
    """The data were written by a newer version than the one that runs."""

    code = "operations.newer_version"
    default_message = "This backup was made by a newer version. Please upgrade the instance first."


class NoSuchNode(RuleBroken):
    """No node of this name is ready to take instances."""

    code = "operations.no_such_node"
    default_message = "There is no such node, or it cannot take instances at the moment."


class SameNode(RuleBroken):
    """The instance's data lie there already."""

    code = "operations.same_node"
    default_message = "The instance is on this node already."


class NoSuchVersion(RuleBroken):
    """The application cannot be upgraded to this version."""

    code = "operations.no_such_version"
    default_message = "The application cannot be upgraded to this version."


class NoBackupYet(RuleBroken):
    """There is no backup that could be restored."""

    code = "operations.no_backup_yet"
    default_message = "There is no backup of this instance that could be restored."


class NoSuchVolume(NotFound):
    """The instance never had this volume."""

    code = "operations.no_such_volume"
    default_message = "Volume not found"


class VolumeNotKept(RuleBroken):
    """The volume is in use, is gone, or is about to go."""

    code = "operations.volume_not_kept"
    default_message = "One can only go back to a volume that was given up and is still kept."


class VolumeOutOfReach(RuleBroken):
    """The server on which the volume lies does not answer."""

    code = "operations.volume_out_of_reach"
    default_message = (
        "The server that holds these data does not answer. They are kept until some time after its return."
    )


class NothingToDecide(RuleBroken):
    """The instance's deletion does not wait for anybody."""

    code = "operations.nothing_to_decide"
    default_message = "The deletion of this instance does not wait for a decision."
