#!/usr/bin/env bash
# Trains on TPU slices of Google Kubernetes Engine, one or several, through XPK, which makes a JobSet (docs/tpu.md).
#
#   export SEQGPT_NAME=ft SEQGPT_ZONE=us-west4-a SEQGPT_BUCKET=gs://my-bucket
#   export SEQGPT_CLUSTER=tpus SEQGPT_IMAGE=us-docker.pkg.dev/my-project/images/seqgpt
#   launch/ship.sh && launch/gke.sh image
#   launch/gke.sh cluster --type=v5litepod-16 --spot
#   launch/gke.sh train --type=v5litepod-16 -- --gin_file=ft_560m.gin --run_dir=gs://my-bucket/runs/ft
#   launch/gke.sh stop && launch/gke.sh delete
#
#   image      builds IMAGE:COMMIT from dist/COMMIT-tpu with Cloud Build
#   cluster    creates the cluster, or adds slices to it
#   train      starts the job: python -m seqgpt_jax.train --multihost with the arguments after --, on every host.
#              JobSet restarts all hosts after exit code 75 (stopped and saved), a preemption or a crash
#   manifest   writes the same job to NAME.yaml, for `kubectl apply -f`, without starting it
#   status     lists the jobs of the cluster
#   watch      follows the logs of all hosts
#   logs       prints the logs of all hosts
#   stop       deletes the job: hosts have five minutes to save; `train` with the same arguments resumes
#   delete     deletes the cluster; the bucket stays
#
#   --name      of the job
#   --zone      of the cluster
#   --cluster   its name
#   --type      TPU type (default v5litepod-16)
#   --slices    number of slices that train together (default 1)
#   --spot      for `cluster`: cheaper; may be reclaimed at any time
#   --image     without tag, in a registry that the cluster can read
#   --bucket    gs://…, with inputs/, runs/ and cache/
#   --commit    the code to use (default: HEAD)
#   --restarts  maximum number of restarts of the job (default 100)
#   --dry_run   show the commands, run none
# Each flag is an environment variable too: --name is SEQGPT_NAME. Needs gcloud, kubectl and `pip install xpk`.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
name=${SEQGPT_NAME:-} zone=${SEQGPT_ZONE:-} cluster=${SEQGPT_CLUSTER:-} type=${SEQGPT_TYPE:-v5litepod-16}
slices=${SEQGPT_SLICES:-1} spot=${SEQGPT_SPOT:-0} image=${SEQGPT_IMAGE:-} bucket=${SEQGPT_BUCKET:-}
commit=${SEQGPT_COMMIT:-} restarts=${SEQGPT_RESTARTS:-100}
read_flags "name zone cluster type slices image bucket commit restarts" "spot" "$@"

# xpk_on GROUP VERB FLAGS…: all commands of a group take cluster and zone.
xpk_on() {
  run xpk "$1" "$2" --cluster="$cluster" --zone="$zone" "${@:3}"
}

image() {
  [[ -d dist/$commit-tpu ]] || ((dry_run)) || fail "there is no dist/$commit-tpu: create it with launch/ship.sh --commit=$commit"
  # The default of ten minutes is too short to install all dependencies.
  run gcloud builds submit "dist/$commit-tpu" --tag="$image:$commit" --timeout=1h
}

cluster() {
  local capacity=--on-demand
  ((!spot)) || capacity=--spot
  xpk_on cluster create --tpu-type="$type" --num-slices="$slices" "$capacity"
}

# `exec` at every level, so that the signal that a pod gets before its preemption reaches the training process.
job() {
  local command
  command="exec env SEQGPT_BUCKET=$bucket $(quote bash /seqgpt/code/host.sh once --multihost "${rest[@]}")"
  xpk_on workload create --workload="$name" --tpu-type="$type" --num-slices="$slices" \
    --docker-image="$image:$commit" --restart-on-exit-codes=1,75 --max-restarts="$restarts" \
    --termination-grace-period-seconds=300 --command="$command" "$@"
}

logs_of_pods() {
  # XPK creates regional clusters: us-west4 for us-west4-a.
  run gcloud container clusters get-credentials "$cluster" --location="${zone%-*}"
  run kubectl logs --selector="jobset.sigs.k8s.io/jobset-name=$name" --prefix --ignore-errors \
    --max-log-requests=1000 "$@"
}

verb=${words[0]:-}
((${#words[@]} == 1)) || fail "give one verb: image, cluster, train, manifest, status, watch, logs, stop or delete; --help"
case $verb in
  image | train | manifest) need image && commit=$(commit_here) ;;&
  train | manifest) need bucket && need_run_in_bucket ;;&
  train | manifest | watch | logs | stop) need name ;;&
  cluster | train | manifest | status | watch | logs | stop | delete) need cluster zone ;;&
  image | cluster) "$verb" ;;
  train) job ;;
  manifest) job --dry-run --skip-validation --output-manifest-file="$name.yaml" ;;
  status) xpk_on workload list ;;
  watch) logs_of_pods --tail=50 --follow ;;
  logs) logs_of_pods --tail=-1 ;;
  stop) xpk_on workload delete --workload="$name" ;;
  delete) xpk_on cluster delete ;;
  *) fail "unknown verb '$verb'; see --help" ;;
esac
