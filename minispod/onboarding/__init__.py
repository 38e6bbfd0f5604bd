"""A new customer: account, wallet and welcome in one unit of work."""
