"""Passwords: bcrypt, nothing else. bcrypt reads 72 bytes, so longer ones are refused, not cut."""

import bcrypt

from minispod.accounts.errors import PasswordUnfit

_SHORTEST = 6
_LONGEST_BYTES = 72


def hash_password(password: str, rounds: int) -> str:
    """Return the bcrypt hash; raise PasswordUnfit when the password cannot be used."""
    if len(password) < _SHORTEST or len(password.encode()) > _LONGEST_BYTES:
        raise PasswordUnfit()
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds)).decode()


def matches(password: str, password_hash: str | None, rounds: int) -> bool:
    """Compare; takes equally long for accounts without a password, so that timing tells nothing."""
    if len(password.encode()) > _LONGEST_BYTES:
        return False
    if password_hash is None:
        bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds))
        return False
    return bcrypt.checkpw(password.encode(), password_hash.encode())
