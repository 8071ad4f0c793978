"""The installer: answer sources, plan, execution and report of an installation."""
