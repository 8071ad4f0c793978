"""What two or more rooms of Trebol share: answers, network model, events, command runner, errors, files."""

__version__ = "0.1.0"
