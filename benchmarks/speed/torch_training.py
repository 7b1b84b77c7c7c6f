"""The peer's side of the training benchmarks: `transformers` and torch, as the Trainer of `transformers` runs them.

"full" takes the model's own loss, logits of all positions. "gathered" takes the hidden states that predict a target
first, by hand: the strongest form that one can write with `transformers`, which nobody gets by default.
"""

import contextlib
import time
from typing import Any

import batches
import torch
from transformers import AutoModelForCausalLM

PAD = 3


class Training:
    """A model with float32 weights, fused AdamW (the Trainer's default) and, in bfloat16, autocast (`bf16=True`)."""

    def __init__(self, folder: str, dtype: str, form: str, device: str) -> None:
        self.device = "cuda" if device == "gpu" else "cpu"
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(self.device).train()
        self.model.config.use_cache = False
        decayed = [one for one in self.model.parameters() if one.ndim > 1]
        others = [one for one in self.model.parameters() if one.ndim < 2]
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.999), eps=1e-8, fused=True)
        self.dtype = dtype
        self.loss = {"full": self._full, "gathered": self._gathered}[form]
        if device == "gpu":
            self.loss = torch.compile(self.loss)

    def _full(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.model(**batch).loss

    def _gathered(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        hidden = self.model.base_model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])[0]
        labels = batch["labels"][:, 1:]
        supervised = labels != -100
        logits = torch.nn.functional.linear(hidden[:, :-1][supervised], self.model.get_output_embeddings().weight)
        return torch.nn.functional.cross_entropy(logits.float(), labels[supervised])

    def put(self, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(array).to(self.device) for name, array in batch.items()}

    def autocast(self) -> contextlib.AbstractContextManager:
        if self.dtype == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device, dtype=torch.bfloat16)

    def step(self, batch: dict[str, Any]) -> tuple[float, float]:
        """Loss and norm of the gradient of one step."""
        with self.autocast():
            loss = self.loss(self.put(batch))
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss.detach()), float(norm)


def steps(folder: str, dtype: str, rows: int, length: int, number: int, form: str, device: str) -> dict[str, Any]:
    """As `jax_training.steps`."""
    training = Training(folder, dtype, form, device)
    sequences = batches.padded_sequences(rows, length, training.model.config.vocab_size)
    (batch,) = batches.peer(sequences, rows, PAD)
    seconds, losses, norms = _run(training, [batch] * (1 + number))
    return {"seconds": seconds[1:], "losses": losses, "norms": norms}


def epoch(
    folder: str, dtype: str, lengths: str, examples: int, longest: int, rows: int, form: str, device: str
) -> dict[str, Any]:
    """As `jax_training.epoch`, with batches of `rows` examples padded to their longest."""
    training = Training(folder, dtype, form, device)
    sequences = batches.real_sequences(lengths, examples, longest, training.model.config.vocab_size)
    found = batches.peer(sequences, rows, PAD)
    seconds, losses, _ = _run(training, [found[0], *found])
    real = sum(int(batch["attention_mask"].sum()) for batch in found)
    return {
        "examples_per_second": len(sequences) / sum(seconds[1:]),
        "steps": len(found),
        "fill": real / sum(batch["attention_mask"].size for batch in found),
        "losses": losses,
    }


def _run(training: Training, every: list[dict[str, Any]]) -> tuple[list[float], list[float], list[float]]:
    seconds, losses, norms = [], [], []
    for batch in every:
        start = time.perf_counter()
        loss, norm = training.step(batch)
        if training.device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
        losses.append(loss)
        norms.append(norm)
    return seconds, losses, norms


def check(
    folder: str, kind: str, rows: int, length: int, form: str, lengths: str = "", examples: int = 0
) -> dict[str, Any]:
    """As `jax_training.check`."""
    training = Training(folder, "float32", form, "cpu")  # eager: the numbers, not the speed
    vocab_size = training.model.config.vocab_size
    if kind == "padded":
        sequences = batches.padded_sequences(rows, length, vocab_size)
    else:
        sequences = batches.real_sequences(lengths, examples, length, vocab_size)
    weights, total = sum(len(target) for _, target in sequences), 0.0
    for batch in batches.peer(sequences, rows, PAD):
        loss = training.loss(training.put(batch)) * int((batch["labels"] != -100).sum()) / weights
        loss.backward()
        total += float(loss.detach())
    named = training.model.named_parameters()
    return {"loss": total, "gradient": {name: batches.sampled(one.grad.numpy()) for name, one in named}}
