"""Questions about rights and identity: the holder of the token is the administrator and may do everything."""

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.refusals import method_not_allowed, no_such_path
from minispod.simulator.kubernetes.wire.exchange import PROTOBUF, Request

USER = {"username": "system:admin", "groups": ["system:masters", "system:authenticated"]}


def review(path: str, request: Request) -> Json:
    """The answer to a SelfSubjectAccessReview or SelfSubjectReview."""
    if request.method != "POST":
        raise method_not_allowed()
    asked = request.content() if request.body and request.content_type != PROTOBUF else {}
    kind = path.rsplit("/", 1)[-1]
    if kind == "selfsubjectaccessreviews":
        return {
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {},
            "spec": (asked or {}).get("spec", {}),
            "status": {"allowed": True},
        }
    if kind == "selfsubjectreviews":
        version = "authentication.k8s.io/v1"
        return {
            "kind": "SelfSubjectReview",
            "apiVersion": version,
            "metadata": {},
            "status": {"userInfo": USER},
        }
    raise no_such_path()
