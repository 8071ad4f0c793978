"""All that there is to do, in the order of the menu."""

from __future__ import annotations

from typing import Any

from trebol_firstboot.screens import (
    bundle,
    clock,
    cluster,
    findings,
    journal,
    keys,
    name,
    network,
    password,
    power,
    updates,
)
from trebol_firstboot.screens.topic import Topic

TOPICS: dict[str, Topic[Any]] = {
    topic.name: topic
    for topic in (
        network.TOPIC,
        name.TOPIC,
        clock.TOPIC,
        findings.TOPIC,
        cluster.TOPIC,
        password.TOPIC,
        keys.TOPIC,
        updates.TOPIC,
        bundle.TOPIC,
        journal.TOPIC,
        power.REBOOT,
        power.POWER_OFF,
    )
}
