"""Upload of an exported folder to the Hugging Face hub."""

from pathlib import Path

from seqgpt_jax.io.hub_access import HUB_NAME, hub_endpoint, hub_token


class HubUploadError(ValueError):
    """The hub cannot be reached, or does not take the folder; the message says what to do."""


def check_access(name: str) -> None:
    """Raises HubUploadError unless `name` is one of a hub and the hub (HF_ENDPOINT) knows who asks."""
    if not HUB_NAME.fullmatch(name):
        raise HubUploadError(f"{name!r} is no name on the hub: give OWNER/NAME")
    from huggingface_hub import HfApi

    try:
        HfApi(endpoint=hub_endpoint(), token=hub_token()).whoami()
    except Exception as error:  # what the hub's client raises without a network differs between its versions
        raise HubUploadError(
            f"{name} cannot be uploaded ({error}): check the network, log in with `hf auth login`, or set HF_TOKEN to "
            "a token with write access"
        ) from error


def upload(folder: Path, name: str) -> str:
    """Uploads a folder as a model; a new repository is private.

    Returns:
      The address of the commit.

    Raises:
      HubUploadError: the hub refuses; the folder is as it was.
    """
    from huggingface_hub import HfApi

    try:
        api = HfApi(endpoint=hub_endpoint(), token=hub_token())
        api.create_repo(name, private=True, exist_ok=True)
        commit = api.upload_folder(
            repo_id=name,
            folder_path=folder,
            commit_message="Upload by seqgpt_jax",
            # Weights of an earlier upload under other names would be loaded in place of these.
            delete_patterns=["*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json"],
        )
        return commit.commit_url
    except Exception as error:  # as above
        raise HubUploadError(
            f"{name} was not uploaded ({error}): the folder {folder} is complete, "
            f"`hf upload {name} {folder}` tries again"
        ) from error
