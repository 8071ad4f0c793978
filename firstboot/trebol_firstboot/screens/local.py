"""What the wizard knows of its node without the daemon: files, interfaces, the certificate that browsers get."""

from __future__ import annotations

import hashlib
import json
import ssl
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trebol_common import FINDINGS
from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_common.run import Runner
from trebol_hardware.checks.finding import Finding

if TYPE_CHECKING:
    from trebol_hardware.machine import NetworkInterface

#: Seconds that a server on this node has to show its certificate.
WITHIN = 3.0

#: Lines of the log, the last of this boot.
LINES = 500


def certificate(url: str) -> str:
    """The SHA-256 of what the server at `url` shows, upper-case hexadecimal; empty where nobody serves there."""
    parts = urlsplit(url)
    if parts.hostname is None:
        return ""
    try:
        pem = ssl.get_server_certificate((parts.hostname, parts.port or 443), timeout=WITHIN)
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    except (OSError, ValueError):
        return ""


def findings(root: Path) -> tuple[Finding, ...]:
    """What the checks found last; nothing before they ran. Raises TrebolError for a file that is none of theirs."""
    path = root / FINDINGS
    try:
        members = json.loads(path.read_text(encoding="utf-8"))["findings"]
        return tuple(Finding.of_members(each) for each in members)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        told = _("cannot be read: {reason}").format(reason=error)
        raise TrebolError(told, where=str(path), hint="systemctl start trebol-checks") from error


def interfaces(root: Path) -> tuple[NetworkInterface, ...]:
    """The wired interfaces, as the probe sees them."""
    from trebol_hardware.probe import network
    from trebol_hardware.probe.udev import PyudevSource

    return network.read(root, PyudevSource(root))


def journal(runner: Runner) -> tuple[str, ...]:
    """The last lines of the log."""
    command = ["journalctl", "--no-pager", "--quiet", "--boot", "--output=short", f"--lines={LINES}"]
    return tuple(runner.run(command).stdout.splitlines())


def is_administrator(user: str) -> bool:
    """Whether a user of the system may administer it by Debian's own rule: root, and the group sudo."""
    import grp
    import pwd

    with suppress(KeyError):
        account, group = pwd.getpwnam(user), grp.getgrnam("sudo")
        return account.pw_uid == 0 or user in group.gr_mem or account.pw_gid == group.gr_gid
    return user == "root"
