"""The alert book: what needs staff, from when to when, who took it up, and who was told of it (docs/adr/0037)."""
