"""What a Kubernetes API promises, asked of the simulator always and of a real cluster with --cluster."""
