"""The worker's door: outbox rows in, domain acts out. Jobs decide nothing."""
