"""Where files lie, and what is done with copies of customers' data."""

from pydantic import Field, SecretStr, field_validator
from pyrage import IdentityError, x25519

from minispod.settings.shapes import ADDRESS, Group, Texts

DEVELOPMENT_BACKUP_KEY = "AGE-SECRET-KEY-1672404EVX6FVET7SK6W8E42J9MQD2YMJY6KV0YX2JE45DTDD8SRSWNE5J4"


class FileSettings(Group):
    """The file store: a bucket of an S3-compatible server if one is named, else a directory. Backups lie there."""

    files_directory: str = Field(
        ".files",
        min_length=1,
        description="Directory of files; production needs an absolute one that all processes share, or a bucket.",
    )
    files_s3_bucket: str = Field("", description="Bucket of files; empty: the directory.")
    files_s3_endpoint: str = Field(
        "", pattern=f"^$|{ADDRESS}", description="Address of the S3-compatible server; empty: Amazon's."
    )
    files_s3_region: str = Field("us-east-1", min_length=1, description="Region of the bucket.")
    files_s3_key: str = Field("", description="Access key id at the server.")
    files_s3_secret: SecretStr = Field(SecretStr(""), description="Secret access key at the server.")


class BackupSettings(Group):
    """Backups of what customers run."""

    backup_keys: Texts = Field(
        (DEVELOPMENT_BACKUP_KEY,),
        repr=False,
        description="age identities (comma-separated, newest first): the first encrypts, all decrypt.",
    )
    backup_keep_days: int = Field(30, ge=1, le=3650, description="Backups are kept this many days.")
    backup_from_hour: int = Field(
        1, ge=0, le=23, description="From this hour (BILLING_TIMEZONE) the nightly backups are taken."
    )
    backup_hours: int = Field(4, ge=1, le=23, description="Length of the night of the backups in hours.")
    backup_alarm_hours: int = Field(
        30,
        description="Administrators are told when an instance has no backup younger than this.",
    )

    @field_validator("backup_keys")
    @classmethod
    def _identities(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one age identity is needed (age-keygen)")
        for key in value:
            try:
                x25519.Identity.from_str(key)
            except IdentityError:
                raise ValueError(
                    "each key must be an age identity, AGE-SECRET-KEY-1... (age-keygen)"
                ) from None
        return value
