"""Marshmallow schemas: the wire contract, explicit field by field."""
