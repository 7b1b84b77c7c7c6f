"""A tokenizer and a model folder, small and random."""

from functools import cache
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from seqgpt_jax.data.tokenizer import train_tokenizer
from seqgpt_jax.io.hf_checkpoint import params_to_hf, save_folder
from seqgpt_jax.models.bloom import Bloom
from seqgpt_jax.models.parameters import params_of
from tests.decoding.peer import tiny_model

TEXTS = (
    "输入: Ada Lovelace visited Turin in 1840.\n抽取: person，city，company\n输出: ",
    "输入: 杭州欢迎你。\n分类: 财经，体育，旅游\n输出: ",
    "person: Ada Lovelace\ncity: Turin\ncompany: None\n",
)


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE of about 300 tokens."""
    return train_tokenizer(TEXTS, 320)


def model(seed: int = 0, *, spare_rows: int = 8, end_bias: float = 1.8) -> Bloom:
    """A random model with more rows than the tokenizer has tokens; some of its answers end, some do not."""
    rows = len(tokenizer()) + spare_rows
    return tiny_model(seed, vocab_size=rows, end_bias=end_bias, sharpness=0.3, mixing=3.0)


def write_folder(folder: Path, seed: int = 0) -> Path:
    """A Hugging Face folder of such a model."""
    made = model(seed)
    tensors = params_to_hf(params_of(made), made.config, "float32")
    save_folder(folder, made.config, tensors, tokenizer())
    return folder
