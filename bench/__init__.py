"""The figures of docs/performance.md, each measured side by side with its floor: `make bench`."""
