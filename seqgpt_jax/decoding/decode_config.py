"""Settings of decoding (gin: `Decode`)."""

from dataclasses import dataclass, replace

from transformers import PreTrainedTokenizerFast

from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.io.contract import ModelContract


@dataclass(frozen=True)
class DecodeConfig:
    """Settings of the search (gin: `Decode`). The defaults are those of SeqGPT's model card.

    Attributes:
      num_beams: beams of the search; 1 is greedy.
      batch_size: prompts decoded at once, at most; few prompts have few rows.
      max_new_tokens: most tokens of an answer, its end token included; None takes the model's own limit (in the
        seqgpt.json of its folder). A lower one bounds the time of an answer.
      max_queries: most queries in one prompt of an extraction; None takes the model's own limit. 1 asks one label at a
        time, as UniversalNER does: each query has a prompt of its own, which costs as many times the text.
      constrained: only answers that follow the contract can be generated (see `constraints`); False
        answers as `transformers` does, malformed where the model is unsure.
      length_penalty: answers are compared by their log-probability divided by their length to this power: 0 compares
        sums, 1 means. None takes 0 for constrained classifications, as means favor labels of more tokens, else 1.
      repetition_penalty: on tokens that the prompt or the answer has already, as in `transformers`; 1 is none. Labels
        whose probabilities are computed (`Question.choose`) have neither penalty.
      contextual_calibration: of labels whose probabilities are computed: each is divided by its probability after a
        text that says nothing (`N/A`), which takes out what the model prefers whatever the text (arXiv:2102.09690);
        that of `None` stays. It can help with label sets that a pretrained model has not been trained on, and costs a
        model that has learned its labels many right answers: benchmarks/results/calibration.md.
      devices: chips of this host that the model is split over, for one that is too large for a single chip: each has
        some of the heads, of the MLP and of the vocabulary.
      weight_dtype: "int8" holds the kernels of the layers as whole numbers of 8 bits, with a scale for each output:
        half the memory of bfloat16, and on TPUs half of what a step reads of them. They are rounded, so that answers
        may differ; on CPUs it is slower. None keeps them in the compute dtype of the model.
    """

    num_beams: int = 4
    batch_size: int = 16
    max_new_tokens: int | None = None
    max_queries: int | None = None
    constrained: bool = True
    length_penalty: float | None = None
    repetition_penalty: float = 1.0
    contextual_calibration: bool = False
    devices: int = 1
    weight_dtype: str | None = None

    def __post_init__(self) -> None:
        for name in ("num_beams", "batch_size", "max_new_tokens", "max_queries", "devices"):
            value = getattr(self, name)
            if name.startswith("max_") and value is None:
                continue
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Decode.{name} must be a whole number of at least 1, not {value!r}")
        if self.weight_dtype not in (None, "int8"):
            raise ValueError(f"Decode.weight_dtype must be 'int8' or None, not {self.weight_dtype!r}")
        if not self.repetition_penalty > 0:
            raise ValueError(f"Decode.repetition_penalty must be above 0, not {self.repetition_penalty!r}")

    @property
    def loads_on_host(self) -> bool:
        """Whether the model is loaded into the memory of the host, as it may be too large for its one chip before."""
        return self.weight_dtype is not None and self.devices == 1

    def length_penalty_of(self, prompt: Prompt) -> float:
        """The length penalty of the answers to a prompt."""
        if self.length_penalty is not None:
            return self.length_penalty
        return 0.0 if self.constrained and prompt.atom == "cls" else 1.0

    def answer_tokens(self, contract: ModelContract) -> int:
        """Most tokens of an answer of a model with this contract, the end token included."""
        return contract.max_target_tokens if self.max_new_tokens is None else self.max_new_tokens

    def limits(self, contract: ModelContract, tokenizer: PreTrainedTokenizerFast) -> PromptLimits:
        """What is asked at once of a model with this contract, and how long its answers may be."""
        if self.max_queries is not None:
            contract = replace(contract, max_queries=self.max_queries)
        return PromptLimits(contract, self.answer_tokens(contract), tokenizer)
