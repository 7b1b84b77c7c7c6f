"""Batched generation engine: prompts of any length in, completions in the same order out, few shapes to compile.

A batch is as wide as the smallest of a few widths that holds its longest prompt.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import NONE, TAB
from seqgpt_jax.data.tokenizer import encode, encode_prompts
from seqgpt_jax.data.truncation import TruncatedPrompt
from seqgpt_jax.decoding.array_sizes import batch_rows, bucket_width, padded_rows, power_of_two, trie_width
from seqgpt_jax.decoding.batch_order import batches, decoding_order
from seqgpt_jax.decoding.completion import Completion, Prompt, cut_prompt
from seqgpt_jax.decoding.constraints import Grammar
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.devices import splitting
from seqgpt_jax.decoding.forbidden_tokens import forbidden_tokens
from seqgpt_jax.decoding.forced_tokens import echo_arrays, forced_prefixes, prefix_arrays, tokens_a_step
from seqgpt_jax.decoding.label_scores import rows_that_fit, score_labels, without_prior
from seqgpt_jax.decoding.label_trie import label_trie
from seqgpt_jax.decoding.running_batch import RunningBatch, rows_of
from seqgpt_jax.decoding.step import for_decoding
from seqgpt_jax.decoding.value_scores import ValueScorer
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.io.model_folder import Loaded
from seqgpt_jax.io.progress import Progress, no_progress
from seqgpt_jax.models.backbone import Backbone

# What stands for no text where labels are calibrated, and the label sets whose calibration is remembered.
_NO_TEXT = "N/A"
_MOST_PRIORS = 1 << 12
# Later prompts take the rows of those that are decided, this share of the rows at a time.
_GROUPS = 4


class NonFiniteError(ValueError):
    """A model whose scores are NaN or infinite: it has no answer."""


class Engine:
    """Generates with one model.

    Weights are kept in the model's compute dtype, and its layers apart from each other: beside those of `model`, unless
    it is taken over.

    Attributes:
      config: settings of the search.
      limits: what fits into a prompt and an answer. The text of a longer prompt loses its left end; labels and `[GEN]`
        are never cut.
    """

    def __init__(
        self,
        model: Backbone,
        tokenizer: PreTrainedTokenizerFast,
        config: DecodeConfig,
        contract: ModelContract,
        *,
        take_over: bool = False,
    ) -> None:
        """Raises ValueError where the tokenizer has more tokens than the model has rows; see `for_decoding`."""
        self.config = config
        self.limits = config.limits(contract, tokenizer)
        self._tokenizer = tokenizer
        self._grammar = Grammar(tokenizer, model.config.vocab_size) if config.constrained else None
        self._value_scorer = ValueScorer(tokenizer)
        self._calibration = contract.calibration
        self._known_priors: dict[str, np.ndarray] = {}
        self._forbidden_V = jnp.asarray(forbidden_tokens(tokenizer, model.config.vocab_size))
        self._splitting = splitting(model, config.devices)
        with self._splitting():
            self._model = for_decoding(model, config.weight_dtype, take_over=take_over)
        if config.loads_on_host:
            self._model = jax.device_put(self._model, jax.local_devices()[0])

    @classmethod
    def of(cls, loaded: Loaded, config: DecodeConfig) -> "Engine":
        """The engine of a model that was loaded for it alone: it takes `loaded.model` over."""
        return cls(loaded.model, loaded.tokenizer, config, loaded.contract, take_over=True)

    def generate(self, prompts: Sequence[Prompt], progress: Progress = no_progress) -> list[Completion]:
        """The completion of each prompt, in the order of the prompts.

        Under constrained decoding the label of a classification with `choose` "one" or "one_or_none" is that with the
        highest probability, computed exactly for all of them; all else is searched for.

        Args:
          prompts: any number of them, of any length.
          progress: called after each prompt.

        Raises:
          ContractError: a prompt is so long that its labels would be cut; or decoding is constrained, and no answer to
            a prompt would parse, because of its labels.
          NonFiniteError: the model's scores are NaN or infinite.
          ValueError: a prompt has no token.
        """
        asked = self._checked(prompts)
        with self._splitting():
            return self._answered(prompts, asked, progress)

    def _answered(self, prompts: Sequence[Prompt], asked: Sequence["_Asked"], progress: Progress) -> list[Completion]:
        completions: dict[int, Completion] = {}
        sizes = [len(one.cut.ids) for one in asked]
        order = decoding_order(prompts, sizes, self.limits.contract.max_prompt_tokens)
        scored = [i for i in order if self._grammar and asked[i].prompt.choose != "any"]
        searched = [i for i in order if not (self._grammar and asked[i].prompt.choose != "any")]
        # Under constraints apart from each other: those that copy need a part of the vocabulary alone.
        copied = [i for i in searched if self._grammar and asked[i].prompt.copies]
        others = [i for i in searched if not (self._grammar and asked[i].prompt.copies)]
        for rows in (others, copied):
            # Of all of them: the last ones of many have no programs of their own.
            size = batch_rows(len(rows), self.config.batch_size)
            for part in batches(rows, self.config.batch_size):
                for number, completion in self._search([asked[row] for row in part], size):
                    completions[part[number]] = completion
                    progress("prompts", len(completions), len(order))
        while scored:
            found = self._score([asked[row] for row in scored[: self.config.batch_size]])
            completions |= zip(scored, found, strict=False)
            scored = scored[len(found) :]
            progress("prompts", len(completions), len(order))
        return [completions[number] for number in range(len(asked))]

    def check(self, prompts: Sequence[Prompt]) -> None:
        """Raises what `generate` would raise for one of these prompts, without the model."""
        self._checked(prompts)

    def _checked(self, prompts: Sequence[Prompt]) -> list["_Asked"]:
        prompt_ids = encode_prompts(self._tokenizer, [prompt.text for prompt in prompts])
        if empty := [number for number, ids in enumerate(prompt_ids) if not ids]:
            raise ValueError(f"prompt {empty[0]} has no token")
        if self._grammar:
            self._grammar.check([prompt for prompt in prompts if prompt.choose != "any"])
            self._grammar.check([prompt for prompt in prompts if prompt.choose == "any"], self.limits.answer_tokens)
        most = self.limits.contract.max_prompt_tokens
        return [
            _Asked(prompt, cut_prompt(prompt, ids, self._tokenizer, most))
            for prompt, ids in zip(prompts, prompt_ids, strict=True)
        ]

    def _search(self, asked: Sequence["_Asked"], rows: int) -> Iterator[tuple[int, Completion]]:
        """(number, completion) of each prompt, by beam search, as they are decided; later ones take their rows."""
        inputs = self._inputs(asked, rows)
        batch = RunningBatch(
            self._model,
            self._forbidden_V,
            num_beams=self.config.num_beams,
            max_new_tokens=self.limits.answer_tokens,
            eos_id=self._tokenizer.eos_token_id,
            repetition_penalty=self.config.repetition_penalty,
            tokens_a_step=self._tokens_a_step(rows),
        )
        number_of = np.full(rows, -1)
        number_of[: len(asked)] = np.arange(len(asked))[:rows]
        batch.admit(None, *inputs(number_of))
        waiting = list(range(rows, len(asked)))
        admitted = max(rows // _GROUPS, 1)
        while (number_of >= 0).any():
            undecided = batch.run(rows - admitted if waiting else 0)
            hypotheses = batch.best()
            decided = np.flatnonzero((number_of >= 0) & ~undecided)
            _check_finite(hypotheses.scores_B[decided])
            for row in decided:
                yield (
                    int(number_of[row]),
                    self._completion(
                        asked[number_of[row]],
                        hypotheses.ids_BxN[row, : hypotheses.lengths_B[row]].tolist(),
                        hypotheses.token_scores_BxN[row],
                        score=float(hypotheses.scores_B[row]),
                        finished=bool(hypotheses.ended_B[row]),
                    ),
                )
            number_of[decided] = -1
            if waiting:
                free = np.flatnonzero(number_of < 0)[:admitted].astype(np.int32)
                taken, waiting = waiting[:admitted], waiting[admitted:]
                number_of[free[: len(taken)]] = taken
                batch.admit(free, *inputs(number_of[free]))

    def _tokens_a_step(self, rows: int) -> int:
        if self.config.num_beams > 1:
            return 1
        return tokens_a_step(rows, self.limits.answer_tokens, self.config.weight_dtype)

    def _inputs(self, asked: Sequence["_Asked"], rows: int) -> Callable[[np.ndarray], tuple]:
        """What `RunningBatch.admit` takes for the prompts with these numbers, -1 for filler; of one width for all."""
        count = max(rows, len(asked))
        prompts, answer_tokens = [one.prompt for one in asked], self.limits.answer_tokens
        copies = self._grammar is not None and all(prompt.copies for prompt in prompts)
        forced = None
        if copies and self.config.repetition_penalty == 1:
            # What would make a batch wider costs more than it saves.
            longest = self.limits.contract.max_prompt_tokens
            rooms = [bucket_width(len(one.cut.ids), longest) - len(one.cut.ids) for one in asked]
            forced = forced_prefixes(self._grammar, prompts, rooms, answer_tokens)
        read = [one.cut.ids + after for one, after in zip(asked, forced or [[]] * len(asked), strict=True)]
        tokens_CxP, mask_CxP = self._padded(read, count)
        length_penalty_C = np.ones(count, np.float32)
        length_penalty_C[: len(asked)] = list(map(self.config.length_penalty_of, prompts))
        automaton = candidates = prefix = echoes = None
        if self._grammar:
            texts = [one.prompt.source_text if one.cut.text is None else one.cut.text for one in asked]
            prefilled = forced and list(map(len, forced))
            automaton = self._grammar.automaton(prompts, count + 1, texts, prefilled)
            if copies:
                automaton, candidates = self._grammar.narrowed(automaton, texts)
            if forced:
                prefix = prefix_arrays(forced, candidates, answer_tokens)
            if forced and self._tokens_a_step(rows) > 1:
                echoes = echo_arrays(self._grammar, prompts, candidates)

        def of(numbers_R: np.ndarray) -> tuple:
            real_R = numbers_R >= 0
            return (
                tokens_CxP[numbers_R],
                mask_CxP[numbers_R],
                real_R,
                None if automaton is None else jax.device_put(rows_of(automaton, numbers_R)),
                None if candidates is None else jax.device_put(rows_of(candidates, numbers_R)),
                length_penalty_C[numbers_R],
                None if prefix is None else jax.device_put(rows_of(prefix, numbers_R)),
                None if echoes is None else jax.device_put(rows_of(echoes, numbers_R)),
            )

        return of

    def _score(self, asked: Sequence["_Asked"]) -> list[Completion]:
        """The completions of the first prompts, as many as fit into memory: the label with the highest probability."""
        scored = self._scored(asked)
        asked = asked[: len(scored)]
        prompts = [one.prompt for one in asked]
        priors = self._priors(prompts) if self.config.contextual_calibration else [None] * len(asked)
        completions = []
        for one, found, prior in zip(asked, scored, priors, strict=True):
            scores = found.scores if prior is None else without_prior(found.scores, prior, len(one.prompt.labels))
            best = int(np.argmax(scores))
            per_token = float(found.scores[best] / found.lengths[best])
            temperature = self._calibration.temperature if self._calibration else 1.0
            by_label = dict(zip(found.labels, (scores / temperature).tolist(), strict=True))
            completions.append(self._completion(one, found.ids[best], score=per_token, label_scores=by_label))
        return completions

    def _scored(self, asked: Sequence["_Asked"]) -> list["_Scored"]:
        """The log-probabilities of all labels of the first prompts, as many as fit into memory."""
        candidates = [one.prompt.labels + ((NONE,) if one.prompt.choose == "one_or_none" else ()) for one in asked]
        ids = [encode(self._tokenizer, labels) for labels in candidates]
        tries = [label_trie(labels, self._tokenizer.eos_token_id) for labels in ids]
        rows, longest = power_of_two(len(asked)), self.limits.contract.max_prompt_tokens
        while rows > 1 and rows > rows_that_fit(
            self._model,
            bucket_width(max(len(one.cut.ids) for one in asked[:rows]), longest),
            trie_width(max(trie.size for trie in tries[:rows])),
        ):
            rows //= 2
        asked = asked[:rows]
        tokens_BxP, mask_BxP = self._padded([one.cut.ids for one in asked], rows)
        found = score_labels(
            self._model, tokens_BxP, mask_BxP, tries[: len(asked)], trie_width(max(trie.size for trie in tries[:rows]))
        )
        for scores in found:
            _check_finite(scores)
        values = zip(candidates, ids, tries, found, strict=False)
        return [_Scored(labels, of, trie.lengths, np.array(scores)) for labels, of, trie, scores in values]

    def _priors(self, prompts: Sequence[Prompt]) -> list[np.ndarray]:
        """The log-probabilities of the labels of each prompt after a text that says nothing."""
        neutral = [self._without_text(prompt) for prompt in prompts]
        known = {text: self._known_priors[text] for text, _ in neutral if text in self._known_priors}
        missing = list({text: prompt for text, prompt in neutral if text not in known}.items())
        while missing:
            batch = missing[: self.config.batch_size]
            found = self._scored(self._checked([prompt for _, prompt in batch]))
            known |= {text: one.scores for (text, _), one in zip(batch, found, strict=False)}
            missing = missing[len(found) :]
        if len(self._known_priors) > _MOST_PRIORS:
            self._known_priors.clear()
        self._known_priors |= known
        return [known[text] for text, _ in neutral]

    def _without_text(self, prompt: Prompt) -> tuple[str, Prompt]:
        """(key, the prompt with `N/A` in place of its text, or of each text of a pair)."""
        text = TAB.join([_NO_TEXT] * (1 + (prompt.source_text or "").count(TAB)))
        asked = self.limits.template.prompt("cls", text, prompt.labels)
        return f"{asked}{prompt.choose}", replace(prompt, text=asked, source_text=text)

    def _completion(
        self, asked: "_Asked", ids: list[int], token_scores: np.ndarray | None = None, **values: object
    ) -> Completion:
        prompt = asked.prompt
        text = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if token_scores is not None:
            echoes = self._grammar.written(prompt) if self._grammar else prompt.labels
            found = self._value_scorer.scores(prompt.atom, echoes, ids, token_scores.tolist(), text)
            if found and self._calibration:
                found = tuple(tuple(map(self._calibration.of_value, line)) for line in found)
            values["value_scores"] = found
        if self._grammar:
            text = self._grammar.as_asked(prompt, text)
        return Completion(text=text, ids=tuple(ids), truncated=asked.cut.removed, text_read=asked.cut.text, **values)

    def _padded(self, ids: Sequence[list[int]], rows: int) -> tuple[np.ndarray, np.ndarray]:
        return padded_rows(ids, rows, bucket_width(max(map(len, ids)), self.limits.contract.max_prompt_tokens))


@dataclass(frozen=True, slots=True)
class _Scored:
    """The labels of a prompt with their ids, tokens (the end token included) and log-probabilities, in one order."""

    labels: tuple[str, ...]
    ids: list[list[int]]
    lengths: Sequence[int]
    scores: np.ndarray


@dataclass(frozen=True, slots=True)
class _Asked:
    """A prompt, and what of it fits into the model's input."""

    prompt: Prompt
    cut: TruncatedPrompt


def _check_finite(scores: Sequence[float] | np.ndarray) -> None:
    if not np.isfinite(scores).all():
        raise NonFiniteError(
            "the model's scores are NaN or infinite, so that it has no answer: its weights hold NaN or Inf, or its "
            "compute dtype overflows (float16 often does; use float32 or bfloat16)"
        )
