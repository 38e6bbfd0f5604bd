"""The WSGI object. An unusable configuration is one clear sentence per variable, not a traceback."""

from minispod.app import create_app
from minispod.settings import BadSettings

try:
    app = create_app()
except BadSettings as problem:
    raise SystemExit(str(problem)) from None
