"""Who changed what, when and from where: an append-only book anyone may write into."""
