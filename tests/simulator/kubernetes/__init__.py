"""What only the simulator has: levers, a front for ingresses, a state file, its command line."""
