"""Order of decoding: nothing is lost, widths are together, and so are the prompts of a text."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.decoding.array_sizes import bucket_width
from seqgpt_jax.decoding.batch_order import batches, decoding_order
from seqgpt_jax.decoding.completion import Prompt

asked = st.tuples(
    st.sampled_from(["cls", "ext"]), st.sampled_from(["a", "bb", "c" * 40]), st.sampled_from(["x", "y", "z", None])
)


@given(st.lists(st.tuples(asked, st.integers(1, 300)), max_size=40), st.integers(1, 4))
def test_each_prompt_once_widths_in_order_texts_together(drawn, batch_size) -> None:
    prompts = [Prompt(atom, (label,), "", text) for (atom, label, text), _ in drawn]
    tokens = [length for _, length in drawn]
    order = decoding_order(prompts, tokens, 256)
    assert sorted(order) == list(range(len(prompts)))
    assert [number for part in batches(order, batch_size) for number in part] == order
    widths = [bucket_width(tokens[number], 256) for number in order]
    assert widths == sorted(widths)
    texts = [(width, prompts[number].source_text) for width, number in zip(widths, order, strict=True)]
    of_texts = [text for text, _ in groupby(texts) if text[1] is not None]
    assert len(of_texts) == len(set(of_texts))


def test_short_answers_come_first() -> None:
    labels = ["organization", "person", "organization", "date"]
    prompts = [Prompt("ext", (label,), "", text) for label, text in zip(labels, "aabc", strict=True)]
    assert decoding_order(prompts, [30] * 4, 256) == [3, 1, 0, 2]
