"""Transactions of numbered steps, each with an undo: see docs/cluster.md, "Joining".

Below a folder, root's alone::

    journal.json    {"kind", "arguments", "facts", "direction", "reason",
                     "steps": [{"name", "state", "reason", "when"}]}
    secrets.json    what steps need that no journal may hold; it goes at the end
    lock            locked by who is at it
"""
