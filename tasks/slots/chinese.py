"""SF in Chinese: the SMP 2019 contest, and what people ask an online shop for."""

from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.assistants import SMP2019
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.readers.tagged import word_tags
from seqgpt_jax.tasks.repositories import SLU_SPLITS, slu

ECSA_SLOTS = {"PINLEI": "品类", "PK": "属性名"}


def shop_slot(code: str) -> str:
    """ECSA: `20000_品牌` -> "品牌"; the number is the property's in the shop."""
    number, _, slot = code.partition("_")
    return slot if slot and number.isdigit() else named(ECSA_SLOTS)(code)


TASKS = task_specs(
    SMP2019.only("SF"),
    DatasetSpec(
        "ecsa",
        slu("ECSA"),
        license="research",
        citation="Gong et al. 2019, E-commerce Shopping Assistant, AAAI",
        splits=SLU_SPLITS,
        tasks=(Task("SF", "zh", reader(lines(), word_tags(shop_slot, joiner=""))),),
    ),
)
