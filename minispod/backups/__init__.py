"""Copies of customers' data: taken, kept for a while, proven, and given back."""
