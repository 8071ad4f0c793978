"""`/metrics`: this node for Prometheus, from what its view holds; a registry of its own, made for each scrape.

Who scrapes signs in as everywhere else, or, as Prometheus sends no other header, with `basic_auth`: the token's id
("monitor@trebol!prometheus") as the user, its secret as the password. Needs Sys.Audit on the node.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trebol_common import __version__
from trebol_hardware.facts import DiskHealth
from trebol_node.access import Identity, tokens
from trebol_node.api.context import Context, TheContext
from trebol_node.api.forms import no_arguments
from trebol_node.api.identity import identify
from trebol_node.api.routes.nodes.view import NodeView, Usage
from trebol_node.status import Facts
from trebol_node.system.proc import busy


def router(view: NodeView) -> APIRouter:
    """The route, to be included without a prefix."""
    made = APIRouter(tags=["metrics"])

    @made.get("/metrics", dependencies=[no_arguments])
    async def metrics(request: Request, context: TheContext) -> Response:
        """Metrics in Prometheus' text format."""
        who = _basic(request, context) or await identify(request)
        context.accounts.read().require(who, f"/nodes/{context.node}", ("Sys.Audit",))
        # A thousand folders are not read in the loop.
        running = await asyncio.to_thread(context.tasks.list, source="active", limit=1000)
        text = _text(view, bool(context.records.quorate), len(running))
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return made


def _basic(request: Request, context: Context) -> Identity | None:
    """Whose token the header of `basic_auth` holds; None where there is no such header. Raises NotAuthenticated."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name, secret = "", ""
    return tokens.check(context.accounts.read(), f"PVEAPIToken={name}={secret}", context.clock.now())


def _text(view: NodeView, quorate: bool, running: int) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families([*families(view), *_of_daemon(view, quorate, running)]))
    return generate_latest(registry)


class _Families(Collector):
    """Metrics that are there already."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = list(found)

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`."""
        return self._found


def families(view: NodeView) -> Iterator[Metric]:
    """What is known of the node; what is not yet is left out."""
    yield _gauge("trebol_info", "Trebol on this node", 1, node=view.name, version=__version__)
    if (usage := view.usage.latest) is not None:
        yield from _of_usage(usage)
    if (facts := view.facts.latest) is not None:
        yield from _of_facts(facts)
    if (services := view.services.latest) is not None:
        up = GaugeMetricFamily("trebol_service_active", "Whether a service is active", labels=["service"])
        for each in services:
            if each["unit-state"] != "not-found":
                up.add_metric([each["service"]], each["active-state"] == "active")
        yield up
    if (machine := view.machine.latest) is not None:
        yield from _of_disks([disk.name for disk in machine.disks], view.health.latest or {})


def _of_usage(usage: Usage) -> Iterator[Metric]:
    now = usage.now
    working, waiting = busy(usage.before.ticks, now.ticks)
    total, available = now.memory.get("MemTotal", 0), now.memory.get("MemAvailable", 0)
    swap = now.memory.get("SwapTotal", 0)
    yield _gauge("trebol_cpu_usage_ratio", "Share of processor time that was worked, 0 to 1", working)
    yield _gauge("trebol_cpu_wait_ratio", "Share of processor time that waited for disks, 0 to 1", waiting)
    yield _gauge("trebol_uptime_seconds", "Since boot", now.uptime)
    yield _gauge("trebol_memory_size_bytes", "Memory that the kernel can use", total)
    yield _gauge("trebol_memory_usage_bytes", "Memory that is not available", total - available)
    yield _gauge("trebol_swap_size_bytes", "Swap", swap)
    yield _gauge("trebol_swap_usage_bytes", "Swap that is used", swap - now.memory.get("SwapFree", 0))
    yield _gauge("trebol_root_size_bytes", "Root file system", now.root.total)
    yield _gauge("trebol_root_usage_bytes", "Root file system, used", now.root.total - now.root.free)
    load = GaugeMetricFamily("trebol_load", "Load average", labels=["minutes"])
    for minutes, value in zip(("1", "5", "15"), now.load, strict=True):
        load.add_metric([minutes], float(value))
    yield load
    yield _counter("trebol_network_receive_bytes", "Over physical interfaces", now.received)
    yield _counter("trebol_network_transmit_bytes", "Over physical interfaces", now.sent)
    yield _counter("trebol_disk_read_bytes", "From physical disks", now.read)
    yield _counter("trebol_disk_written_bytes", "To physical disks", now.written)


def _of_facts(facts: Facts) -> Iterator[Metric]:
    yield _gauge("trebol_system_running", "Whether systemd says that all is well", facts.state == "running")
    yield _gauge("trebol_failed_units", "Units of systemd that failed", len(facts.failed_units))
    if facts.hardware is not None:
        rank = facts.hardware.severity.rank
        word = facts.hardware.severity.value
        yield _gauge("trebol_hardware_severity", "Rank of the gravest hardware finding, 0: none", rank, severity=word)


def _of_disks(names: Iterable[str], healths: Any) -> Iterator[Metric]:
    passed = GaugeMetricFamily("trebol_disk_health_passed", "The disk's own verdict", labels=["disk"])
    used = GaugeMetricFamily("trebol_disk_endurance_used_ratio", "Endurance spent; may pass 1", labels=["disk"])
    heat = GaugeMetricFamily("trebol_disk_temperature_celsius", "Temperature", labels=["disk"])
    for name in names:
        health: DiskHealth = healths.get(name, DiskHealth())
        if health.passed is not None:
            passed.add_metric([name], health.passed)
        if health.used is not None:
            used.add_metric([name], health.used / 100)
        if health.temperature is not None:
            heat.add_metric([name], health.temperature)
    yield from (passed, used, heat)


def _of_daemon(view: NodeView, quorate: bool, running: int) -> Iterator[Metric]:
    yield _gauge("trebol_store_quorate", "Whether the store can be written to", quorate)
    yield _gauge("trebol_tasks_running", "Tasks that run", running)
    age = GaugeMetricFamily("trebol_reading_age_seconds", "Since a value was last read", labels=["value"])
    for each in view.held:
        if each.age is not None:
            age.add_metric([each.name], each.age)
    yield age


def _gauge(name: str, what: str, value: float, **labels: str) -> Metric:
    family = GaugeMetricFamily(name, what, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def _counter(name: str, what: str, value: float) -> Metric:
    family = CounterMetricFamily(name, what)
    family.add_metric([], value)
    return family
