"""Does any test notice when a lock, a guard or a constraint of the money paths is gone? `make mutants` asks.

Each mutant is the program with one protection removed; it should be killed by a test. Nothing here runs with the suite.
"""
