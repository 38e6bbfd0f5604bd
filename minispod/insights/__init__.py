"""Read-only views across the business. Nothing here writes."""
