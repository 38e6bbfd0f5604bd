"""The keys of the stand-in, and ID tokens as Google writes them. The newest key signs; the one before still counts."""

import json
import secrets
import threading
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://accounts.google.com"
_LIFE_SECONDS = 3600
_PUBLISHED = 2


class Signer:
    """Signs tokens for one client. Safe between threads."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._lock = threading.Lock()
        self._keys: list[tuple[str, rsa.RSAPrivateKey]] = []
        self.rotate()

    def rotate(self) -> str:
        """Sign with a new key from now on; tells its name."""
        made = (secrets.token_hex(20), rsa.generate_private_key(65537, 2048))
        with self._lock:
            self._keys = [made, *self._keys][:_PUBLISHED]
        return made[0]

    def key_set(self) -> dict[str, Any]:
        """The keys as they are published."""
        with self._lock:
            keys = list(self._keys)
        return {"keys": [_published(name, key) for name, key in keys]}

    def token(self, wanted: dict[str, Any]) -> str:
        """An ID token with these claims and, where they say nothing, Google's usual ones; null leaves one out."""
        now = int(time.time())
        usual = {
            "iss": ISSUER,
            "azp": self._client_id,
            "aud": self._client_id,
            "sub": "110169484474386276334",
            "email": "somebody@example.com",
            "email_verified": True,
            "name": "Some Body",
            "picture": "https://lh3.googleusercontent.com/a/somebody",
            "iat": now,
            "exp": now + _LIFE_SECONDS,
        }
        claims = {name: value for name, value in (usual | wanted).items() if value is not None}
        with self._lock:
            name, key = self._keys[0]
        # Signed as they are: jwt.encode would refuse some of the odd claims a test wants.
        payload = json.dumps(claims).encode()
        return jwt.PyJWS().encode(payload, key, algorithm="RS256", headers={"kid": name})


def _published(name: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    return {
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "kid": name,
        "n": public["n"],
        "e": public["e"],
    }
