"""What several screens let people choose from: countries, time zones, modes of a bond."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from trebol_common.i18n import _
from trebol_common.network import BondMode
from trebol_common.tui.page import Option

#: tzdata's tables: country codes and names, and zones with the countries that they are of (zone1970.tab).
ZONEINFO = Path("/usr/share/zoneinfo")


@cache
def countries() -> tuple[Option, ...]:
    """All countries, by name."""
    rows = [row for row in _rows("iso3166.tab") if len(row) == 2]
    return tuple(Option(code.lower(), name) for code, name in sorted(rows, key=lambda row: row[1]))


@cache
def zones() -> tuple[Option, ...]:
    """UTC, then all time zones, by name."""
    return (Option("UTC", "UTC"), *(Option(zone, zone) for zone in sorted(zone for zone, _codes in zone_table())))


@cache
def zone_table() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each time zone with the countries that it is of, in upper case."""
    return tuple((row[2], tuple(row[0].split(","))) for row in _rows("zone1970.tab") if len(row) >= 3)


def bond_modes() -> tuple[Option, ...]:
    """How the ports of a bond share its traffic, and what that asks of the switch."""
    return (
        Option(BondMode.ACTIVE_BACKUP, _("active-backup: one at a time, any switch")),
        Option(BondMode.LACP, _("802.3ad (LACP): all at once, the switch must know")),
        Option(BondMode.BALANCE_XOR, _("balance-xor: all at once, a static trunk of the switch")),
        Option(BondMode.BALANCE_TLB, _("balance-tlb: sends on all, any switch")),
        Option(BondMode.BALANCE_ALB, _("balance-alb: sends and gets on all, any switch")),
        Option(BondMode.BALANCE_RR, _("balance-rr: frames in turn, out of order")),
    )


def _rows(table: str) -> list[list[str]]:
    lines = (ZONEINFO / table).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]
