"""Low-rank adapters of a run folder (lora.json), and the base model that they belong to."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from etils import epath

from seqgpt_jax.io import storage
from seqgpt_jax.io.checksums import array_checksums
from seqgpt_jax.io.run_checkpoints import LoadingError
from seqgpt_jax.models.lora import LoraConfig

LORA_FILE = "lora.json"


@dataclass(frozen=True)
class Adapters:
    """What lora.json holds: a run folder with this file has checkpoints of adapters alone.

    Attributes:
      config: of the adapters.
      base: the folder of the base model, `Train.init_from` as an absolute path.
      base_fingerprint: `weights_fingerprint` of its weights; where it is a run of adapters itself, their
        `adapters_fingerprint`, for what they add up to is rounded otherwise on another mesh.
    """

    config: LoraConfig
    base: str
    base_fingerprint: str

    def fields(self) -> dict[str, Any]:
        """What a run must repeat to resume: without the place of the base model."""
        return _plain(self.config) | {"base_fingerprint": self.base_fingerprint}


def weights_fingerprint(params: Any) -> str:
    """16 hex digits, of names, shapes, dtypes and values of the parameters, on any mesh."""
    sums = sorted(array_checksums(params).items())
    return hashlib.blake2b(json.dumps(sums).encode(), digest_size=8).hexdigest()


def adapters_fingerprint(adapters: Adapters, params: Any) -> str:
    """16 hex digits, of trained adapters `params` and of the weights that they belong to."""
    values = [sorted(array_checksums(params).items()), adapters.fields()]
    return hashlib.blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=8).hexdigest()


def save_adapters(folder: epath.PathLike, adapters: Adapters | None) -> None:
    """Writes the lora.json of a run folder; None removes that of an earlier training, which left no checkpoint."""
    if adapters is None:
        (storage.open_path(folder) / LORA_FILE).unlink(missing_ok=True)
        return
    values = _plain(adapters.config) | {"base": adapters.base, "base_fingerprint": adapters.base_fingerprint}
    storage.write(storage.open_path(folder) / LORA_FILE, (json.dumps(values, indent=2) + "\n").encode())


def read_adapters(folder: epath.PathLike) -> Adapters | None:
    """Reads the lora.json of a run folder; None where there is none.

    Raises:
      LoadingError: it is not what `save_adapters` writes.
    """
    path = storage.open_path(folder) / LORA_FILE
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        base, fingerprint = values.pop("base"), values.pop("base_fingerprint")
        targets = values.pop("targets")
        return Adapters(LoraConfig(targets=targets and tuple(targets), **values), base, fingerprint)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LoadingError(f"{path} does not describe adapters: {error}") from error


def check_base(folder: epath.PathLike, adapters: Adapters, found: str) -> None:
    """Raises LoadingError unless the base model, of fingerprint `found`, is the one that the adapters belong to."""
    if found != adapters.base_fingerprint:
        raise LoadingError(
            f"{folder} holds adapters (LoRA) of other weights than {adapters.base} holds now (fingerprint "
            f"{found}, not {adapters.base_fingerprint}): {where_to_name_it(folder)}"
        )


def where_to_name_it(folder: epath.PathLike) -> str:
    """The way out where the base model is not found."""
    file = storage.open_path(folder) / LORA_FILE
    return f'put the base model back there, or write the path of its folder into {file} as "base"'


def _plain(config: LoraConfig) -> dict[str, Any]:
    values = dataclasses.asdict(config)
    return values | {"targets": values["targets"] and list(values["targets"])}
