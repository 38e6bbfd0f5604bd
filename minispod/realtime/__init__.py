"""The Socket.IO door: live logs of one's own instance, and live status. No rule lives here."""
