"""The languages that people of the shop read."""

ENGLISH = "en"
INDONESIAN = "id"
LANGUAGES = (ENGLISH, INDONESIAN)
