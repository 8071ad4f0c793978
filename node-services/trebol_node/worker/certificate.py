"""The API's certificate, after a change of what the node is called or reached by."""

from __future__ import annotations

from trebol_node.keys import names_now
from trebol_node.pki import FOLDER, give, renew
from trebol_node.worker.context import Context
from trebol_node.worker.operations import RenewCertificate


def renew_certificate(operation: RenewCertificate, context: Context, who: str) -> bool:
    """See `RenewCertificate`. Raises BadInput where the CA's key was taken away."""
    machine = context.machine
    names = names_now(machine.root, machine.runner)
    renewed = renew(names, machine.runner, folder=machine.root / FOLDER.relative_to("/"), own=give)
    if renewed:
        # Where it runs: it reads what it shows at its start (`trebol_node.cockpit`).
        machine.runner.run(["systemctl", "try-restart", "cockpit.service"])
    return renewed
