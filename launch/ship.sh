#!/usr/bin/env bash
# Packages one commit for other machines: a wheel, pinned versions of its dependencies, and host.sh.
#
#   launch/ship.sh --bucket=gs://my-bucket     # dist/COMMIT-tpu, and a copy as gs://my-bucket/code/COMMIT-tpu
#   launch/ship.sh --extra=cuda                # dist/COMMIT-cuda, for launch/box.sh
#
# Needs git and uv (https://docs.astral.sh/uv). Uncommitted changes are not packaged. Versions are resolved once, here:
# a host that joins weeks later gets the same ones as the others.
#
#   --bucket    gs://… for a copy (default: none)
#   --commit    default: HEAD
#   --extra     tpu (default) or cuda
#   --dry_run   show the commands, run none
# Each flag is an environment variable too: --bucket is SEQGPT_BUCKET.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
bucket=${SEQGPT_BUCKET:-} commit=${SEQGPT_COMMIT:-} extra=${SEQGPT_EXTRA:-tpu}
read_flags "bucket commit extra" "" "$@"
[[ $extra == tpu || $extra == cuda ]] || fail "--extra=$extra: must be tpu or cuda"
((dry_run)) || command -v uv >/dev/null || fail "uv is not installed: https://docs.astral.sh/uv"
commit=$(commit_here)
folder=dist/$commit-$extra source=dist/$commit-$extra.source

run rm -rf "$folder" "$source"
run mkdir -p "$folder" "$source"
run git archive --output="$source.tar" "$commit"
run tar -xf "$source.tar" -C "$source"
run uv build --wheel --out-dir="$folder" "$source"
run uv pip compile --quiet --no-header --extra="$extra" --python-version=3.11 --python-platform=x86_64-manylinux_2_35 \
  --output-file="$folder/requirements.txt" "$source/setup.py"
run cp "$source/launch/host.sh" "$source/launch/Dockerfile" "$folder"
# uv writes a .gitignore of everything, by which `gcloud builds submit` would leave out all files.
run rm -rf "$source" "$source.tar" "$folder/.gitignore"
[[ ! $bucket ]] || run gcloud storage rsync --recursive --delete-unmatched-destination-objects \
  "$folder" "$bucket/code/$commit-$extra"
((dry_run)) || echo "packaged: $folder"
