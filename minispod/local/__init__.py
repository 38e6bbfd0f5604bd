"""Everything a newcomer's machine lacks: a real PostgreSQL, a real Redis and a supervisor for the demo.

Nothing else in the program imports this package, and this package imports nothing else of the program: it only
starts processes. Production brings its own servers and its own supervisor.
"""
