"""Tickets at the JSON doors."""
