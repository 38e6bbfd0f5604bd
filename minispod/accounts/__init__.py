"""Who: accounts, passwords, tokens and roles."""
