"""The WSGI object."""

from minispod.app import create_app

app = create_app()
