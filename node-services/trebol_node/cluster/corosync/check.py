"""Corosync's own word on a corosync.conf, before it is used."""

from __future__ import annotations

import re

from trebol_common.errors import BadInput, Problem
from trebol_common.run import Runner, explain_status

#: corosync(8). It reads the text from its stdin: no file that somebody could find there.
COMMAND = ("corosync", "-t", "-c", "/dev/stdin")

#: Appended, because the last word counts: what it finds beyond its parser it says where the file has it log.
_ALOUD = "\nlogging {\n  to_stderr: yes\n  to_syslog: no\n  to_logfile: no\n  timestamp: off\n}\n"

_LOGGED = re.compile(r"\w+\s+\[\w+\s*\] (.*)")
_ENDS = "Corosync Cluster Engine exiting"


def check(text: str, runner: Runner, *, where: str = "corosync.conf") -> None:
    """Nothing where corosync would start with it on this node. Raises BadInput with its words where it would not.

    It looks for this node in it, and for the key (/etc/corosync/authkey). It does not look at quorum, nor at keys
    that it does not know; nor does it open a socket. Raises CommandFailed where there is no corosync.
    """
    answer = runner.run(COMMAND, input=text + _ALOUD, check=False)
    if answer.status == 0:
        return
    said = [_words(line) for line in answer.stderr.splitlines() if line.strip()]
    reasons = [line for line in said if not line.startswith(_ENDS)]
    raise BadInput.of(Problem(reason, where=where) for reason in reasons or [explain_status(answer.status)])


def _words(line: str) -> str:
    found = _LOGGED.fullmatch(line.strip())
    told = found[1] if found else line.strip()
    # The text has no other name than that of its stream.
    return re.sub(r"^parser error: /dev/stdin:(\d+): ", r"line \1: ", told)
