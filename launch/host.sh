#!/usr/bin/env bash
# Set-up and training on one host of any kind; called there by launch/tpu.sh, gke.sh and box.sh.
#
#   bash seqgpt/code/host.sh setup                     installs requirements.txt and the wheel beside this file
#   bash seqgpt/code/host.sh inputs                    copies $SEQGPT_BUCKET/inputs to the local disk
#   bash seqgpt/code/host.sh once  --gin_file=ft.gin   trains in the foreground, with the exit code of training
#   bash seqgpt/code/host.sh start --gin_file=ft.gin   trains in the background, with restarts
#   bash seqgpt/code/host.sh state | stop | log
#
# Everything is in the parent folder of this file: venv/, prepared/, imported/, datasets/, train.log, state.
# Variables: SEQGPT_BUCKET=gs://… (inputs, compilation cache, logs), SEQGPT_NAME (of the run, for its logs),
# SEQGPT_RESTARTS=20 (maximum number of crashes in a row), SEQGPT_PAUSE=30 (seconds before a restart).
set -euo pipefail
script=$(realpath "${BASH_SOURCE[0]}")
cd "$(dirname "$script")/.."
bucket=${SEQGPT_BUCKET:-}

setup() {
  [[ $(state) != running ]] || { echo "training is already running: nothing changed" && return; }
  export UV_UNMANAGED_INSTALL=$PWD/bin # where uv is installed; shell profiles are not modified
  [[ -x bin/uv ]] || curl -LsSf https://astral.sh/uv/install.sh | sh
  # Its own Python: TPU VMs have 3.10, which is too old.
  [[ -x venv/bin/python ]] || bin/uv venv --python=3.11 venv
  bin/uv pip install --python=venv/bin/python --requirements=code/requirements.txt
  bin/uv pip install --python=venv/bin/python --no-deps --reinstall code/seqgpt_jax-*.whl
}

inputs() {
  [[ $bucket ]] || { echo "host.sh inputs: set SEQGPT_BUCKET=gs://…" >&2 && return 2; }
  gcloud storage rsync --recursive "$bucket/inputs" .
}

# Replaces this shell by the training process, so that signals reach it.
train() {
  export SEQGPT_DATA_DIR=${SEQGPT_DATA_DIR:-$PWD/datasets}
  export PYTHONUNBUFFERED=1
  # Transfers below 256 B/s for a minute are aborted and retried; TensorStore itself would wait for ever.
  export TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS=${TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS:-60}
  export TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES=${TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES:-256}
  # Compilation cache, shared by all hosts and used after a preemption too.
  export JAX_COMPILATION_CACHE_DIR=${JAX_COMPILATION_CACHE_DIR:-${bucket:-$PWD}/cache}
  exec venv/bin/python -m seqgpt_jax.train "$@"
}

once() {
  [[ ! $bucket ]] || inputs
  train "$@"
}

start() {
  [[ $(state) != running ]] || { echo "training is already running" && return; }
  rm -f stop_requested
  echo running >state
  setsid nohup bash code/host.sh again "$@" >>train.log 2>&1 </dev/null &
  echo $! >loop.pid
}

# Trains until the run has finished. docs/tpu.md has the exit codes.
again() {
  local code began crashes=0 shutdown=""
  trap 'shutdown=1' TERM # the machine shuts down; training gets the signal too, and is waited for
  while [[ ! -e stop_requested && ! $shutdown ]]; do
    began=$SECONDS code=0
    echo "== $(date -u +%FT%TZ) $(hostname): training"
    train "$@" &
    echo $! >train.pid
    wait $! || code=$?
    # A signal to this shell interrupts the first `wait`.
    while kill -0 "$(<train.pid)" 2>/dev/null; do code=0 && wait "$(<train.pid)" || code=$?; done
    echo "== $(date -u +%FT%TZ) $(hostname): exit code $code"
    keep_log
    case $code in
      0) ended finished 0 ;;
      2) ended "failed 2" 2 ;; # wrong settings or data: the same command would fail again
      75) continue ;;          # preempted, and saved
    esac
    [[ ! -e stop_requested && ! $shutdown ]] || break
    ((SECONDS - began < 900)) || crashes=0
    ((++crashes <= ${SEQGPT_RESTARTS:-20})) || ended "failed $code" "$code"
    sleep "${SEQGPT_PAUSE:-30}"
  done
  [[ -e stop_requested ]] || exit 75 # nobody stopped the run: this host is dead, and `tpu.sh keep` starts it again
  ended stopped 75
}

ended() {
  echo "$1" >state
  exit "$2"
}

keep_log() {
  [[ ! $bucket ]] || gcloud storage cp train.log "$bucket/logs/${SEQGPT_NAME:-train}/$(hostname).log" || true
}

# One of: none, running, dead (the machine went down), stopped, finished, failed CODE.
state() {
  local is=none
  [[ ! -e state ]] || is=$(<state)
  [[ $is != running || ! -e loop.pid ]] || kill -0 "$(<loop.pid)" 2>/dev/null || is=dead
  echo "$is"
}

stop() {
  [[ $(state) == running ]] || { echo "training is not running" && return; }
  touch stop_requested
  kill -TERM "$(<train.pid)" || true # between two attempts there is no process
}

help() {
  sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$script"
}

case ${1:-} in
  -h | --help) help ;;
  setup | inputs | once | start | again | stop) "$@" ;;
  state) echo "$(hostname): seqgpt $(state), $(tail -n 1 train.log 2>/dev/null)" ;;
  log) keep_log ;;
  *) help >&2 && exit 2 ;;
esac
