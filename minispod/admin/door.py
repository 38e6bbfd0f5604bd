"""The one blueprint of our own pages; each file of this package hangs its routes on it."""

from flask import Blueprint

from minispod.admin.sessions import PATH

door = Blueprint("panel", __name__, url_prefix=PATH)
