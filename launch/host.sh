#!/usr/bin/env bash
# What one host does, on any kind of machine; launch/tpu.sh, gke.sh and box.sh call it there.
#
#   bash seqgpt/code/host.sh setup                     the environment: requirements.txt and the wheel beside this file
#   bash seqgpt/code/host.sh inputs                    $SEQGPT_BUCKET/inputs -> the local disk: training reads no other
#   bash seqgpt/code/host.sh once  --gin_file=ft.gin   trains in the foreground; the exit code is that of training
#   bash seqgpt/code/host.sh start --gin_file=ft.gin   trains in the background, again after every interruption
#   bash seqgpt/code/host.sh state | stop | log
#
# All of it stays in the folder above this file's: venv/, prepared/, imported/, datasets/, train.log, state.
# Variables: SEQGPT_BUCKET=gs://… (inputs, compiled programs, logs), SEQGPT_NAME (of the run, for its logs),
# SEQGPT_RESTARTS=20 (crashes in a row that are borne), SEQGPT_PAUSE=30 (seconds before another try).
set -euo pipefail
script=$(realpath "${BASH_SOURCE[0]}")
cd "$(dirname "$script")/.."
bucket=${SEQGPT_BUCKET:-}

setup() {
  [[ $(state) != running ]] || { echo "trains already: left as it is" && return; }
  export UV_UNMANAGED_INSTALL=$PWD/bin # where uv goes; the shell's own files stay as they are
  [[ -x bin/uv ]] || curl -LsSf https://astral.sh/uv/install.sh | sh
  # A Python of its own: TPU VMs come with 3.10, which is too old.
  [[ -x venv/bin/python ]] || bin/uv venv --python=3.11 venv
  bin/uv pip install --python=venv/bin/python --requirements=code/requirements.txt
  bin/uv pip install --python=venv/bin/python --no-deps --reinstall code/seqgpt_jax-*.whl
}

inputs() {
  [[ $bucket ]] || { echo "host.sh inputs: set SEQGPT_BUCKET=gs://…" >&2 && return 2; }
  gcloud storage rsync --recursive "$bucket/inputs" .
}

# Becomes the training process, so that a signal meant for it reaches it.
train() {
  export SEQGPT_DATA_DIR=${SEQGPT_DATA_DIR:-$PWD/datasets}
  export PYTHONUNBUFFERED=1
  # A transfer below 256 B/s for a minute is broken off and tried again; TensorStore itself would wait for ever.
  export TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS=${TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS:-60}
  export TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES=${TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES:-256}
  # A program that any host has compiled is not compiled again, after a preemption either.
  export JAX_COMPILATION_CACHE_DIR=${JAX_COMPILATION_CACHE_DIR:-${bucket:-$PWD}/cache}
  exec venv/bin/python -m seqgpt_jax.train "$@"
}

once() {
  [[ ! $bucket ]] || inputs
  train "$@"
}

start() {
  [[ $(state) != running ]] || { echo "trains already" && return; }
  rm -f told_to_stop
  echo running >state
  setsid nohup bash code/host.sh again "$@" >>train.log 2>&1 </dev/null &
  echo $! >loop.pid
}

# Trains until the run has ended. docs/tpu.md has the exit codes.
again() {
  local code began crashes=0
  trap 'touch told_to_stop' TERM # the machine goes down; training is told so as well, and is waited for
  while [[ ! -e told_to_stop ]]; do
    began=$SECONDS code=0
    echo "== $(date -u +%FT%TZ) $(hostname): training"
    train "$@" &
    echo $! >train.pid
    wait $! || code=$?
    # A signal to this shell ends the first `wait` early.
    while kill -0 "$(<train.pid)" 2>/dev/null; do code=0 && wait "$(<train.pid)" || code=$?; done
    echo "== $(date -u +%FT%TZ) $(hostname): exit code $code"
    keep_log
    case $code in
      0) ended finished 0 ;;
      2) ended "failed 2" 2 ;; # wrong settings or data: the same command would fail again
      75) continue ;;          # told to stop, and saved
    esac
    [[ ! -e told_to_stop ]] || break
    ((SECONDS - began < 900)) || crashes=0
    ((++crashes <= ${SEQGPT_RESTARTS:-20})) || ended "failed $code" "$code"
    sleep "${SEQGPT_PAUSE:-30}"
  done
  ended stopped 75
}

ended() {
  echo "$1" >state
  exit "$2"
}

keep_log() {
  [[ ! $bucket ]] || gcloud storage cp train.log "$bucket/logs/${SEQGPT_NAME:-train}/$(hostname).log" || true
}

# One of: none, running, dead (the machine was restarted), stopped, finished, failed CODE.
state() {
  local is=none
  [[ ! -e state ]] || is=$(<state)
  [[ $is != running || ! -e loop.pid ]] || kill -0 "$(<loop.pid)" 2>/dev/null || is=dead
  echo "$is"
}

stop() {
  [[ $(state) == running ]] || { echo "does not train" && return; }
  touch told_to_stop
  kill -TERM "$(<train.pid)" || true # between two tries there is nothing to tell
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
