"""Money in: top-ups opened at the payment gateway and settled by what the gateway confirms."""
