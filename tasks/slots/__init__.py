"""SF: the values of each slot in an utterance."""

from seqgpt_jax.tasks.slots import chinese, english, massive
from seqgpt_jax.tasks.slots.chinese import SMP_SLOTS
from seqgpt_jax.tasks.slots.english import atis_slot

TASKS = (*english.TASKS, *chinese.TASKS, *massive.TASKS)

__all__ = ["SMP_SLOTS", "TASKS", "atis_slot"]
