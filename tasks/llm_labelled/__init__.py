"""Corpora that large language models have labeled, and instruction data: what pre-training is made of.

The samples of them that tests and small recipes read are in `datasets_pt/`, beside the data folder.
"""

from seqgpt_jax.tasks.llm_labelled import instructie, instructions, tables, typed

TASKS = (*typed.TASKS, *instructie.TASKS, *tables.TASKS, *instructions.TASKS)
