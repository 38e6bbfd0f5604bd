"""Conversations with customers: tickets with numbers, messages and pictures, answered by administrators."""
