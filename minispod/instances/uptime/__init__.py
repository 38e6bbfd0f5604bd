"""How much of the time an instance was there while it was meant to be: recorded as it is seen, reckoned by month."""
