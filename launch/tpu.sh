#!/usr/bin/env bash
# Trains on Cloud TPU VMs: one host, a slice of many hosts, or several slices. All are queued resources (docs/tpu.md).
#
#   export SEQGPT_NAME=ft SEQGPT_ZONE=us-west4-a SEQGPT_BUCKET=gs://my-bucket
#   launch/ship.sh
#   launch/tpu.sh create --type=v5litepod-16 --spot
#   launch/tpu.sh setup
#   launch/tpu.sh train -- --gin_file=ft_560m.gin --run_dir=gs://my-bucket/runs/ft
#   launch/tpu.sh delete
#
#   create   requests the machines and waits until they are active
#   setup    copies code and inputs from the bucket to the local disk of every host
#   train    runs python -m seqgpt_jax.train --multihost with the arguments after --, on every host, in the background
#   keep     all three, again after every preemption, until the run has finished (leave it running in tmux)
#   status   state of the machines, and of the run on every host
#   watch    follows the log of the first host
#   logs     copies the logs of all hosts to runs/logs/NAME/
#   stop     saves and stops; `train` with the same arguments resumes
#   delete   deletes the machines; the bucket stays
#
#   --name      of the machines and of their logs
#   --zone      where they are
#   --type      accelerator type (default v5litepod-8): v5litepod-16, v4-32, v5p-8, v6e-8 …
#   --slices    number of slices that train together (default 1)
#   --spot      cheaper; may be reclaimed at any time
#   --reserved  uses reserved capacity of the project
#   --runtime   TPU software version (default: that of the type)
#   --bucket    gs://…, with code/ (launch/ship.sh), inputs/, runs/, cache/ and logs/
#   --commit    the code to use (default: HEAD)
#   --every     polling interval of `create` and `keep` in seconds (default 60)
#   --dry_run   show the commands, run none
# Each flag is an environment variable too: --name is SEQGPT_NAME.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
name=${SEQGPT_NAME:-} zone=${SEQGPT_ZONE:-} type=${SEQGPT_TYPE:-v5litepod-8} slices=${SEQGPT_SLICES:-1}
spot=${SEQGPT_SPOT:-0} reserved=${SEQGPT_RESERVED:-0} runtime=${SEQGPT_RUNTIME:-} bucket=${SEQGPT_BUCKET:-} commit=${SEQGPT_COMMIT:-}
every=${SEQGPT_EVERY:-60}
read_flags "name zone type slices runtime bucket commit every" "spot reserved" "$@"

queued() {
  run gcloud compute tpus queued-resources "$1" "$name" --zone="$zone" "${@:2}"
}

# on_hosts COMMAND: runs it on all hosts of all slices in parallel.
on_hosts() {
  queued ssh --node=all --worker=all --batch-size=all --command="$1"
}

# The state of the queued resource; empty where there is none.
machines() {
  run gcloud compute tpus queued-resources list --zone="$zone" --filter="name ~ /$name\$" --format="value(state.state)"
}

runtime_of() {
  case $1 in
    v5litepod-*) echo v2-alpha-tpuv5-lite ;;
    v5p-*) echo v2-alpha-tpuv5 ;;
    v6e-*) echo v2-alpha-tpuv6e ;;
    *) echo tpu-ubuntu2204-base ;;
  esac
}

request_machines() {
  local options=(--accelerator-type="$type" --runtime-version="${runtime:-$(runtime_of "$type")}")
  ((slices == 1)) && options+=(--node-id="$name") || options+=(--node-count="$slices" --node-prefix="$name")
  ((!spot || !reserved)) || fail "--spot and --reserved exclude each other: use one of them"
  ((!spot)) || options+=(--spot)
  ((!reserved)) || options+=(--reserved)
  queued create "${options[@]}"
}

create() {
  local state=""
  request_machines
  until state=$(machines) && [[ $state == ACTIVE ]] || ((dry_run)); do
    [[ $state != FAILED && $state != SUSPENDED ]] ||
      fail "the machines are $state: see 'gcloud compute tpus queued-resources describe $name --zone=$zone'"
    echo "${state:-not listed yet}: waiting"
    sleep "$every"
  done
}

setup() {
  on_hosts "mkdir -p seqgpt/code && gcloud storage rsync --recursive --delete-unmatched-destination-objects \
$bucket/code/$commit-tpu seqgpt/code && bash seqgpt/code/host.sh setup && SEQGPT_BUCKET=$bucket bash seqgpt/code/host.sh inputs"
}

train() {
  on_hosts "SEQGPT_BUCKET=$bucket SEQGPT_NAME=$name $(quote bash seqgpt/code/host.sh start --multihost "${rest[@]}")"
}

delete_machines() {
  queued delete --force --quiet
}

stop() {
  on_hosts "bash seqgpt/code/host.sh stop"
}

keep() {
  local state hosts begun=0
  while true; do
    # What fails for a moment is tried again: a run lasts for days.
    state=$(machines) || state=unknown
    case $state in
      "") request_machines || echo "the machines could not be requested: trying again" ;;
      FAILED | SUSPENDED)
        { delete_machines && request_machines; } || echo "the machines could not be replaced: trying again"
        ;;
      ACTIVE)
        # A host that does not answer counts as not training.
        hosts=$(on_hosts "bash seqgpt/code/host.sh state" 2>&1) || hosts+=$'\nseqgpt none'
        echo "$hosts"
        case $begun$hosts in
          0* | *"seqgpt none"* | *"seqgpt dead"*) setup && train && begun=1 || echo "not all hosts could be reached" ;;
          *"seqgpt failed"*) stop && fail "the run has failed; see 'launch/tpu.sh logs' and docs/tpu.md" ;;
          *"seqgpt stopped"*) echo "the run was stopped" && return 75 ;;
          *"seqgpt running"*) ;;
          *) echo "the run has finished" && return ;;
        esac
        ;;
    esac
    if ((dry_run)); then setup && train && return; fi
    sleep "$every"
  done
}

verb=${words[0]:-}
((${#words[@]} == 1)) || fail "give one verb: create, setup, train, keep, status, watch, logs, stop or delete; see --help"
need name zone
case $verb in
  setup | keep) need bucket && commit=$(commit_here) ;;&
  train | keep) need bucket && need_run_in_bucket ;;&
  create | setup | train | keep | stop) "$verb" ;;
  status) machines && on_hosts "bash seqgpt/code/host.sh state" ;;
  watch) queued ssh --node=0 --worker=0 --command="tail -n 50 -F seqgpt/train.log" ;;
  logs)
    need bucket
    on_hosts "SEQGPT_BUCKET=$bucket SEQGPT_NAME=$name bash seqgpt/code/host.sh log"
    run mkdir -p "runs/logs/$name"
    run gcloud storage rsync --recursive "$bucket/logs/$name" "runs/logs/$name"
    ;;
  delete) delete_machines ;;
  *) fail "unknown verb '$verb'; see --help" ;;
esac
