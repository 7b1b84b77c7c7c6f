"""Equality with `transformers` on an exported model: the same token ids for real prompts, greedy and with four beams.

    SEQGPT_DATA_DIR=… python benchmarks/hf_equality.py --model=runs/quickstart/export --prompts=200

Both decode without constraints, in float32. Where the ids differ, the two answers' log-probabilities under the model
tell whether it is a tie. Writes benchmarks/results/hf_equality.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
import transformers
from real_prompts import real_questions  # the script beside this one
from transformers import AutoModelForCausalLM, AutoTokenizer

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.questions import compose_windows
from seqgpt_jax.io.model_folder import load


def peer_ids(peer: Any, tokenizer: Any, prompts: list[Prompt], config: DecodeConfig, limit: int) -> list[list[int]]:
    """What `generate` of transformers writes after each prompt, without the end token."""
    found = []
    for start in range(0, len(prompts), config.batch_size):
        texts = [prompt.text for prompt in prompts[start : start + config.batch_size]]
        batch = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=limit)
        with torch.no_grad():
            output = peer.generate(**batch, num_beams=config.num_beams, max_new_tokens=config.max_new_tokens)
        for row in output[:, batch["input_ids"].shape[1] :].tolist():
            end = row.index(tokenizer.eos_token_id) if tokenizer.eos_token_id in row else len(row)
            found.append(row[:end])
    return found


def log_prob(peer: Any, tokenizer: Any, prompt: Prompt, ids: list[int], limit: int) -> float:
    """Mean log-probability of a token of an answer, its end token included."""
    asked = tokenizer(prompt.text, truncation=True, max_length=limit)["input_ids"]
    whole = torch.tensor([asked + ids + [tokenizer.eos_token_id]])
    with torch.no_grad():
        logs = peer(whole).logits[0].log_softmax(-1)
    written = range(len(asked), whole.shape[1])
    return float(sum(logs[place - 1, whole[0, place]] for place in written)) / len(written)


def main() -> None:
    """Compares and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="exported folder, float32")
    parser.add_argument("--name", default="the quickstart's model", help="of the model, in the result")
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--max_new_tokens", type=int, default=48)
    args = parser.parse_args()
    loaded = load(args.model)
    peer = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    limit = loaded.contract.max_prompt_tokens
    result: dict[str, Any] = {"model": args.name, "transformers": transformers.__version__, "prompts": args.prompts}
    for beams in (1, 4):
        config = DecodeConfig(beams, 8, args.max_new_tokens, constrained=False)
        engine = Engine(loaded.model, loaded.tokenizer, config, loaded.contract)
        prompts: list[Prompt] = []
        for _, question in real_questions(8 * args.prompts, seed=0):
            try:
                prompts += [prompt for _, one in compose_windows(question, engine.limits) for prompt in one.prompts]
            except ContractError:
                continue
            if len(prompts) >= args.prompts:
                break
        prompts = prompts[: args.prompts]
        ours = [list(one.ids) for one in engine.generate(prompts)]
        theirs = peer_ids(peer, tokenizer, prompts, config, limit)
        different = [
            {
                "prompt": prompt.text,
                "log_probs": [log_prob(peer, tokenizer, prompt, ids, limit) for ids in (one, other)],
                "answers": [tokenizer.decode(ids) for ids in (one, other)],
            }
            for prompt, one, other in zip(prompts, ours, theirs, strict=True)
            if one != other
        ]
        result[f"{beams} beam(s)"] = {"equal": len(prompts) - len(different), "different": different}
        print(f"{beams} beam(s): {len(prompts) - len(different)} of {len(prompts)} equal", flush=True)
    path = Path(__file__).parent / "results" / "hf_equality.json"
    path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
