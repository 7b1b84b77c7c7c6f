"""List of data sets and weights that a run lacks: sizes, licenses, forms."""

from collections.abc import Mapping
from pathlib import Path

from seqgpt_jax.data.raw.download import readable_size
from seqgpt_jax.data.raw.files import DATA_DIR_VARIABLE
from seqgpt_jax.data.raw.licenses import is_commercial
from seqgpt_jax.data.requirements import MissingData, install_command, lacking_extras
from seqgpt_jax.io.published_weights import Published, WeightsConfig


def data_lines(missing: MissingData, sizes: Mapping[str, int | None]) -> list[str]:
    """The missing data sets, a line each."""
    lines = []
    if missing.public or missing.on_request:
        state = "" if missing.folder.is_dir() else f"the data folder {missing.folder} does not exist: "
        lines.append(
            f"data sets: {state}set {DATA_DIR_VARIABLE} or Prepare.data_dir to the folder that has them, or fetch them "
            f"into {missing.folder}"
        )
    if missing.public:
        known = [size for size in sizes.values() if size is not None]
        unknown = len(missing.public) - len(known)
        more = f", and {unknown} of unknown size" if unknown else ""
        lines.append(f"  {len(missing.public)} to download: {readable_size(sum(known))}{more}")
        for name, specs in missing.public.items():
            size, dataset = sizes.get(name), specs[0].dataset
            facts = ["size unknown" if size is None else readable_size(size), dataset.license or "license unknown"]
            if not is_commercial(dataset.license):
                facts.append("commercial use forbidden or not settled")
            if name in missing.compared:
                facts.append("training texts are only compared with it")
            lines.append(f"    {name}: {'; '.join(facts)}")
        if extras := lacking_extras(spec for specs in missing.public.values() for spec in specs):
            lines.append(f"  to be installed first: {install_command(extras)}")
    if missing.on_request:
        lines.append(f"  {len(missing.on_request)} that only their owners give:")
        for name, specs in missing.on_request.items():
            source = specs[0].source
            lines.append(f"    {name}: {source.owner}. {source.how}")
    if missing.general:
        number = len(missing.general)
        lines.append(
            f"  {number} of them {'are' if number > 1 else 'is'} general data (Prepare.general_mixture), mixed in so "
            "that the model does not forget: --gin.Prepare.general_share=0 trains without"
        )
    return lines


def weights_line(folder: Path, weights: WeightsConfig, found: Published | str) -> str:
    """The missing weights and their tokenizer; `found` is what the hub says of them, or why it says nothing."""
    if isinstance(found, str):
        facts = [f"size and license unknown: {found}"]
    else:
        facts = [readable_size(found.size), found.license or "license unknown", f"commit {found.commit[:12]}"]
        if found.gated:
            facts.append("conditions to accept on its page, and HF_TOKEN to set")
    return f"base weights and tokenizer: {weights.source}, to be imported as {folder} ({'; '.join(facts)})"
