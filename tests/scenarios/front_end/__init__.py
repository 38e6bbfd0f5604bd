"""The existing front end, as far as one can be it without having it: its calls, its pages, what it reads."""
