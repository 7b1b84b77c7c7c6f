"""Running batch of searches (continuous batching): prompts take the rows of those whose answers are decided.

A batch that is decoded as a whole waits for its longest answer. Here each row has its own length: the steps stop when
some rows are decided, their answers are taken out, and further prompts are read into these rows.

Suffixes: B rows, R rows that are replaced, P prompt tokens, K beams, V vocabulary.
"""

from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from seqgpt_jax.decoding import beam_search
from seqgpt_jax.decoding.beam_search import Hypotheses, Repetition
from seqgpt_jax.decoding.cache import PromptCache, empty_answers
from seqgpt_jax.decoding.candidates import END, Candidates
from seqgpt_jax.decoding.constraints import Automaton
from seqgpt_jax.decoding.forced_tokens import ForcedEchoes, ForcedPrefix
from seqgpt_jax.decoding.prompt_packing import pack_prompts
from seqgpt_jax.decoding.step import DecodingModel, Search, begin, extend, prefill

# Room for answer tokens at first, and how it grows whenever it is full. Attention reads all of the
# room at every step and most answers are short; but each size is one more program to compile.
_FIRST_ROOM = 64
_GROWTH = 4
# Without an axis of rows, unless each row has its own: `Automaton`, `TextCopy`, `Repetition`.
_TABLES = {"next_SxV", "none_SxV"}
_SHARED = {"distance_S", "none_need_S", "penalty"}


Table = TypeVar("Table", Automaton, Candidates, ForcedPrefix, ForcedEchoes)


class RunningBatch:
    """A batch of prompts whose answers are searched for, row by row.

    The first call of `admit` fixes the number of rows; the arrays of later calls have the same widths.
    """

    def __init__(
        self,
        model: DecodingModel,
        forbidden_V: jax.Array,
        *,
        num_beams: int,
        max_new_tokens: int,
        eos_id: int,
        repetition_penalty: float = 1.0,
        tokens_a_step: int = 1,
    ) -> None:
        """Arguments are those of `step.begin` and `step.extend`; a `repetition_penalty` of 1 is none."""
        self._model, self._forbidden_V = model, forbidden_V
        self._num_beams, self._max_new_tokens, self._eos_id = num_beams, max_new_tokens, eos_id
        self._penalty, self._tokens_a_step = repetition_penalty, tokens_a_step

    def admit(
        self,
        rows_R: np.ndarray | None,
        tokens_RxP: np.ndarray,
        mask_RxP: np.ndarray,
        real_R: jax.Array,
        automaton: Automaton | None = None,
        candidates: Candidates | None = None,
        length_penalty_R: jax.Array | None = None,
        prefix: ForcedPrefix | None = None,
        echoes: ForcedEchoes | None = None,
    ) -> None:
        """Reads prompts into rows.

        Args:
          rows_R: int32, different rows, which are decided; None: all rows of a new batch.
          tokens_RxP: int32, prompts padded on either side.
          mask_RxP: bool, False for padding; each row has a token.
          real_R: bool, False for filler: nothing waits for it.
          automaton, candidates, length_penalty_R, prefix: as in `step.begin`.
          echoes: forced tokens, of which a step reads several; None: a step reads one token.
        """
        repetition = None
        if self._penalty != 1:
            rows_Rx1 = jnp.arange(len(tokens_RxP))[:, None]
            nothing_RxV = jnp.zeros((len(tokens_RxP), len(self._forbidden_V)), bool)
            in_prompt_RxV = nothing_RxV.at[rows_Rx1, tokens_RxP].max(mask_RxP)
            repetition = Repetition(jnp.float32(self._penalty), in_prompt_RxV)
        # Over candidates a token is its number among them.
        self._end = self._eos_id if candidates is None else END
        last = 1 if prefix is None else 1 + prefix.ids_BxF.shape[1]
        prompt, hidden_RxTxD = prefill(self._model, pack_prompts(tokens_RxP, mask_RxP), last=last)
        new = begin(
            self._model,
            prompt,
            hidden_RxTxD,
            real_R,
            self._forbidden_V,
            automaton,
            candidates,
            length_penalty_R,
            repetition,
            prefix,
            num_beams=self._num_beams,
            max_new_tokens=self._max_new_tokens,
            eos_id=self._end,
        )._replace(echoes=echoes)
        if rows_R is None:
            self._search = new
            if echoes is None:
                self._tokens_a_step = 1
            # The last step writes all that it reads.
            self._most_room = self._max_new_tokens + self._tokens_a_step - 1
            self._answers = empty_answers(prompt, self._num_beams, min(_FIRST_ROOM, self._most_room))
        else:
            old = self._search
            prompt = _replaced_prompts(old.prompt, new.prompt, rows_R)
            rest = _replaced(old._replace(prompt=None), new._replace(prompt=None), rows_R)
            self._search = rest._replace(prompt=prompt)

    def run(self, undecided: int = 0) -> np.ndarray:
        """Searches on until at most so many rows are undecided; bool [B], the rows that still are."""
        while True:
            state, automaton_state, self._answers = extend(
                self._model,
                self._search,
                self._answers,
                self._forbidden_V,
                np.int32(undecided),
                eos_id=self._end,
                tokens_a_step=self._tokens_a_step,
            )
            self._search = self._search._replace(state=state, automaton_state=automaton_state)
            undecided_B = np.asarray(state.undecided_B)
            if undecided_B.sum() <= undecided:
                return undecided_B
            self._answers = self._answers.resized(min(_GROWTH * self._answers.size, self._most_room))

    def best(self) -> Hypotheses:
        """The best answer of each row that is decided, NumPy arrays."""
        found = _best(self._search.state, self._search.candidates, eos_id=self._end)
        return jax.device_get(found)


@partial(jax.jit, static_argnames=("eos_id",))
def _best(state: beam_search.SearchState, candidates: Candidates | None, *, eos_id: int) -> Hypotheses:
    found = beam_search.best(state, eos_id=eos_id)
    return found if candidates is None else found._replace(ids_BxN=candidates.ids_of(found.ids_BxN))


@partial(jax.jit, donate_argnames=("old",))
def _replaced_prompts(old: PromptCache, new: PromptCache, rows_R: jax.Array) -> PromptCache:
    return jax.tree.map(lambda one, other: one.at[rows_R].set(other), old, new)


@jax.jit
def _replaced(old: Search, new: Search, rows_R: jax.Array) -> Search:
    """`old` with the rows of `new` in some places, without the prompts."""

    def put(path: tuple, one: jax.Array, other: jax.Array) -> jax.Array:
        return one if _is_shared(path, one) else one.at[rows_R].set(other)

    return jax.tree_util.tree_map_with_path(put, old, new)


def rows_of(tree: Table, rows_R: np.ndarray) -> Table:
    """Some rows of an automaton, of candidates or of prefixes."""
    return jax.tree_util.tree_map_with_path(lambda path, leaf: leaf if _is_shared(path, leaf) else leaf[rows_R], tree)


def _is_shared(path: tuple, leaf: jax.Array | np.ndarray) -> bool:
    name = path[-1].name
    return name in _SHARED or (name in _TABLES and leaf.ndim == 2)
