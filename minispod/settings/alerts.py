"""When staff are alerted, how often, and where besides their mail."""

from pydantic import Field, SecretStr

from minispod.settings.shapes import ADDRESS, Group


class AlertSettings(Group):
    """The alert book."""

    alert_webhook_url: str = Field(
        "",
        pattern=f"^$|{ADDRESS}",
        description="Address that alerts are posted to as well; empty: mail only.",
    )
    alert_webhook_secret: SecretStr = Field(
        SecretStr(""), description="Signs what is posted there (HMAC-SHA256); at least 16 characters."
    )
    alert_cluster_silent_seconds: int = Field(
        120, ge=0, description="The cluster may be silent this long without an alert."
    )
    alert_node_down_seconds: int = Field(
        60, ge=0, description="A node may fail to answer this long without an alert (a reboot)."
    )
    alert_instance_down_minutes: int = Field(
        5, ge=0, description="An instance that should run may be down this long without an alert."
    )
    alert_restarts_per_hour: int = Field(
        5, ge=1, description="So many restarts of an instance within an hour are an alert."
    )
    alert_usage_percent: int = Field(
        90, ge=10, le=100, description="A node or a volume that is used so far is an alert, per cent."
    )
    alert_add_node_cpu_percent: int = Field(
        80, ge=10, le=100, description="Above this CPU use of a worker another node is advised, per cent."
    )
    alert_add_node_memory_percent: int = Field(
        85, ge=10, le=100, description="Above this memory use of a worker another node is advised, per cent."
    )
    alert_job_minutes: int = Field(15, ge=1, description="Work may be late this long without an alert.")
    alert_quiet_minutes: int = Field(
        60,
        ge=0,
        description="Staff are not told again of something that comes and goes within this time, unless it lasts.",
    )
    alert_remind_hours: int = Field(
        24, ge=0, description="A critical alert that nobody acknowledged is told again this often; 0: never."
    )
    alert_keep_days: int = Field(180, ge=1, le=3650, description="Alerts that are over are kept this long.")
