"""What a disk's synchronous writes are good for."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_hardware.checks.finding import Finding, Requirement, Severity
from trebol_hardware.measure.fio import Writes

#: etcd.io, FAQ: the 99th percentile of wal_fsync_duration_seconds; Hardware recommendations: sequential IOPS.
ETCD_P99 = 10_000
ETCD_LEAST_IOPS = 50
ETCD_GOOD_IOPS = 500

#: Trebol's own: upstream names no number. An SSD carries the block.db of four or five HDDs (Ceph's hardware
#: recommendations) of some 200 writes a second each; SSDs that have to write their cache out for every write, as they
#: lack power-loss protection, stay far below the second number.
JOURNAL_LEAST_IOPS = 1_000
JOURNAL_GOOD_IOPS = 10_000


def rate(writes: Writes) -> tuple[Finding, ...]:
    """As a device for WAL and block.db of Ceph, and for etcd. Corosync and Pacemaker write next to nothing."""
    return _journal(writes), _etcd(writes)


def _journal(writes: Writes) -> Finding:
    if writes.iops >= JOURNAL_GOOD_IOPS:
        severity, reason, remedy = Severity.PASS, "", ""
    elif writes.iops >= JOURNAL_LEAST_IOPS:
        severity = Severity.WARN
        reason = _("every write of the OSDs behind it waits for this disk")
        remedy = _("use an SSD with power-loss protection, or put few OSDs behind this one")
    else:
        severity = Severity.FAIL
        reason = _("it is no faster than the HDDs whose writes it should shorten")
        remedy = _("use an SSD with power-loss protection; behind a RAID controller, one whose cache has a battery")
    return Finding(
        code="disk-write-journal",
        title=_("As WAL and block.db of Ceph"),
        severity=severity,
        measured=_("{iops:.0f} synchronous writes per second").format(iops=writes.iops),
        requirement=Requirement(
            minimum=_("{iops} per second: four or five HDDs' worth").format(iops=JOURNAL_LEAST_IOPS),
            recommended=_("{iops} per second").format(iops=JOURNAL_GOOD_IOPS),
            source=_("Trebol's own thresholds; the brief: test SSDs for write IOPS first"),
        ),
        reason=reason,
        remedy=remedy,
    )


def _etcd(writes: Writes) -> Finding:
    slowest = writes.percentiles["99"]
    reason = remedy = ""
    if slowest >= ETCD_P99 or writes.iops < ETCD_LEAST_IOPS:
        severity = Severity.FAIL
        reason = _("slow writes make members miss heartbeats: etcd elects anew, and stands still meanwhile")
        remedy = _("put etcd on an SSD with power-loss protection")
    elif writes.iops < ETCD_GOOD_IOPS:
        severity = Severity.WARN
        reason = _("enough for a quiet cluster, not for a busy one")
        remedy = _("put etcd on an SSD")
    else:
        severity = Severity.PASS
    return Finding(
        code="disk-write-etcd",
        title=_("For etcd"),
        severity=severity,
        measured=_("99 % within {latency:.2f} ms, {iops:.0f} per second").format(
            latency=slowest / 1000, iops=writes.iops
        ),
        requirement=Requirement(
            minimum=_("99 % within 10 ms, 50 per second"),
            recommended=_("500 per second"),
            source="etcd.io: Hardware recommendations; FAQ",
        ),
        reason=reason,
        remedy=remedy,
    )
