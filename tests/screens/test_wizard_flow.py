"""What somebody does with the node's wizard, by keys."""

from __future__ import annotations

import random

import pytest
from tests.screens.terminal import Terminal
from tests.screens.test_hostile import HOSTILE, KEYS, SIZES
from tests.screens.wizard import PASSWORD, OnConsole, console, inside
from tests.unit.answer_files import SSH_KEY

from trebol_common.network import BondMode, Dhcp, Static
from trebol_common.tui.palette import ASCII
from trebol_firstboot.cluster_seen import ClusterSeen
from trebol_firstboot.screens.controller import IDLE, LOOK_AGAIN
from trebol_firstboot.screens.recorded import RecordedWorld
from trebol_firstboot.screens.topics import TOPICS
from trebol_firstboot.screens.world import RunningTask, Session, Update

ERASE = ["backspace"] * 30


def typed_in(shown: OnConsole, password: str = PASSWORD) -> None:
    """Log in as somebody does who knows no Tab: letters, Enter to the next field and on to the button."""
    shown.press("enter", "enter")
    shown.type(password)
    shown.press("enter", "enter")


def to(shown: OnConsole, *labels: str) -> None:
    """Push buttons, one after the other."""
    for label in labels:
        shown.push(f"< {label} >")


def test_root_logs_in_with_enter_alone_and_out_again() -> None:
    shown = console()

    typed_in(shown)

    assert "This node" in shown.text() and "root@pam  node1.example.org" in shown.text()
    to(shown, "Log out")
    assert "SHA-256 of their certificate" in shown.text()


def test_a_wrong_password_is_typed_anew_and_lets_nobody_in() -> None:
    shown = console()

    typed_in(shown, "guess")

    assert "User or password is wrong." in shown.text() and "*" not in shown.text()
    assert shown.controller.lends() == (), "there is no shell for anybody outside"
    shown.act("go network", "log out", "keep")
    assert shown.page.title == "Log in"


def test_whoever_has_gone_back_is_not_let_in_later() -> None:
    shown = console(held=True)
    shown.release()
    shown.jobs._held = []
    shown.log_in()
    shown.act("back")

    shown.release()

    assert shown.page.title == "Trebol"


def test_nobody_stays_logged_in_who_has_left_the_console() -> None:
    shown = inside(at="name")

    shown.pass_time(IDLE - 1)
    assert shown.page.title == "Host name"
    shown.pass_time(2)

    assert shown.page.title == "Trebol"


def test_the_first_page_follows_the_node() -> None:
    shown = console()
    shown.world.running = (RunningTask("aptupgrade", "", "root@pam"),)
    shown.world.cluster = ClusterSeen("clover", 3, 1, quorate=False)

    shown.pass_time(LOOK_AGAIN)
    shown.refresh()

    assert "aptupgrade" in shown.text() and "clover: 1 of 3 nodes, NO QUORUM" in shown.text()


def test_the_language_is_changed_before_the_login() -> None:
    shown = console()

    shown.press("enter")
    to(shown, "Español")

    assert "Contraseña" in shown.text()


def test_a_fixed_address_is_tried_and_kept() -> None:
    shown = inside(at="network")
    shown.go_to("IP address")
    shown.press(*ERASE)
    shown.type("192.0.2.77/24")
    to(shown, "Try it")
    shown.step()
    shown.step()
    assert "60 seconds" in shown.text()
    shown.pass_time(15)
    assert "45 seconds" in shown.text()

    to(shown, "Keep it")
    while shown.step():
        pass

    assert "Done." in shown.text()
    assert str(_addressing(shown.world).address) == "192.0.2.77/24"
    to(shown, "Back")
    assert "192.0.2.77/24" in shown.text(), "the page shows what is now"


def test_a_network_that_is_taken_back_changes_nothing() -> None:
    shown = inside(at="network")
    before = shown.world.network().current
    shown.change(source="from-dhcp")
    to(shown, "Try it")
    shown.step()
    shown.step()

    to(shown, "As before")
    while shown.step():
        pass

    assert "As before: the change was not kept." in shown.text()
    assert shown.world.network().current == before


