"""Refusals of backups."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken


class NoSuchBackup(NotFound):
    """There is no backup, or no part of one, under this name; or it is somebody else's."""

    code = "backups.no_such_backup"
    default_message = "There is no such backup, or its time was over."


class BackupOver(Conflict):
    """Something is to be added to a backup that has ended already."""

    code = "backups.over"
    default_message = "This backup has ended already."


class BackupNotDeletable(RuleBroken):
    """Only what was taken on demand is deleted on demand."""

    code = "backups.not_deletable"
    default_message = (
        "Only backups that were taken on demand can be deleted; the others go when their time is over."
    )


class BackupBroken(Conflict):
    """What lies in the store is not what was put there; the sentence says what is wrong with it."""

    code = "backups.broken"
    default_message = "This backup is damaged and cannot be used."


class BackupKeyLost(Conflict):
    """It is encrypted to a key that is not configured (any more)."""

    code = "backups.key_lost"
    default_message = "This backup cannot be opened: the key it was encrypted to is not configured."
