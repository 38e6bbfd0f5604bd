"""The administration pages: HTML and HTMX under /admin. A door: it parses, asks the domain and shows."""
