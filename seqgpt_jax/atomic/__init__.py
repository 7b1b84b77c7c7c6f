"""Prompt contract of the two atomic tasks: examples, templates, families. Standard library only."""

from seqgpt_jax.atomic.chunking import chunk_labels, label_budget
from seqgpt_jax.atomic.examples import Atom, Classification, Example, Extraction, Instance
from seqgpt_jax.atomic.families import FAMILIES, LANGUAGES
from seqgpt_jax.atomic.original_text import OriginalText, occurrences
from seqgpt_jax.atomic.template import (
    CONTROL_TOKENS,
    GEN,
    NONE,
    TAB,
    TEMPLATES,
    ContractError,
    Template,
    clean_text,
    find_template,
    parse_answer,
    read_answer,
    recover_answer,
)

__all__ = [
    "CONTROL_TOKENS",
    "FAMILIES",
    "GEN",
    "LANGUAGES",
    "NONE",
    "TAB",
    "TEMPLATES",
    "Atom",
    "Classification",
    "ContractError",
    "Example",
    "Extraction",
    "Instance",
    "OriginalText",
    "Template",
    "chunk_labels",
    "clean_text",
    "find_template",
    "label_budget",
    "occurrences",
    "parse_answer",
    "read_answer",
    "recover_answer",
]
