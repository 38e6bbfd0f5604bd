"""The JSON door of administrators, /api/v1/admin."""
