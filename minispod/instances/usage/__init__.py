"""What instances used over time: samples, their roll-up into hours and days, and the history that is read of them."""
