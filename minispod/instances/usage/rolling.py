"""Usage as a series: what an hour of samples is, and a day of hours. The work itself is in kernel/rollups."""

from sqlalchemy import text

from minispod.instances.usage.models import UsageProgress, UsageRollup, UsageSample
from minispod.kernel.rollups import Series

_HOURS = text("""
    INSERT INTO usage_rollups
    SELECT instance_id, 'HOUR', date_trunc('hour', at, :zone) AS starts_at, count(*),
           min(cpu_milli), round(avg(cpu_milli)), max(cpu_milli),
           min(memory_mb), round(avg(memory_mb)), max(memory_mb),
           count(storage_mb), min(storage_mb), round(avg(storage_mb)), max(storage_mb)
    FROM usage_samples WHERE at >= :begin AND at < :end
    GROUP BY instance_id, starts_at
""")
_DAYS = text("""
    INSERT INTO usage_rollups
    SELECT instance_id, 'DAY', date_trunc('day', starts_at, :zone) AS day, sum(samples),
           min(cpu_min), round(sum(cpu_avg::bigint * samples) / sum(samples)), max(cpu_max),
           min(memory_min), round(sum(memory_avg::bigint * samples) / sum(samples)), max(memory_max),
           sum(storage_samples), min(storage_min),
           round(sum(storage_avg::bigint * storage_samples) / nullif(sum(storage_samples), 0)), max(storage_max)
    FROM usage_rollups WHERE grain = 'HOUR' AND starts_at >= :begin AND starts_at < :end
    GROUP BY instance_id, day
""")

USAGE = Series(UsageSample, UsageRollup, UsageProgress, _HOURS, _DAYS)
