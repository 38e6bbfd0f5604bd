"""Rights that arrive with a namespace, a moment after it."""

FORBIDDEN = (
    'resourcequotas "plans" is forbidden: User "system:serviceaccount:m:w" cannot patch resource "..."'
)
