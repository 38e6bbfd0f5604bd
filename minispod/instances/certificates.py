"""Certificates for what is reached over TCP: an authority of this installation and what it signs. Pure but for keys.

ECDSA on P-256. Whoever trusts the authority can check the name of every database (sslmode=verify-full), also after
its certificate was renewed. Nothing here keeps or seals a key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_LIFE = timedelta(days=20 * 365)
CERTIFICATE_LIFE = timedelta(days=2 * 365)
# A client whose clock is behind must not take a new certificate for one of the future.
_BACKDATED = timedelta(days=1)
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its private key, both PEM, and when it ends; the key does not show when printed."""

    certificate: str
    key: str = field(repr=False)
    ends_at: datetime


def make_authority(at: datetime) -> KeyPair:
    """Make the authority of an installation."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named("MinisPod databases")
    ends_at = at + _AUTHORITY_LIFE
    builder = (
        _begun(name, name, key.public_key(), at, ends_at)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return _signed(builder, key, by=key, ends_at=ends_at)


def make_certificate(authority: KeyPair, name: str, hosts: Sequence[str], at: datetime) -> KeyPair:
    """Make the certificate of one server, valid for `hosts`; the authority must live as long."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signer = serialization.load_pem_private_key(authority.key.encode(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not one of ours")
    ends_at = at + CERTIFICATE_LIFE
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _begun(_named(name), issuer.subject, key.public_key(), at, ends_at)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
    )
    return _signed(builder, key, by=signer, ends_at=ends_at)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, at: datetime, ends_at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _BACKDATED)
        .not_valid_after(ends_at)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _signed(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    *,
    by: ec.EllipticCurvePrivateKey,
    ends_at: datetime,
) -> KeyPair:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return KeyPair(certificate.decode(), pem.decode(), ends_at)


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_LONGEST_NAME])])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
