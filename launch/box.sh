#!/usr/bin/env bash
# Trains on one machine with one or several GPUs, over ssh (docs/tpu.md, "One GPU box").
#
#   export SEQGPT_HOST=me@gpu-box
#   launch/ship.sh --extra=cuda
#   launch/box.sh setup
#   launch/box.sh train -- --gin_file=ft.gin --run_dir=runs/ft
#   launch/box.sh fetch runs/ft
#
#   setup          copies dist/COMMIT-cuda, and prepared/, imported/ and datasets/ where they exist, to ~/seqgpt there
#   train          runs python -m seqgpt_jax.train with the arguments after --, in the background, with restarts
#   status         state of the run
#   watch          follows its log
#   stop           saves and stops; `train` with the same arguments resumes
#   fetch FOLDER   copies a folder of ~/seqgpt, such as runs/ft, to the same path here
#   delete         removes ~/seqgpt there, with its runs: fetch them first
#
#   --host      user@machine, as for ssh
#   --commit    the code to use (default: HEAD)
#   --dry_run   show the commands, run none
# Each flag is an environment variable too: --host is SEQGPT_HOST. Needs ssh and rsync on both sides, and curl there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
host=${SEQGPT_HOST:-} commit=${SEQGPT_COMMIT:-}
read_flags "host commit" "" "$@"

there() {
  run ssh "$host" "$1"
}

setup() {
  local folder
  [[ -d dist/$commit-cuda ]] || ((dry_run)) || fail "there is no dist/$commit-cuda: create it with launch/ship.sh --extra=cuda"
  there "mkdir -p seqgpt/code"
  run rsync --archive --delete "dist/$commit-cuda/" "$host:seqgpt/code/"
  for folder in prepared imported datasets; do
    [[ ! -d $folder ]] || run rsync --archive "$folder" "$host:seqgpt/"
  done
  there "bash seqgpt/code/host.sh setup"
}

verb=${words[0]:-}
need host
case $verb in
  setup) commit=$(commit_here) && setup ;;
  train) need_gin_file && there "$(quote bash seqgpt/code/host.sh start "${rest[@]}")" ;;
  status) there "bash seqgpt/code/host.sh state" ;;
  watch) there "tail -n 50 -F seqgpt/train.log" ;;
  stop) there "bash seqgpt/code/host.sh stop" ;;
  fetch)
    ((${#words[@]} == 2)) || fail "fetch needs one folder, for example: fetch runs/ft"
    run mkdir -p "${words[1]}"
    run rsync --archive "$host:seqgpt/${words[1]}/" "${words[1]}/"
    ;;
  delete) there "rm -rf seqgpt" ;;
  *) fail "give one verb: setup, train, status, watch, stop, fetch or delete; see --help" ;;
esac
