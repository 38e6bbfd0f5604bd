"""What the machines say: the port to the cluster, its values, and the staff's views of it."""
