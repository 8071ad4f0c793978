"""What two or more rooms of Trebol share: answers, network model, events, command runner, errors, files."""

__version__ = "0.1.0"

#: What an installation leaves on a node, below its root: that it is whole, of which version, and when (JSON).
INSTALLED = "var/lib/trebol/installed.json"

#: What the hardware checks found on a running node, below its root (JSON): trebol-checks.service writes it.
FINDINGS = "run/trebol/findings.json"
