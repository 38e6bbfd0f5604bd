"""What runs for a customer: an instance's names, its objects in the cluster, its states and its controls."""
