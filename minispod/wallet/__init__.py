"""The wallet: integer rupiah, an append-only ledger, and reads of it."""