def test_nobody_leaves_a_network_that_waits_to_be_kept() -> None:
    shown = inside(at="network")
    to(shown, "Try it")
    shown.step()
    shown.step()

    shown.act("back", "log out")
    shown.pass_time(IDLE + 1)

    assert "Keep it" in shown.text()


def test_a_bond_in_a_vlan_with_ipv6_and_large_frames() -> None:
    shown = inside(at="network")
    shown.switch("[ ] Several as one")
    shown.switch("[ ] eno8403")
    shown.fill("IPv6 too", "2001:db8::10/64")
    shown.fill("VLAN", "12")
    shown.fill("MTU", "9000")
    to(shown, "Try it")
    shown.step()
    shown.step()
    to(shown, "Keep it")
    while shown.step():
        pass

    network = shown.world.network().current
    assert network.bonds[0].ports == ("eno8303", "eno8403") and network.bonds[0].mode is BondMode.ACTIVE_BACKUP
    assert network.vlans[0].id == 12 and network.bridges[0].addressing is None and network.mtu == 9000
    assert str(_addressing(shown.world).ipv6) == "(IPv6Interface('2001:db8::10/64'), None)"


def _addressing(world: RecordedWorld) -> Static:
    addressing = world.network().current.managed.addressing
    assert isinstance(addressing, Static)
    return addressing


@pytest.mark.parametrize(
    ("label", "typed", "said"),
    [
        ("IP address", "192.0.2.300/24", "is not an address with its prefix length"),
        ("IP address", "192.0.2.10", "needs the prefix length"),
        ("Gateway", "router", "'router' is not an IP address"),
        ("Name servers", "192.0.2.1 dns", "'dns' is not an IP address"),
        ("Name servers", "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4", "are more than 3"),
        ("VLAN", "5000", "should be less than or equal to 4094"),
        ("VLAN", "x", "must be a whole number"),
        ("MTU", "100", "should be greater than or equal to 1280"),
    ],
)
def test_what_is_typed_wrong_is_told_below_its_field_and_not_tried(label: str, typed: str, said: str) -> None:
    shown = inside(at="network")
    shown.go_to(label)
    shown.press(*ERASE)
    shown.type(typed)

    assert said in shown.text()
    to(shown, "Try it")
    assert shown.page.title == "Network" and shown.world._tried is None


def test_a_gateway_outside_its_network_is_told() -> None:
    shown = inside(at="network")
    shown.change(gateway="198.51.100.1")
    to(shown, "Try it")
    shown.go_to("MTU")

    assert "gateway 198.51.100.1 is not in 192.0.2.0/24" in shown.text()


def test_from_dhcp_asks_for_no_address() -> None:
    shown = inside(at="network")
    shown.change(source="from-dhcp")
    to(shown, "Try it")
    shown.step()
    shown.step()
    to(shown, "Keep it")
    while shown.step():
        pass

    assert shown.world.network().current.managed.addressing == Dhcp()


def test_a_node_gets_another_name_and_other_time_servers() -> None:
    shown = inside()
    to(shown, "Host name")
    shown.go_to("Full name")
    shown.press(*ERASE)
    shown.type("Node9.Example.org")
    to(shown, "Save", "Back", "Time")
    shown.go_to("Time zone")
    shown.press("enter")
    shown.type("lisb")
    shown.press("enter")
    shown.go_to("Time servers")
    shown.press(*ERASE, *ERASE)
    shown.type("192.0.2.1")
    to(shown, "Save")

    assert shown.world.host == "node9.example.org"
    assert (shown.world.zone.zone, shown.world.zone.servers) == ("Europe/Lisbon", ("192.0.2.1",))


def test_a_password_is_changed_by_who_knows_the_old_one() -> None:
    shown = inside(at="password")
    for label, text in (("Password now", PASSWORD), ("New password", "four words are good"), ("Again", "four")):
        shown.fill(label, text)
    to(shown, "Change it")
    assert "is not the same" in shown.text() and shown.world.password == PASSWORD
    shown.fill("Again", " words are good")
    to(shown, "Change it")

    assert "The password is changed." in shown.text() and shown.world.password == "four words are good"
    assert "*" not in shown.text(), "nothing typed stays"


