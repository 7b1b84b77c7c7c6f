"""Ids and answers that the transformers of this Python gives for exported folders; run with an old version too."""

import json
import sys
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXTS = [
    "输入: Ada met Bob in Turin。\n分类: travel，sport\n输出: [GEN]",
    "  two  spaces, a tab\t, 🙂 and ﬁ…\r\n",
    "</s><pad>[GEN] [GEN]",
    "",
]


def answers(folder: str) -> dict[str, Any]:
    """What differs between versions if something is wrong; `score_per_token` is how beams are ranked by default."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
    batch = tokenizer(TEXTS[:3], return_tensors="pt", padding=True)
    ranked = {name: {"length_penalty": value} for name, value in (("score", 0.0), ("score_per_token", 1.0))}
    return {
        "ids": [tokenizer(text)["input_ids"] for text in TEXTS],
        "text": [tokenizer.decode(tokenizer(text)["input_ids"]) for text in TEXTS],
        "inputs": sorted(batch),
        "special": sorted(tokenizer.all_special_tokens),
        "padding_side": tokenizer.padding_side,
        "max_new_tokens": model.generation_config.max_new_tokens,
        "stored as": json.load(open(f"{folder}/config.json"))["torch_dtype"],
        **{name: model.generate(**batch, **how, max_new_tokens=9).tolist() for name, how in ranked.items()},
    }


if __name__ == "__main__":
    print(json.dumps([transformers.__version__, *(answers(folder) for folder in sys.argv[1:])]))
