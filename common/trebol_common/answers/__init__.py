"""Answers: what the user wants of an installation, from a TOML file, a screen or a request, as one typed object."""

from trebol_common.answers.model import Answers
from trebol_common.answers.parse import load_answers, parse_answers

__all__ = ["Answers", "load_answers", "parse_answers"]
