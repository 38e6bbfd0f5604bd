"""What is known of a TLS certificate: from cert-manager where it is installed, else from the secret itself."""

from collections.abc import Mapping
from typing import Any

from minispod.cluster.port import CertificateSighting, CertificateState
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import ApiSaidNo, KubernetesClient

_LONGEST_MESSAGE = 500
_NOBODY_ISSUES = "There is no cert-manager in the cluster, and nobody has put a certificate there."


def see_certificate(client: KubernetesClient, namespace: str, name: str) -> CertificateSighting:
    """Look at a certificate; cert-manager names it after the secret in which it is kept."""
    certificate = _find(client, paths.CERTIFICATE.one(namespace, name))
    if certificate is not None:
        return sight(certificate)
    secret = _find(client, paths.SECRET.one(namespace, name))
    if secret is not None and (secret.get("data") or {}).get("tls.crt"):
        return CertificateSighting(CertificateState.READY)
    if _find(client, paths.CERT_MANAGER) is None:
        return CertificateSighting(CertificateState.UNKNOWN, _NOBODY_ISSUES)
    return CertificateSighting(CertificateState.WAITING, "cert-manager has not taken it up yet.")


def sight(certificate: Mapping[str, Any]) -> CertificateSighting:
    """Judge a Certificate of cert-manager by its conditions."""
    status = certificate.get("status") or {}
    conditions = {each.get("type"): each for each in status.get("conditions") or []}
    ready, issuing = conditions.get("Ready") or {}, conditions.get("Issuing") or {}
    if ready.get("status") == "True":
        return CertificateSighting(CertificateState.READY)
    # After a failed attempt Issuing is False and says why, until the next attempt, which cert-manager makes later
    # and later; Ready says no more than that there is no certificate.
    has_failed = bool(status.get("failedIssuanceAttempts")) or issuing.get("reason") == "Failed"
    told = issuing if has_failed and issuing.get("message") else ready
    state = CertificateState.FAILING if has_failed else CertificateState.WAITING
    return CertificateSighting(state, str(told.get("message") or "").replace("\x00", "")[:_LONGEST_MESSAGE])


def _find(client: KubernetesClient, path: str) -> dict[str, Any] | None:
    try:
        return client.get(path)
    except ApiSaidNo as refusal:
        if refusal.status == 404:
            return None
        raise
