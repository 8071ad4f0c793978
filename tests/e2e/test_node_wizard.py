"""Somebody at the serial console of an installed node looks, logs in, changes what there is to change, and leaves."""

from __future__ import annotations

import re

from tests.e2e.cases import DOMAIN, PASSWORD
from tests.e2e.lab import patient
from tests.e2e.wizard import CASE, OnConsole
from tests.screens import fingerprint

NEW_PASSWORD = "seven purple clovers"
NEW_NAME = f"renamed.{DOMAIN}"
SERVER = "ntp1.example.org"
#: Seconds that a trial lasts on a slow machine: what applies it, and the minute in which it can be kept.
TRIED_WITHIN = 240.0
MADE_WITHIN = 240.0


def _mtu(wizard: OnConsole) -> int:
    return int(wizard.json("ip -json link show dev vmbr0")[0]["mtu"])


class TestSteps:
    """In this order, on one node."""

    def test_the_first_page_shows_where_the_node_is_and_its_certificate(self, wizard: OnConsole) -> None:
        url = f"https://{CASE.address}:9090/"
        page = wizard.screen.wait(CASE.host, f"{CASE.address}/24", url, "SHA-256", ":8006/ (API)", "State")
        port = wizard.machine.port(9090)
        assert fingerprint.shown(page) == fingerprint.served("127.0.0.1", port, within=patient(60))
        told = wizard.ssh("openssl x509 -in /etc/trebol/pki/api.pem -noout -fingerprint -sha256")
        assert fingerprint.shown(page) == told.strip().partition("=")[2].replace(":", "")

    def test_a_wrong_password_lets_nobody_in(self, wizard: OnConsole) -> None:
        wizard.log_in("wrong horse battery", then="User or password is wrong.")

    def test_the_right_one_does(self, wizard: OnConsole) -> None:
        wizard.log_in(PASSWORD, then="This node")
        assert "root@pam" in wizard.screen.settled()

    def test_time_servers_are_what_the_clock_follows(self, wizard: OnConsole) -> None:
        wizard.open("Time", then="Time servers")
        wizard.replace("Time servers", SERVER)
        wizard.screen.push("< Save >", then="The clock follows it now.")
        assert SERVER in wizard.ssh("grep -rhE '^(server|pool)' /etc/chrony/")

    def test_a_key_that_is_added_gets_root_in(self, wizard: OnConsole) -> None:
        public = wizard.other_key.with_suffix(".pub").read_text(encoding="utf-8").strip()
        wizard.open("SSH keys", then="one per line")
        # The line of the first key may end with anything.
        wizard.screen.go_to("2          ")
        wizard.screen.type(public, shown=public.split()[-1])
        wizard.screen.push("< Save >", then="2 keys get root in now.")
        assert wizard.machine.ssh("id --user", key=wizard.other_key).stdout.strip() == "0"
        assert wizard.ssh("id --user").strip() == "0"

    def test_a_network_that_is_kept_stays(self, wizard: OnConsole) -> None:
        wizard.open("Network", then="MTU")
        wizard.replace("MTU", "1400")
        wizard.screen.push("< Try it >", then="is being")
        wizard.screen.wait("< Keep it >", within=TRIED_WITHIN)
        assert _mtu(wizard) == 1400
        wizard.screen.push("< Keep it >", then="Keeping it")
        wizard.screen.wait("Done.", within=TRIED_WITHIN)
        assert _mtu(wizard) == 1400
        assert "1400" in wizard.ssh("cat /etc/netplan/50-trebol.yaml")

    def test_a_network_that_nobody_keeps_is_as_before(self, wizard: OnConsole) -> None:
        wizard.screen.push("< Back >", then="MTU")
        wizard.replace("MTU", "1300")
        wizard.screen.push("< Try it >", then="is being")
        wizard.screen.wait("< Keep it >", within=TRIED_WITHIN)
        assert _mtu(wizard) == 1300
        wizard.screen.wait("As before: the change was not kept.", within=TRIED_WITHIN)
        assert _mtu(wizard) == 1400
        assert "1300" not in wizard.ssh("cat /etc/netplan/50-trebol.yaml")
        wizard.screen.push("< Back >", then="MTU")

    def test_a_support_bundle_is_made_without_secrets(self, wizard: OnConsole) -> None:
        wizard.open("Support bundle", then="< Make it >")
        wizard.screen.push("< Make it >", then="It runs.")
        page = wizard.screen.wait("Done.", within=MADE_WITHIN)
        (path,) = re.findall(r"(/\S+)", page.partition("Done.")[2])[-1:]
        assert int(wizard.ssh(f"stat --format=%s {path}")) > 1000
        assert wizard.ssh(f"stat --format=%a {path}").strip() == "600"
        secret = wizard.ssh("getent shadow root").split(":")[1]
        assert wizard.ssh(f"zgrep -cF '{secret}' {path} || true").strip() == "0"
        wizard.screen.push("< Back >", then="< Make it >")

    def test_the_shell_is_root_s_and_leads_back(self, wizard: OnConsole) -> None:
        wizard.open("Shell", then=f"root@{CASE.host}:~#")
        wizard.screen.press(*"tty; id", "enter")
        wizard.screen.wait("/dev/ttyS0", "uid=0(root)")
        wizard.screen.press(*"exit", "enter")
        wizard.screen.wait("This node", "< Log out >")

    def test_another_password_is_asked_from_now_on(self, wizard: OnConsole) -> None:
        before = wizard.ssh("getent shadow root")
        wizard.open("Password", then="Password now")
        for label, text in (("Password now", PASSWORD), ("New password", NEW_PASSWORD), ("Again", NEW_PASSWORD)):
            wizard.screen.go_to(label)
            wizard.screen.type(text, shown="*" * len(text))
        wizard.screen.push("< Change it >", then="The password is changed.")
        assert wizard.ssh("getent shadow root") != before

    def test_the_node_gets_another_name(self, wizard: OnConsole) -> None:
        wizard.open("Host name", then="Full name")
        wizard.replace("Full name", NEW_NAME)
        wizard.screen.push("< Save >", then="The node has its new name.")
        assert wizard.ssh("hostname --fqdn").strip() == NEW_NAME
        assert wizard.ssh("cat /etc/hostname").strip() in (NEW_NAME, NEW_NAME.partition(".")[0])

    def test_whoever_logs_out_leaves_the_first_page(self, wizard: OnConsole) -> None:
        wizard.screen.push("< Back >", then="This node")
        wizard.screen.push("< Log out >", then="SHA-256")
        wizard.screen.wait(NEW_NAME.partition(".")[0], "State")

    def test_the_old_password_lets_nobody_in_and_the_new_one_does(self, wizard: OnConsole) -> None:
        wizard.log_in(PASSWORD, then="User or password is wrong.")
        wizard.log_in(NEW_PASSWORD, then="This node")
        wizard.screen.push("< Log out >", then="SHA-256")

    def test_no_password_is_in_a_log(self, wizard: OnConsole) -> None:
        found = wizard.ssh(f"journalctl --no-pager | grep -cF -e '{PASSWORD}' -e '{NEW_PASSWORD}' || true")
        assert found.strip() == "0"
