"""Left truncation: the end of the prompt survives, and what is lost with the start is named."""

import pytest

from seqgpt_jax.atomic import TEMPLATES, Extraction
from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.data.truncation import truncate_left
from tests.data.small_tasks import small_tokenizer

EXAMPLE = Extraction(f"Ann went {'far ' * 40}to Rome", ("person", "city"), (("Ann",), ("Rome",)))


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_the_end_survives_and_the_loss_is_named(template) -> None:
    tokenizer = small_tokenizer()
    prompt, _ = template.render(EXAMPLE)
    ids = encode(tokenizer, [prompt])[0]

    def cut(limit, spans=()):
        return truncate_left(ids, limit, tokenizer.decode, spans)

    assert (cut(len(ids)).ids, cut(len(ids)).removed, cut(len(ids), ["nowhere"]).loss) == (ids, 0, None)
    one_less = cut(len(ids) - 1, ["Ann"])
    assert (one_less.ids, one_less.removed, one_less.loss) == (ids[1:], 1, None)
    labels = len(encode(tokenizer, [prompt[prompt.index("\n") :]])[0])
    half = cut(labels + 20, ["Rome"])
    assert (half.ids, half.loss) == (ids[-labels - 20 :], None)
    assert cut(labels + 20, ["Ann", "Rome"]).loss == "answer_cut"
    assert cut(labels // 2).loss == "labels_cut"
    assert tokenizer.decode(cut(labels // 2).ids).endswith("[GEN]")


def test_a_prompt_of_one_line_keeps_its_end() -> None:
    cut = truncate_left(list("abc"), 2, "".join)
    assert (cut.ids, cut.removed, cut.loss) == (["b", "c"], 1, None)
