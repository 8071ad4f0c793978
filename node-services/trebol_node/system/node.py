"""A node's entry in the list of nodes, and its status. Pure."""

from __future__ import annotations

from typing import Any

from trebol_node.system.identity import NodeIdentity, boot_info
from trebol_node.system.proc import Sample, Space, busy
from trebol_node.system.version import PACKAGE_VERSION


def node_status(now: Sample, before: Sample, identity: NodeIdentity) -> dict[str, Any]:
    """The value of GET /nodes/{node}/status. The load of the processors is that between two samples, 0 to 1."""
    working, waiting = busy(before.ticks, now.ticks)
    kernel, cpu = identity.kernel, identity.processor
    return {
        "boot-info": boot_info(identity.firmware),
        "cpu": working,
        "cpuinfo": {
            "cores": cpu.cores,
            "cpus": cpu.threads,
            "flags": " ".join(cpu.flags),
            "hvm": str(int(bool({"vmx", "svm"}.intersection(cpu.flags)))),
            "mhz": identity.megahertz,
            "model": cpu.model,
            "sockets": cpu.sockets,
            "user_hz": 100,
        },
        "current-kernel": {
            "machine": kernel.machine,
            "release": kernel.release,
            "sysname": kernel.name,
            "version": kernel.version,
        },
        "idle": 0,
        "ksm": {"shared": now.shared},
        "kversion": f"{kernel.name} {kernel.release} {kernel.version}",
        "loadavg": list(now.load),
        "memory": _memory(now),
        "pveversion": PACKAGE_VERSION,
        "rootfs": _root(now.root),
        "swap": _swap(now),
        "uptime": int(now.uptime),
        "wait": waiting,
    }


def node_entry(name: str, now: Sample, before: Sample, identity: NodeIdentity, *, fingerprint: str) -> dict[str, Any]:
    """This node's entry of GET /nodes; `fingerprint` is the SHA-256 of its certificate, empty where it has none."""
    entry = {
        "cpu": busy(before.ticks, now.ticks)[0],
        "disk": now.root.total - now.root.free,
        "id": f"node/{name}",
        "level": "",
        "maxcpu": identity.processor.threads,
        "maxdisk": now.root.total,
        "maxmem": now.memory.get("MemTotal", 0),
        "mem": _memory(now)["used"],
        "node": name,
        "status": "online",
        "type": "node",
        "uptime": int(now.uptime),
    }
    return {**entry, "ssl_fingerprint": fingerprint} if fingerprint else entry


def _memory(now: Sample) -> dict[str, int]:
    total = now.memory.get("MemTotal", 0)
    available = now.memory.get("MemAvailable", 0)
    return {"available": available, "free": now.memory.get("MemFree", 0), "total": total, "used": total - available}


def _swap(now: Sample) -> dict[str, int]:
    total, free = now.memory.get("SwapTotal", 0), now.memory.get("SwapFree", 0)
    return {"free": free, "total": total, "used": total - free}


def _root(space: Space) -> dict[str, int]:
    return {
        "avail": space.available,
        "free": space.free,
        "total": space.total,
        "used": space.total - space.free,
    }
