"""Checkpoints of a run, read without its training: steps, parameters and validation losses."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import jax
import orbax.checkpoint as ocp
from etils import epath
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.sharding import SingleDeviceSharding
from orbax.checkpoint.path import atomicity_types

from seqgpt_jax.io import storage
from seqgpt_jax.io.checksums import array_checksums
from seqgpt_jax.io.corruption import is_corruption, on_all_hosts, one_line
from seqgpt_jax.io.finite import check_finite
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.lora import LoraConfig, split_adapter
from seqgpt_jax.models.parameters import abstract, params_of

CHECKPOINTS_FOLDER = "checkpoints"
_COMMIT_FILE = atomicity_types.COMMIT_SUCCESS_FILE


class LoadingError(ValueError):
    """A folder that holds no model that can be loaded; the message says what is missing and how to fix it."""


class CorruptCheckpointError(LoadingError):
    """The checkpoint of the step that was asked for, or every one of a run, cannot be read."""


def complete_steps(run_dir: epath.PathLike) -> list[int]:
    """Steps of the complete checkpoints of a run, the newest one first; none of a folder that does not exist."""
    folder = storage.absolute(storage.open_path(run_dir)) / CHECKPOINTS_FOLDER
    in_bucket = storage.is_bucket(folder)
    if not folder.exists():
        return []
    paths = (path for path in folder.iterdir() if path.name.isdigit())
    # Not Orbax's own check, which takes a bucket's refusal to answer for "incomplete".
    return sorted((int(path.name) for path in paths if not in_bucket or (path / _COMMIT_FILE).exists()), reverse=True)


def is_last(run_dir: epath.PathLike, step: int) -> bool:
    """Whether the training that saved this checkpoint has no step after it."""
    steps = _metadata(storage.open_path(run_dir) / CHECKPOINTS_FOLDER / str(step)).get("steps")
    return isinstance(steps, int) and step >= steps


def checkpoint_fingerprint(run_dir: epath.PathLike, step: int) -> str:
    """Equal for equal checkpoints: of its settings and the checksums of its arrays; "" where it cannot be read."""
    metadata = _metadata(storage.open_path(run_dir) / CHECKPOINTS_FOLDER / str(step))
    return hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()[:16] if metadata else ""


def validation_losses(run_dir: epath.PathLike, steps: Iterable[int], data: str = "") -> dict[int, float]:
    """step -> validation loss of the checkpoints of these steps; without those that have none or cannot be read.

    Losses on different data cannot be compared: they are those on the validation data of fingerprint `data`, by default
    on those of the newest checkpoint that has a loss. Where a checkpoint does not name its data, they count as these.
    """
    folder = storage.open_path(run_dir) / CHECKPOINTS_FOLDER
    known = {step: _metadata(folder / str(step)) for step in sorted(steps, reverse=True)}
    known = {step: values for step, values in known.items() if isinstance(values.get("validation_loss"), float)}
    found = {step: values.get("validation_fingerprint") or "" for step, values in known.items()}
    data = data or next(filter(None, found.values()), "")
    return {step: values["validation_loss"] for step, values in known.items() if found[step] in ("", data)}


def by_loss(losses: Mapping[int, float]) -> list[int]:
    """The steps of these losses, the best one first; of equal ones the oldest."""
    return sorted(losses, key=lambda step: (losses[step], step))


def restore_params(
    folder: epath.PathLike,
    config: ModelConfig,
    *,
    step: int | Literal["best"] | None = None,
    shardings: Mapping[str, Any] | None = None,
    lora: LoraConfig | None = None,
    log: Callable[[str], None] = print,
) -> tuple[dict[str, Any], int]:
    """(the item `params` of a checkpoint of a run, in `config.param_dtype`, its step); nothing else is read.

    Of a run of adapters it holds these alone, and they are float32.

    They are the saved bits (by the checksums that training writes), cast leaf by leaf where the dtype is another one.

    Args:
      folder: of the run; nothing in it is changed.
      step: the checkpoint; by default the newest one, or the newest before it where that is corrupt.
      shardings: a pure dict of them; the default device without it.
      lora: the adapters of the run.
      log: called with a line for each corrupt checkpoint that is left out.

    Raises:
      LoadingError: there is no checkpoint, not the one of `step`, or its shapes are not those of `config`.
      CorruptCheckpointError: the one of `step` is corrupt, or all are.
      NotFiniteWeightsError: weights are NaN or infinite, or too large for `config.param_dtype`.
    """
    checkpoints = storage.absolute(storage.open_path(folder)) / CHECKPOINTS_FOLDER
    if not checkpoints.is_dir():
        raise LoadingError(f"{folder} holds no checkpoint yet")
    wanted, dtype = params_of(abstract(config, lora)), config.param_dtype
    if lora:
        (wanted, _), dtype = split_adapter(wanted), "float32"
    # Not a CheckpointManager, which fails when a training deletes one of its checkpoints while they are listed.
    with ocp.StandardCheckpointer() as checkpointer:
        steps = sorted(complete_steps(folder))
        candidates = _candidates(folder, steps, step)
        errors: dict[int, str] = {}
        for candidate in candidates:
            where, params, reason = checkpoints / str(candidate), None, "another host cannot read it"
            try:
                params = _restore(checkpointer, where, wanted, shardings)
            except LoadingError:
                raise
            except Exception as error:  # Orbax and TensorStore have no common class for corrupt files.
                if not is_corruption(error, where, items=("params",)):
                    raise
                reason = one_line(error)
            # Without shardings a host loads for itself.
            if params is None if shardings is None else not on_all_hosts(params is not None):
                errors[candidate] = reason
                continue
            for corrupt, reason in errors.items():
                log(f"checkpoint {corrupt} is corrupt: {reason}")
            if errors:
                log(f"falling back to checkpoint {candidate} of {folder}")
            return _cast(params, dtype, where), candidate
    lines = "\n".join(f"  {checkpoints / str(corrupt)}: {reason}" for corrupt, reason in errors.items())
    others = " or ".join(f"--step={other}" for other in steps if other not in errors)
    fix = f"Use another one: {others}" if others else "Restore a copy of one of them, or train again"
    raise CorruptCheckpointError(f"corrupt checkpoint{'s' * (len(errors) > 1)}:\n{lines}\n{fix}")


def _candidates(folder: epath.PathLike, steps: list[int], step: int | Literal["best"] | None) -> list[int]:
    """The checkpoints that may be loaded, in this order; one where `step` names it."""
    if not steps:
        raise LoadingError(f"{folder} holds no checkpoint yet")
    if step is None:
        return steps[::-1]
    if step == "best":
        ranked = by_loss(validation_losses(folder, steps))
        if not ranked:
            raise LoadingError(f"{folder} holds no checkpoint with a validation loss (see Train.validate_every)")
        return ranked[:1]
    if step not in steps:
        raise LoadingError(f"{folder} holds no checkpoint of step {step}; there are {', '.join(map(str, steps))}")
    return [step]


def _restore(
    checkpointer: ocp.StandardCheckpointer,
    where: epath.Path,
    wanted: Mapping[str, Any],
    shardings: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The saved parameters in their own dtype; any error but LoadingError says that they cannot be read."""
    stored = checkpointer.metadata(where / "params").item_metadata
    if stored is None:
        raise FileNotFoundError(f"it has no item 'params', or one without metadata: {where / 'params'}")
    _check_shapes(wanted, stored, where)
    if shardings is None:
        shardings = jax.tree.map(lambda _: SingleDeviceSharding(jax.local_devices()[0]), wanted)
    wanted = jax.tree.map(
        lambda leaf, saved, sharding: jax.ShapeDtypeStruct(leaf.shape, saved.dtype, sharding=sharding),
        wanted,
        dict(stored),
        shardings,
    )
    params = checkpointer.restore(where / "params", wanted)
    sums = _metadata(where).get("sums") or {}
    sums = {name: value for name, value in sums.items() if name.startswith("params.")}
    if sums and (changed := sorted(sums.items() - array_checksums({"params": params}).items())):
        raise ValueError(f"checksum mismatch in {len(changed):,} arrays of {where}, for example {changed[0][0]!r}")
    return params


