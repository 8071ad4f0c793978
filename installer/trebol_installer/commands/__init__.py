"""The installer's commands: `trebol install` and `trebol answer`."""
