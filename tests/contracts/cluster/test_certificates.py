"""What is told of a certificate, by a stand-in of the API that has cert-manager, or has not, or is in trouble."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from minispod.cluster.port import CertificateSighting, CertificateState, ClusterRefused, ClusterUnavailable
from minispod.integrations.kubernetes.adapter import KubernetesCluster

GROUP = "/apis/cert-manager.io/v1"
CERTIFICATE = f"{GROUP}/namespaces/user-1/certificates/shop-tls"
SECRET = "/api/v1/namespaces/user-1/secrets/shop-tls"


def condition(kind, status, reason, message):
    return {"type": kind, "status": status, "reason": reason, "message": message}


def certificate(*conditions, **status):
    return {"kind": "Certificate", "status": {"conditions": list(conditions), **status}}


@pytest.fixture
def api(tmp_path):
    """An API that knows what the test puts into `answers`; everything else is 404."""
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = answers.get(self.path, 404)
            status = answer if isinstance(answer, int) else 200
            body = json.dumps({"kind": "Status", "code": status} if status != 200 else answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                "users": [{"name": "u", "user": {}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    answers["see"] = lambda: KubernetesCluster(str(kubeconfig), timeout=(5, 5)).see_certificate(
        "user-1", "shop-tls"
    )
    yield answers
    server.shutdown()
    server.server_close()


def test_a_certificate_that_is_ready(api):
    api[CERTIFICATE] = certificate(condition("Ready", "True", "Ready", "Certificate is up to date"))

    assert api["see"]() == CertificateSighting(CertificateState.READY)


def test_one_that_is_being_issued_is_waited_for(api):
    api[CERTIFICATE] = certificate(
        condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"),
        condition("Issuing", "True", "DoesNotExist", "Issuing certificate as Secret does not exist"),
    )

    assert api["see"]() == CertificateSighting(
        CertificateState.WAITING, "Issuing certificate as Secret does not exist"
    )


@pytest.mark.parametrize("status", [{"failedIssuanceAttempts": 2}, {}])
def test_a_challenge_that_failed_is_told_in_the_issuers_words(api, status):
    why = "The certificate request has failed to complete and will be retried: CAA record forbids issuance"
    api[CERTIFICATE] = certificate(
        condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"),
        condition("Issuing", "False", "Failed", why),
        **status,
    )

    assert api["see"]() == CertificateSighting(CertificateState.FAILING, why)


def test_a_long_message_is_cut_and_a_missing_status_is_waiting(api):
    api[CERTIFICATE] = certificate(condition("Ready", "False", "X", "long " * 1000))
    assert len(api["see"]().message) == 500

    api[CERTIFICATE] = {"kind": "Certificate"}
    assert api["see"]() == CertificateSighting(CertificateState.WAITING)


def test_without_a_certificate_object_the_secret_tells(api):
    api[SECRET] = {"kind": "Secret", "data": {"tls.crt": "eA=="}}

    assert api["see"]().state is CertificateState.READY


def test_a_secret_that_is_empty_is_none(api):
    api[SECRET] = {"kind": "Secret", "data": {"tls.crt": ""}}

    assert api["see"]().state is CertificateState.UNKNOWN


def test_cert_manager_that_has_not_begun_is_waited_for_and_none_at_all_is_said(api):
    assert api["see"]().state is CertificateState.UNKNOWN

    api[GROUP] = {"kind": "APIResourceList"}
    assert api["see"]().state is CertificateState.WAITING


@pytest.mark.parametrize(("status", "refusal"), [(500, ClusterUnavailable), (403, ClusterRefused)])
def test_trouble_is_no_finding(api, status, refusal):
    api[CERTIFICATE] = status
    api["/api/v1/namespaces/user-1"] = {"kind": "Namespace"}

    with pytest.raises(refusal):
        api["see"]()