def _cast(params: dict[str, Any], dtype: str, where: epath.Path) -> dict[str, Any]:
    """The parameters in that dtype; each is freed when it has been cast."""
    check_finite(params, f"the checkpoint {where}", "Name another checkpoint with --step, or train again")
    leaves = flatten_dict(params)
    del params
    if all(leaf.dtype == dtype for leaf in leaves.values()):
        return unflatten_dict(leaves)
    params = unflatten_dict({path: leaves.pop(path).astype(dtype) for path in list(leaves)})
    check_finite(params, f"the checkpoint {where} in {dtype}", f"Its weights are too large for {dtype}: use float32")
    return params


def _metadata(checkpoint: epath.Path) -> dict[str, Any]:
    """What training writes beside the arrays; empty where it cannot be read."""
    try:
        values = json.loads(storage.read(checkpoint / "meta" / "metadata"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _check_shapes(wanted: Mapping[str, Any], stored: Any, where: epath.Path) -> None:
    expected = {".".join(path): tuple(leaf.shape) for path, leaf in flatten_dict(wanted).items()}
    found = {".".join(path): tuple(leaf.shape) for path, leaf in flatten_dict(dict(stored)).items()}
    faults = [
        f"  {name} is {found.get(name, 'missing')}, the config says {expected.get(name, 'it does not exist')}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    if faults:
        raise LoadingError(f"the checkpoint {where} is of another model:\n" + "\n".join(faults))
