"""Custom domains: hosts of the customers' own that lead to an instance, once they have proven them."""
