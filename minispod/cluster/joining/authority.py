"""The hash of a cluster's authority as K3s agents reckon it, which is what a token pins. Pure."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


def hash_of(bundle: bytes) -> str:
    """One certificate: of the file as it is. Several: of the root that stands behind the first, so that the
    authority in between may be renewed.
    """
    certificates = x509.load_pem_x509_certificates(bundle)
    if len(certificates) == 1:
        return hashlib.sha256(bundle).hexdigest()
    root, others = certificates[0], list(certificates[1:])
    while root.issuer != root.subject:
        above = next((each for each in others if each.subject == root.issuer), None)
        if above is None:  # no whole chain: K3s takes the file as it is
            return hashlib.sha256(bundle).hexdigest()
        others.remove(above)
        root = above
    return hashlib.sha256(root.public_bytes(Encoding.DER)).hexdigest()
