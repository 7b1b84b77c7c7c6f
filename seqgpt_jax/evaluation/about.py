"""Facts about scores: the model, the data and the settings behind them, as scores.json has them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from etils import epath

from seqgpt_jax.data.store import EvalStore
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.evaluation.evaluator import EvaluateConfig
from seqgpt_jax.io.contract import CONTRACT_SETTINGS, ModelContract


def about_scores(
    model: epath.Path | str,
    step: int | None,
    contract: ModelContract,
    stores: Sequence[EvalStore],
    config: EvaluateConfig,
    decode: DecodeConfig,
) -> dict[str, Any]:
    """What `report` and `calibrate` read beside scores (`about`), JSON-like.

    Args:
      model: its folder, or its name behind an endpoint.
      step: of the checkpoint that was read, also where the newest one was corrupt; None without checkpoints.
      contract: of the model.
      stores: what was asked.
      config: how much of it, and how it was scored.
      decode: how the model was run.
    """
    asked = {name: getattr(contract, name) for name in CONTRACT_SETTINGS}
    return {
        "model": str(model),
        "step": step,
        "data": [store.manifest["name"] for store in stores],
        "Prepare": {store.manifest["name"]: store.manifest["settings"] for store in stores},
        "Evaluate": asdict(config),
        "Decode": asdict(decode)
        | {"max_new_tokens": decode.answer_tokens(contract), "max_queries": decode.max_queries or contract.max_queries},
        "contract": asked | {"calibration": contract.calibration and asdict(contract.calibration)},
    }
