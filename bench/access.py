"""From the order to an address that answers, beside what the cluster needs for the same objects by itself.

Against a running demo (whose cluster may be real). The same application is first ordered over the API until its
address answers 200 through the Ingress; then the objects of such an instance are given to `kubectl apply` in a
namespace of their own, until theirs does. Both in turn, so that both meet the same machine.
"""

import json
import os
import statistics
import subprocess
import time

import requests

from bench.newcomer import newcomer
from minispod.catalog.recipes import generate_secrets, get_recipe
from minispod.instances.manifests import InstanceSpec, instance_manifests
from minispod.instances.namespace_manifests import NamespaceSpec, namespace_manifests
from minispod.kernel.ids import new_id, short_code
from minispod.local.shopper import Shopper
from minispod.local.surroundings import Surroundings
from minispod.local.timeline import StoryStopped, eventually

SERVICE = "n8n-automation"
_LOOK_SECONDS = 0.05


def measure(around: Surroundings, count: int) -> None:
    """Do both `count` times in turn and print the spread and the ratio of the medians."""
    kubeconfig, ingress = os.environ.get("KUBECONFIG"), around.ingress
    if not kubeconfig or not ingress:
        raise StoryStopped("needs KUBECONFIG and INGRESS_ADDRESS of the demo's cluster")
    customer = newcomer(around)
    ours, bare = [], []
    print(f"Access ({count} of each, in turn; {SERVICE})")
    for number in range(1, count + 1):
        ours.append(_ordered(customer, ingress))
        bare.append(_applied(kubeconfig, ingress))
        print(f"  {number}: ordered {ours[-1]:5.2f} s   applied {bare[-1]:5.2f} s", flush=True)
    ordered, applied = statistics.median(ours), statistics.median(bare)
    print(f"  median ordered {ordered:.2f} s, applied {applied:.2f} s: {ordered / applied:.2f} times\n")


def _ordered(customer: Shopper, ingress: str) -> float:
    services = customer.call("GET", "/catalog/services")["services"]
    plans = next(each["plans"] for each in services if each["slug"] == SERVICE)
    plan = next(plan["id"] for plan in plans if plan["monthlyPrice"] == 0)
    began = time.monotonic()
    placed = customer.call("POST", "/subscriptions", {"planId": plan}, status=201)["subscription"]
    host = placed["instances"][0]["subdomain"]
    _until_it_answers(host, ingress)
    seconds = time.monotonic() - began
    path = f"/subscriptions/{placed['id']}"
    customer.call("DELETE", path)
    eventually(
        lambda: customer.call("GET", path)["subscription"]["instances"][0]["status"] == "TERMINATED",
        within=300,
        otherwise="it did not go",
    )
    return seconds


def _applied(kubeconfig: str, ingress: str) -> float:
    code = short_code()
    spec, walls = _spec(code)
    objects = [*namespace_manifests(walls), *instance_manifests(spec)]
    kubectl = ("kubectl", "--kubeconfig", kubeconfig)
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}).encode()
    began = time.monotonic()
    try:
        subprocess.run([*kubectl, "apply", "-f", "-"], input=everything, check=True, capture_output=True)
        _until_it_answers(spec.host, ingress)
        return time.monotonic() - began
    finally:
        subprocess.run([*kubectl, "delete", "namespace", spec.namespace], check=True, capture_output=True)


def _spec(code: str) -> tuple[InstanceSpec, NamespaceSpec]:
    recipe, owner = get_recipe(SERVICE), new_id()
    host = f"{code}.bench.minispod.localhost"
    spec = InstanceSpec(
        instance_id=new_id(),
        subscription_id=new_id(),
        user_id=owner,
        namespace=f"bench-{code}",
        name=f"n8n-{code}",
        service_slug=SERVICE,
        recipe=recipe,
        host=host,
        public_url=f"http://{host}",
        cpu_milli=250,
        memory_mb=512,
        storage_gb=1,
        secrets=generate_secrets(recipe),
        tls=False,
    )
    return spec, NamespaceSpec(spec.namespace, owner, 250, 512, 1, 1)


def _until_it_answers(host: str, ingress: str) -> None:
    def answers() -> bool:
        try:
            answer = requests.get(f"http://{ingress}/", headers={"Host": host}, timeout=5)
        except requests.RequestException:
            return False
        return answer.status_code == 200

    eventually(answers, within=300, every=_LOOK_SECONDS, otherwise=f"{host} does not answer")
