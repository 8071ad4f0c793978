"""Fence devices in pacemaker's configuration (the CIB): what is ours in it, as it is to be. Pure.

Ours is what has an id that begins with PREFIX, and nothing else is touched:

    configuration/crm_config/…/nvpair         priority-fencing-delay, of two nodes
    configuration/resources/primitive         a device; of its secrets only that there are some ("lrm://")
    configuration/constraints/rsc_location    no node fences itself
    configuration/fencing-topology/…          the levels of each node
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement

from trebol_common.errors import BadInput
from trebol_node.fencing.device import Device, levels

PREFIX = "trebol-fence-"

#: Stands for a secret, which is in a file (`trebol_node.fencing.secret_files`).
ELSEWHERE = "lrm://"

#: Seconds by which fencing the first of two nodes is put off. When they lose each other both would be fenced by the
#: other at the same time; so the first shoots first. It has to be longer than a device takes to answer.
DELAY = 5
#: And where one of both runs more than the other, it is that one that wins (crmsh's rule: twice the delay).
PRIORITY_DELAY = 2 * DELAY

#: Seconds between two looks at a device, for its answer, and until a failure is forgotten and it is tried again.
_MONITOR_EVERY, _TIMEOUT, _FORGET_AFTER = 300, 60, 600

_SECTIONS = ("resources", "constraints", "fencing-topology")


def changed(text: str, devices: Iterable[Device], *, delayed: str | None) -> str:
    """The CIB `text` with these devices and no others of ours; the same text where it has them.

    `delayed` is the node of two that is fenced later. Raises BadInput for what is no CIB.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadInput(f"is no XML: {error}", where="CIB") from error
    configuration = root.find("configuration")
    if configuration is None:
        raise BadInput("has no configuration", where="CIB")
    before = ElementTree.tostring(root, encoding="unicode")
    _take_out(configuration)
    known = sorted(devices, key=lambda device: device.id)
    _put_properties(configuration, delayed)
    _put_devices(configuration, known, delayed)
    _put_levels(configuration, known)
    after = ElementTree.tostring(root, encoding="unicode")
    same = ElementTree.canonicalize(before, strip_text=True) == ElementTree.canonicalize(after, strip_text=True)
    return text if same else after


def _take_out(configuration: Element) -> None:
    for name in _SECTIONS:
        section = configuration.find(name)
        _drop_ours(section)
        if name == "fencing-topology" and section is not None and not len(section):
            configuration.remove(section)
    for properties in configuration.iterfind("crm_config/cluster_property_set"):
        _drop_ours(properties)


def _drop_ours(section: Element | None) -> None:
    for each in list(() if section is None else section):
        if each.get("id", "").startswith(PREFIX):
            assert section is not None
            section.remove(each)


def _put_properties(configuration: Element, delayed: str | None) -> None:
    if delayed is None:
        return
    options = _section(configuration, "crm_config")
    properties = options.find("cluster_property_set")
    if properties is None:
        properties = SubElement(options, "cluster_property_set", id="cib-bootstrap-options")
    _pair(properties, f"{PREFIX}priority-delay", "priority-fencing-delay", f"{PRIORITY_DELAY}s")


def _put_devices(configuration: Element, devices: Iterable[Device], delayed: str | None) -> None:
    resources, constraints = _section(configuration, "resources"), _section(configuration, "constraints")
    first = {by_level[0].id for each in _by_node(devices).values() for by_level in levels(each).values()}
    for device in devices:
        ident = device.resource
        made = SubElement(resources, "primitive", {"id": ident, "class": "stonith", "type": device.agent})
        attributes = SubElement(made, "instance_attributes", id=f"{ident}-options")
        late = device.node == delayed and device.id in first
        for name, value in sorted(_values(device, late=late).items()):
            _pair(attributes, f"{ident}-{name}", name, value)
        meta = SubElement(made, "meta_attributes", id=f"{ident}-meta")
        _pair(meta, f"{ident}-failure-timeout", "failure-timeout", f"{_FORGET_AFTER}s")
        operations = SubElement(made, "operations")
        for name, interval in (("start", 0), ("monitor", _MONITOR_EVERY)):
            timing = {"name": name, "interval": f"{interval}s", "timeout": f"{_TIMEOUT}s"}
            SubElement(operations, "op", {"id": f"{ident}-{name}", **timing})
        place = {"rsc": ident, "node": device.node, "score": "-INFINITY"}
        SubElement(constraints, "rsc_location", {"id": f"{ident}-elsewhere", **place})


def _values(device: Device, *, late: bool) -> Mapping[str, str]:
    return {
        **device.options,
        **dict.fromkeys(device.sealed, ELSEWHERE),
        "pcmk_host_check": "static-list",
        "pcmk_host_list": device.node,
        **({"pcmk_delay_base": f"{DELAY}s"} if late else {}),
    }


def _put_levels(configuration: Element, devices: Iterable[Device]) -> None:
    by_node = _by_node(devices)
    if not by_node:
        return
    topology = _section(configuration, "fencing-topology")
    for node, its in sorted(by_node.items()):
        # Numbers without gaps: pacemaker would take others as well, people would look for what is missing.
        for index, (level, together) in enumerate(levels(its).items(), 1):
            names = ",".join(each.resource for each in together)
            values = {"target": node, "index": str(index), "devices": names}
            SubElement(topology, "fencing-level", {"id": f"{PREFIX}{node}-{level}", **values})


def _by_node(devices: Iterable[Device]) -> dict[str, list[Device]]:
    found: dict[str, list[Device]] = {}
    for each in devices:
        found.setdefault(each.node, []).append(each)
    return found


def _section(configuration: Element, name: str) -> Element:
    found = configuration.find(name)
    return SubElement(configuration, name) if found is None else found


def _pair(parent: Element, ident: str, name: str, value: str) -> None:
    SubElement(parent, "nvpair", {"id": ident, "name": name, "value": value})
