"""Receipts, invoices and credit notes: opened with the movement of money, numbered right after it, drawn as PDF."""
