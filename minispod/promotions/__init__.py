"""Coupons: their terms, and every use of them. Credit for the wallet, and less to pay for a first period."""