def test_keys_are_added_and_taken_away() -> None:
    shown = inside(at="keys", root_keys=('from="192.0.2.1" ' + SSH_KEY,))
    shown.change(key__1=SSH_KEY)
    shown.act("save")
    assert shown.world.root_keys == ('from="192.0.2.1" ' + SSH_KEY, SSH_KEY), "a key with options stays as it is"
    shown.change(key__0="")
    shown.act("save")

    assert shown.world.root_keys == (SSH_KEY,)


def test_an_update_goes_on_when_its_page_is_left() -> None:
    shown = inside(at="updates")
    to(shown, "Bring up to date")
    shown.step()

    shown.act("back")
    while shown.step():
        pass

    assert shown.page.title == "Updates" and shown.world.pending == ()


def test_a_dry_run_ends_where_the_node_would_be_restarted() -> None:
    shown = inside(at="reboot")

    shown.push("< Restart now >")

    assert shown.controller.page() is None


def test_without_the_daemon_what_needs_none_is_offered() -> None:
    shown = inside(trouble="Connection refused")

    text = shown.text()

    assert "Log" in text and "Restart" in text and "Network" not in text


class WithShell(RecordedWorld):
    """A node that has a shell for whoever has logged in."""

    def shell(self) -> tuple[str, ...]:
        """See `World.shell`."""
        return ("su", "--login", "root")


def test_a_shell_is_that_of_who_has_logged_in() -> None:
    world = console().world
    shown = OnConsole(WithShell(world.machine, PASSWORD), "en")
    assert shown.controller.lends() == ()

    shown.log_in()

    assert "< Shell >" in shown.text() and shown.controller.lends() == ("su", "--login", "root")


class Hostile(RecordedWorld):
    """A node of which all that comes from elsewhere tries to steer the terminal."""

    def log_in(self, user: str, password: str, code: str) -> Session:
        """See `World.log_in`."""
        return Session(HOSTILE)

    def journal(self) -> tuple[str, ...]:
        """See `World.journal`."""
        return (HOSTILE,) * 3


def hostile() -> OnConsole:
    """Its console."""
    world = Hostile(
        console().world.machine,
        host=HOSTILE,
        trouble=HOSTILE,
        cluster=ClusterSeen(HOSTILE, 3, 3, True),
        running=(RunningTask(HOSTILE, HOSTILE, HOSTILE),),
        pending=(Update(HOSTILE, HOSTILE, HOSTILE),),
        root_keys=(HOSTILE,),
    )
    return OnConsole(world, "en")


@pytest.mark.parametrize("at", ["", "menu", *TOPICS])
def test_nothing_from_outside_steers_the_terminal(at: str) -> None:
    shown = hostile()
    if at:
        shown.log_in()
    if at in TOPICS:
        shown.act(f"go {at}")

    canvas = shown.view.render(shown.size, focus=True)

    drawn = b"".join(text for row in canvas.content() for _attribute, _charset, text in row).decode()
    assert all(each.isprintable() for each in drawn)
    assert "\\x1b[2J" in drawn


@pytest.mark.parametrize("at", ["", *TOPICS])
def test_no_keys_on_no_size_end_the_wizard(at: str) -> None:
    chosen = random.Random(at)
    machine = chosen.choice(("rack-server", "qemu-bios", "asus-ryzen-svm-off"))
    start = inside(machine, chosen.choice(("en", "es")), at=at) if at else console(machine)
    shown = Terminal(start.controller, signs=ASCII if chosen.random() < 0.5 else start.view._signs, jobs=start.jobs)
    for _ in range(120):
        if chosen.random() < 0.1:
            shown.size = chosen.choice(SIZES)
        shown.press(chosen.choice(KEYS))
        if shown.controller.page() is None:
            return
        canvas = shown.view.render(shown.size, focus=True)
        assert (canvas.cols(), canvas.rows()) == shown.size
