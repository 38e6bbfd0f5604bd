"""How far a join is."""

from enum import StrEnum


class JoinState(StrEnum):
    """ASKED: the token is not in the cluster yet. READY: it is. ENDING: it is to be taken out. Then: why it ended."""

    ASKED = "ASKED"
    READY = "READY"
    ENDING = "ENDING"
    JOINED = "JOINED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


class JoinEnd(StrEnum):
    """Why a token is taken out."""

    JOINED = "JOINED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


LIVE = (JoinState.ASKED, JoinState.READY, JoinState.ENDING)
