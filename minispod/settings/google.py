"""Settings of signing in with Google."""

from pydantic import Field

from minispod.settings.shapes import ADDRESS, Group, Texts

GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs"


class GoogleSettings(Group):
    """Signing in with Google."""

    google_client_id: Texts = Field(
        (),
        description=(
            "OAuth client ids (comma-separated) whose ID tokens are accepted: the front end's; empty: signing in with "
            "Google is not offered."
        ),
    )
    google_keys_url: str = Field(
        GOOGLE_KEYS,
        pattern=ADDRESS,
        description="Where the keys that sign ID tokens are published; another address is a stand-in for Google.",
    )
