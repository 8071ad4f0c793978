"""The installer's screens (docs/screens.md)."""
