"""Published weights on the Hugging Face hub: what is known of them, and their download at one commit."""

from dataclasses import dataclass
from pathlib import Path

from seqgpt_jax.io.hub_access import HUB_TIMEOUT, hub_endpoint, hub_token, hub_way_out, is_unreachable

# Configuration, tokenizer and weights in either format; not the Flax, ONNX and optimizer files that some hubs hold.
_WANTED = ("config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt")
_WANTED += ("README.md",)
_SAFETENSORS, _TORCH = "model*.safetensors*", "pytorch_model*"


@dataclass(frozen=True)
class WeightsConfig:
    """The published weights that training starts from (gin: `Weights`), for `--fetch`.

    Attributes:
      source: name on the Hugging Face hub; "" where there is none: the folder is imported by hand.
      revision: commit, branch or tag, "" the newest commit. The commit is put on record at the first download.
      gen_token: unused special token whose row `[GEN]` takes, as `import_hf --gen_token`.
      grow: new rows for the vocabulary table, as `import_hf --grow`.
    """

    source: str = ""
    revision: str = ""
    gen_token: str | None = None
    grow: bool = False


@dataclass(frozen=True)
class Published:
    """Weights on the hub at one commit.

    Attributes:
      commit: its hash.
      size: bytes of what is downloaded.
      license: as the hub names it; "" where it does not say.
      gated: whether there are conditions to accept on their page.
      patterns: of the files that are downloaded.
    """

    commit: str
    size: int
    license: str
    gated: bool
    patterns: tuple[str, ...]


class HubError(ValueError):
    """Weights that the hub does not give; the message says why."""


def look_up(name: str, revision: str | None = None, timeout: float = HUB_TIMEOUT) -> Published:
    """What the hub says of a model.

    Args:
      name: of the model on the hub.
      revision: commit, branch or tag; None is the newest commit.
      timeout: seconds that the hub has for an answer.

    Raises:
      HubError: the hub cannot be reached, has no such model, or gives it to no one.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import filter_repo_objects

    try:
        api = HfApi(endpoint=hub_endpoint(), token=hub_token())
        info = api.model_info(name, revision=revision or None, files_metadata=True, timeout=timeout)
    except Exception as error:  # what the hub's client raises without a network differs between its versions
        raise _error(name, error) from error
    files = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    weights = _SAFETENSORS if any(file.endswith(".safetensors") for file in files) else _TORCH
    patterns = (*_WANTED, weights)
    size = sum(files[file] for file in filter_repo_objects(files, allow_patterns=list(patterns)))
    license = (info.card_data or {}).get("license") or ""
    return Published(info.sha or "", size, str(license), bool(info.gated), patterns)


def download(name: str, revision: str | None = None) -> Path:
    """Downloads a model into the cache of the hub's library, where it resumes; returns the folder.

    Raises:
      HubError: as `look_up`.
    """
    from huggingface_hub import snapshot_download

    found = look_up(name, revision)
    try:
        return Path(
            snapshot_download(
                name,
                revision=found.commit or revision,
                allow_patterns=list(found.patterns),
                endpoint=hub_endpoint(),
                token=hub_token(),
            )
        )
    except Exception as error:
        raise _error(name, error) from error


def _error(name: str, error: Exception) -> HubError:
    status = getattr(getattr(error, "response", None), "status_code", None)
    text = " ".join(str(error).split())
    if is_unreachable(error):
        return HubError(f"the Hugging Face hub cannot be asked for {name!r}: {text}{hub_way_out()}")
    hint = f"; accept its conditions on https://huggingface.co/{name} and set HF_TOKEN" if status in (401, 403) else ""
    return HubError(
        f"{name!r} is neither a folder here nor a model that can be fetched from the Hugging Face hub{hint} ({text})"
    )
