"""Authorities of clusters: one that stands alone, and one behind which another stands."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

_BEGINS, _ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    made = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer))
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return made.not_valid_before(_BEGINS).not_valid_after(_ENDS).sign(signer, hashes.SHA256())


_KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
ROOT = _certificate("root", "root", _KEYS[0], _KEYS[0])
BETWEEN = _certificate("between", "root", _KEYS[1], _KEYS[0])
SERVER = _certificate("k3s-server-ca", "between", _KEYS[2], _KEYS[1])
ALONE = ROOT.public_bytes(Encoding.PEM)
CHAIN = b"".join(each.public_bytes(Encoding.PEM) for each in (SERVER, BETWEEN, ROOT))
BROKEN = b"".join(each.public_bytes(Encoding.PEM) for each in (SERVER, ROOT))
