"""Measuring the ways between nodes before they are one cluster: a responder and a prober on each of them."""

from __future__ import annotations

from trebol_node.cluster.preflight.measure.links import PORT, Pace
from trebol_node.cluster.preflight.measure.prober import measure
from trebol_node.cluster.preflight.measure.responder import Responder, responding

__all__ = ["PORT", "Pace", "Responder", "measure", "responding"]
