"""A change of the network that cuts its admin off does not last; one that is confirmed does."""

from __future__ import annotations

from tests.e2e.cases import GATEWAY
from tests.e2e.lab import patient
from tests.e2e.trials import NIC, Tried

from trebol_image.qemu import DeadlinePassed

#: Of QEMU's network, and nobody's.
ELSEWHERE = "10.0.2.77/24"
NOBODY = "10.0.2.99"

UNCONFIRMED = "the change was not confirmed: the network is as it was before"
NO_GATEWAY = "no gateway answers any more"

BACK_WITHIN = 180.0
#: Seconds within which SSH's greeting would be there if there was a way to the node.
SILENT_FOR = 10.0


def reaches_nobody(tried: Tried) -> bool:
    """Whether SSH does not get to the node."""
    try:
        tried.machine.wait_for_ssh(within=patient(SILENT_FOR))
    except DeadlinePassed:
        return True
    return False


def back(tried: Tried, upid: str, status: str, before: str) -> None:
    """The node is to be reached again, and as it was."""
    tried.machine.wait_for_ssh(within=patient(BACK_WITHIN))
    assert tried.exit_status(upid) == status
    assert tried.network() == before
    tried.forget()


def test_a_pulled_cable_undoes_the_change(tried: Tried) -> None:
    before = tried.network()
    tried.log_in()
    upid = tried.change(mtu="1400")
    tried.await_trial()
    tried.machine.plug(NIC, plugged=False)
    assert reaches_nobody(tried)
    assert tried.await_end() == 1
    tried.machine.plug(NIC, plugged=True)
    back(tried, upid, UNCONFIRMED, before)


def test_an_address_that_cuts_the_admin_off_is_undone(tried: Tried) -> None:
    before = tried.network()
    tried.log_in()
    upid = tried.change(cidr=ELSEWHERE, gateway=GATEWAY)
    tried.await_trial()
    assert reaches_nobody(tried)
    assert tried.await_end() == 1
    back(tried, upid, UNCONFIRMED, before)


def test_a_gateway_that_is_nobody_is_undone_without_waiting_for_a_confirmation(tried: Tried) -> None:
    before = tried.network()
    tried.log_in()
    upid = tried.change(cidr=f"{tried.case.address}/24", gateway=NOBODY)
    assert tried.await_end() == 1
    back(tried, upid, NO_GATEWAY, before)


def test_a_node_that_loses_its_power_on_trial_boots_with_the_network_of_before(tried: Tried) -> None:
    before = tried.network()
    tried.log_in()
    upid = tried.change(cidr=ELSEWHERE, gateway=GATEWAY)
    tried.await_trial()
    tried.machine.reset()
    tried.reach()
    back(tried, upid, "unexpected status", before)


def test_a_confirmed_change_outlives_a_boot(tried: Tried) -> None:
    tried.log_in()
    upid = tried.change(mtu="1400")
    tried.await_trial()
    tried.ssh("trebol node network confirm")
    assert tried.await_end() == 0
    assert tried.exit_status(upid) == "OK"
    kept = tried.network()
    assert "\n1400\n" in kept and "trial.json" not in kept
    tried.ssh("systemctl reboot")
    tried.machine.qmp.wait_event("RESET", within=patient(BACK_WITHIN))
    tried.reach()
    assert tried.network() == kept
