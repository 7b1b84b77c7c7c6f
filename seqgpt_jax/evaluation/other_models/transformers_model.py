"""Hugging Face folders through `transformers`' own generation, with the prompts of our contract (the extra `torch`)."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel, PreTrainedTokenizerFast

from seqgpt_jax.data.tokenizer import encode_prompts
from seqgpt_jax.decoding.completion import Prompt, cut_prompt
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.evaluation.other_models.journal import Keep, Reply
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.io.file_hash import files_hash
from seqgpt_jax.io.tokenizer import fingerprint, never_generated

# What `transformers` reads beside weights and tokenizer.
_CONFIG_FILES = ("config.json", "generation_config.json")


class TransformersModel:
    """A causal language model that `transformers` loads and runs on the CPU (`journal.OtherModel`).

    It is asked as our unconstrained decoder asks it: the same prompts, cut alike, and the same tokens are never
    written. The model is loaded when something is asked that the journal does not have.
    """

    def __init__(
        self, folder: Path, tokenizer: PreTrainedTokenizerFast, contract: ModelContract, config: DecodeConfig
    ) -> None:
        """Nothing is loaded yet.

        Args:
          folder: with config.json, weights and tokenizer files.
          tokenizer: of the folder, which knows `contract.prompt_end`.
          contract: how the model is asked.
          config: beams, batch, most tokens and penalties; constraints are ours alone.
        """
        self._folder, self._tokenizer, self._contract, self._config = folder, tokenizer, contract, config
        self.limits = config.limits(contract, tokenizer)
        weights = sorted(path for pattern in ("*.safetensors", "*.bin") for path in folder.glob(pattern))
        self.settings: dict[str, Any] = {
            "through": "transformers",
            "model": str(folder),
            # Another model in the same folder has other replies.
            "weights": [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in weights],
            "config": files_hash(path for name in _CONFIG_FILES if (path := folder / name).exists()),
            "tokenizer": fingerprint(tokenizer),
            "max_prompt_tokens": contract.max_prompt_tokens,
            "num_beams": config.num_beams,
            "max_new_tokens": self.limits.answer_tokens,
            "length_penalty": 1.0 if config.length_penalty is None else config.length_penalty,
            "repetition_penalty": config.repetition_penalty,
        }

    def request(self, prompt: Prompt) -> str:
        """The prompt as it is."""
        return prompt.text

    def read(self, prompt: Prompt, output: str) -> str:
        """The output as it is."""
        return output

    def ask(self, prompts: Sequence[Prompt], keep: Keep, *, answered: bool) -> None:
        """Keeps the replies, batch by batch, short prompts first.

        Raises:
          ContractError: a prompt is so long that its labels would be cut.
          ImportError: PyTorch is not installed.
        """
        del answered
        ids = encode_prompts(self._tokenizer, [prompt.text for prompt in prompts])
        most = self._contract.max_prompt_tokens
        asked = [
            (prompt, cut_prompt(prompt, of_prompt, self._tokenizer, most))
            for prompt, of_prompt in zip(prompts, ids, strict=True)
        ]
        asked.sort(key=lambda pair: len(pair[1].ids))
        size = self._config.batch_size
        for start in range(0, len(asked), size):
            batch = asked[start : start + size]
            for (prompt, cut), answer in zip(batch, self._answers([cut.ids for _, cut in batch]), strict=True):
                end = self._tokenizer.eos_token_id
                finished = end in answer
                written = answer[: answer.index(end)] if finished else answer
                text = self._tokenizer.decode(written, skip_special_tokens=True, clean_up_tokenization_spaces=False)
                keep(prompt, Reply(text, finished, cut.removed, cut.text))

    def _answers(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        """The ids after each prompt."""
        model, settings = self._loaded
        width = max(map(len, prompts))
        # Filler on the left, so that all answers begin at the same place.
        inputs = self._tokenizer.pad(
            {"input_ids": [[*ids] for ids in prompts]}, padding_side="left", return_tensors="pt"
        )
        return model.generate(**inputs, generation_config=settings)[:, width:].tolist()

    @functools.cached_property
    def _loaded(self) -> tuple[PreTrainedModel, GenerationConfig]:
        model = AutoModelForCausalLM.from_pretrained(self._folder, dtype="float32").eval()
        forbidden = never_generated(self._tokenizer, model.config.vocab_size)
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        settings = GenerationConfig(
            do_sample=False,
            num_beams=self.settings["num_beams"],
            max_new_tokens=self.settings["max_new_tokens"],
            length_penalty=self.settings["length_penalty"],
            repetition_penalty=self.settings["repetition_penalty"],
            suppress_tokens=forbidden or None,
            eos_token_id=self._tokenizer.eos_token_id,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        return model, settings
