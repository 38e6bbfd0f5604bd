"""What an API server needs to know about objects: kinds, schemas, selectors, patches, ownership of fields.

Nothing here stores an object or speaks HTTP.
"""
