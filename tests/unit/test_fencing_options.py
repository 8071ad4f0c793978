"""What fence agents say of themselves, as Debian's do, and what a device of theirs may be told."""

from __future__ import annotations

import pytest
from tests.unit.fence_agents import NAMES, agent

from trebol_common.errors import BadInput
from trebol_node.fencing.metadata import Kind, parse
from trebol_node.fencing.options import checked, settable


@pytest.mark.parametrize("name", NAMES)
def test_each_agent_is_understood(name: str) -> None:
    found = agent(name)
    assert found.description and {"on", "off", "status", "monitor"} <= found.actions
    names = [each.name for each in found.parameters]
    assert len(names) == len(set(names))
    assert not {"ipaddr", "login", "passwd", "port"} & set(names)


def test_older_names_are_known_as_those_of_today() -> None:
    found = agent("fence_apc")
    assert [getattr(found.parameter(name), "name", None) for name in ("ipaddr", "login", "passwd", "port")] == [
        *("ip", "username", "password", "plug")
    ]


def test_kinds_defaults_and_choices_are_the_agents_own() -> None:
    method = agent("fence_ipmilan").parameter("method")
    assert method is not None
    assert (method.kind, method.default, method.choices) == (Kind.SELECT, "onoff", ("onoff", "cycle"))


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("fence_ipmilan", {"password", "hexadecimal_kg"}),
        ("fence_apc", {"password"}),
        ("fence_ifmib", {"password", "community", "snmp_priv_passwd"}),
        ("fence_sbd", set()),
    ],
)
def test_what_is_secret_is_known(name: str, secret: set[str]) -> None:
    assert {each.name for each in settable(agent(name)) if each.is_secret} == secret


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_names_a_program_or_a_file_to_write_can_be_set(name: str) -> None:
    names = {each.name for each in settable(agent(name))}
    assert not {each for each in names if "path" in each or "script" in each or "debug" in each or "sudo" in each}
    assert not names & {"action", "ssh_options", "identity_file", "verbose", "delay"}


@pytest.mark.parametrize(
    ("name", "given", "plain", "secret"),
    [
        pytest.param(
            "fence_ipmilan",
            {"ipaddr": "192.0.2.61", "login": "admin", "passwd": "a b"},
            {"ip": "192.0.2.61", "lanplus": "1", "username": "admin"},
            {"password": "a b"},
            id="older names, and IPMI 2.0",
        ),
        pytest.param(
            "fence_ipmilan",
            {"ip": "bmc1.example.org", "lanplus": "no"},
            {"ip": "bmc1.example.org", "lanplus": "0"},
            {},
            id="a default that somebody has changed",
        ),
        pytest.param(
            "fence_apc_snmp",
            {"ip": "2001:db8::7", "plug": "4", "community": "private"},
            {"ip": "2001:db8::7", "plug": "4"},
            {"community": "private"},
            id="an outlet of a rack",
        ),
        pytest.param(
            "fence_sbd",
            {"devices": "/dev/disk/by-id/wwn-0x5000-part1"},
            {"devices": "/dev/disk/by-id/wwn-0x5000-part1", "plug": "n1"},
            {},
            id="a disk that knows the node by its name",
        ),
    ],
)
def test_values_become_canonical(
    name: str, given: dict[str, str], plain: dict[str, str], secret: dict[str, str]
) -> None:
    found = checked(agent(name), "n1", given)
    assert (found.plain, found.secret) == (plain, secret)


@pytest.mark.parametrize(
    ("name", "given", "where", "says"),
    [
        ("fence_ipmilan", {"username": "admin"}, "ip", "is missing"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "port_as_ip": "1"}, "plug", "is missing"),
        ("fence_apc", {"ip": "192.0.2.1", "username": "apc"}, "plug", "is missing"),
        ("fence_redfish", {"ip": "192.0.2.1"}, "username", "is missing"),
        ("fence_sbd", {}, "devices", "is missing"),
        ("fence_sbd", {"devices": "/etc/shadow"}, "devices", "is no list of devices"),
        ("fence_ipmilan", {"ip": "-x"}, "ip", "is no address"),
        ("fence_ipmilan", {"ip": "a b"}, "ip", "is no address"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "ipaddr": "192.0.2.2"}, "ipaddr", "is given twice"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "ipport": "x"}, "ipport", "is no number"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "ipport": "0"}, "ipport", "is no port"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "ipport": "70000"}, "ipport", "is no port"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "lanplus": "maybe"}, "lanplus", "is neither yes nor no"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "method": "gently"}, "method", "is none of onoff, cycle"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "username": ""}, "username", "is empty"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "username": "a\naction=off"}, "username", "can be seen"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "username": " a"}, "username", "without blanks"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "username": "a" * 1025}, "username", "1024"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "ipmitool_path": "/bin/sh"}, "ipmitool_path", "cannot be set"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "passwd_script": "/bin/sh"}, "passwd_script", "cannot be set"),
        ("fence_ipmilan", {"ip": "192.0.2.1", "pcmk_host_list": "n2"}, "pcmk_host_list", "is no parameter"),
    ],
)
def test_what_is_wrong_is_told_by_its_name(name: str, given: dict[str, str], where: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        checked(agent(name), "n1", given)
    assert [each.where for each in caught.value.problems] == [where]
    assert says in caught.value.problems[0].what


def test_all_that_is_wrong_is_told_at_once_and_no_secret() -> None:
    with pytest.raises(BadInput) as caught:
        checked(agent("fence_ipmilan"), "n1", {"password": "geheim\n", "ipport": "x", "nothing": "1"})
    assert [each.where for each in caught.value.problems] == ["password", "ipport", "nothing"]
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "<a>", "<html/>"])
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="of itself"):
        parse(text, "fence_x")
