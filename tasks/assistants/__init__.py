"""Data sets of several families: utterances to assistants, with their domain, intent and slots."""

from seqgpt_jax.tasks.assistants.english import ATIS, MTOP, SNIPS
from seqgpt_jax.tasks.assistants.massive import MASSIVE
from seqgpt_jax.tasks.assistants.smp2019 import SMP2019

__all__ = ["ATIS", "MASSIVE", "MTOP", "SMP2019", "SNIPS"]
