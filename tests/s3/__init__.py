"""An S3-compatible server for tests, in a virtual environment of its own (requirements.txt; `make` makes it)."""
