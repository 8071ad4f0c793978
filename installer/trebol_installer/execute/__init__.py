"""Execution of a plan: `Installer` does it, `DryRun` says it."""

from trebol_installer.execute.executor import DryRun, Executor, Installer, StepFailed, never

__all__ = ["DryRun", "Executor", "Installer", "StepFailed", "never"]
