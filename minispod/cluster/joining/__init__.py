"""New workers: a token that a K3s agent joins with, for a short time and one machine, and the script that uses it.

The token is a Kubernetes bootstrap token. The Secrets that hold such tokens are made once, empty, by whoever deploys
(deploy/join-tokens.yaml); the worker may change exactly those, and make none (ADR 0045).
"""
