"""Kubernetes: the only code that speaks to a cluster. `adapter.KubernetesCluster` implements ClusterPort."""
