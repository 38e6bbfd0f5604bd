"""The script that makes a machine a worker. Pure; what goes in was read strictly (wishes).

Safe to paste: it runs in a shell of its own, so that its end is not the end of the session; nothing secret stands in an
argument or an environment that others can list; a machine that is configured already is left as it is.
"""

import json
import re

from minispod.cluster.joining.wishes import Wishes

JOIN_LABEL = "minispod.com/join"
"""By this label of its node, a machine is known again as the one that was waited for."""

_PREFIX = "K10"
_K3S_VERSION = re.compile(r"v\d+\.\d+\.\d+\+k3s\d+")
_SCRIPT = """\
sudo sh -s <<'END_OF_SCRIPT'
set -eu
umask 077
if [ -e /etc/rancher/k3s/config.yaml ]; then
  echo 'This machine has a /etc/rancher/k3s/config.yaml already. Nothing was changed.' >&2
  exit 1
fi
installer=$(mktemp)
trap 'rm -f "$installer"' EXIT
curl -fsSL --proto '=https' https://get.k3s.io -o "$installer"
mkdir -p /etc/rancher/k3s
cat > /etc/rancher/k3s/config.yaml <<'END_OF_CONFIG'
{config}END_OF_CONFIG
{version}INSTALL_K3S_EXEC=agent sh "$installer"
END_OF_SCRIPT
"""


def token_of(slot: str, secret: str, authority_hash: str) -> str:
    """The token with the pin of the cluster's authority: the agent sends it to no other server."""
    return f"{_PREFIX}{authority_hash}::{slot}.{secret}"


def version_to_install(versions: list[str]) -> str | None:
    """The K3s version of the servers; None where none of them says one. An agent is never newer than its server."""
    known = [each for each in versions if _K3S_VERSION.fullmatch(each)]
    return min(known, key=_numbers) if known else None


def write(*, server: str, token: str, join_id: str, wishes: Wishes, version: str | None) -> str:
    """The script."""
    settings: dict[str, object] = {
        "server": server,
        "token": token,
        "node-label": [*wishes.labels, f"{JOIN_LABEL}={join_id}"],
    }
    if wishes.name:
        settings["node-name"] = wishes.name
    if wishes.taints:
        settings["node-taint"] = list(wishes.taints)
    # Each text in quotes: what stands bare and is a text to one reader of YAML ("1e3") is a number to another.
    config = "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
    return _SCRIPT.format(config=config, version=f"INSTALL_K3S_VERSION={version} " if version else "")


def _numbers(version: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", version.replace("k3s", ""))]
