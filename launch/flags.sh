# shellcheck shell=bash
# Flags, --help and dry runs of the launch scripts, which source this file.
#
# --name=VALUE sets the variable `name`, whose default the script takes from SEQGPT_NAME. Every command goes through
# `run`, which prints it so that it can be pasted; with --dry_run it is printed and not run. Paths are relative to the
# repository.

script=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
exec 3>&1 # where commands are printed, also while the output of a function is captured
dry_run=0
[[ ! ${SEQGPT_DRY_RUN:-} || $SEQGPT_DRY_RUN == 0 ]] || dry_run=1
words=() # the verb
rest=()  # the arguments after --

fail() {
  echo "$(basename "$script"): $*" >&2
  exit 2
}

# read_flags "name zone" "spot" "$@": the first list are flags with a value, the second switches.
read_flags() {
  local values=" $1 " switches=" $2 dry_run " flag
  shift 2
  while (($#)); do
    flag=${1#--} flag=${flag%%=*}
    if [[ $1 == --help || $1 == -h ]]; then
      help && exit
    elif [[ $1 == -- ]]; then
      rest=("${@:2}") && return
    elif [[ $1 == --*=* && $values == *" $flag "* ]]; then
      printf -v "$flag" %s "${1#*=}"
    elif [[ $1 == --* && $1 != *=* && $switches == *" $flag "* ]]; then
      printf -v "$flag" 1
    elif [[ $1 == -* ]]; then
      fail "$1: no such flag; see --help"
    else
      words+=("$1")
    fi
    shift
  done
}

# Prints the comment at the top of the script.
help() {
  sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$script"
}

# need FLAG…: fails unless each has a value.
need() {
  local flag
  for flag in "$@"; do
    [[ ${!flag} ]] || fail "--$flag=VALUE is missing (or the variable SEQGPT_${flag^^}); see --help"
  done
}

# The arguments after -- must have a gin file …
need_gin_file() {
  [[ " ${rest[*]}" == *" --gin_file="* ]] || fail "say after -- what to train, for example: -- --gin_file=ft.gin"
}

# … and, where the disks are deleted with the machines, a run folder in a bucket.
need_run_in_bucket() {
  need_gin_file
  [[ " ${rest[*]}" == *" --run_dir=gs://"* ]] ||
    fail "--run_dir=gs://my-bucket/runs/NAME is missing after --: a run on the disks of these machines is lost with them"
}

# The arguments as one line, which a shell reads back as the same arguments.
quote() {
  local word line=""
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./:=@%+,-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
    line+=" $word"
  done
  echo "${line# }"
}

run() {
  quote "$@" >&3
  ((dry_run)) || "$@"
}

# The commit to use, as twelve digits: --commit, or HEAD.
commit_here() {
  git rev-parse --short=12 --verify "${commit:-HEAD}^{commit}" ||
    fail "--commit=${commit:-HEAD} is no commit of this repository"
}
