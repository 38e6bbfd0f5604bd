"""Taking a node out of service and putting it back: cordon, uncordon, drain."""
