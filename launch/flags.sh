# shellcheck shell=bash
# Sourced by the scripts beside it: flags, --help, dry runs.
#
# --name=VALUE sets the variable `name`, to which the script has given a default from SEQGPT_NAME. Every command goes
# through `run`, which shows it as it could be pasted; with --dry_run it is shown and not run. Paths are those of the
# repository.

script=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
exec 3>&1 # where commands are shown, also while the output of a function is caught
dry_run=0
words=() # the verb
rest=()  # what stands behind --

fail() {
  echo "$(basename "$script"): $*" >&2
  exit 2
}

# read_flags "name zone" "spot" "$@": the first take a value, the second are switches.
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
      fail "$1: no such flag; --help shows all"
    else
      words+=("$1")
    fi
    shift
  done
}

# The comment that a script begins with.
help() {
  sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$script"
}

# need FLAG…: each must have a value.
need() {
  local flag
  for flag in "$@"; do
    [[ ${!flag} ]] || fail "--$flag=VALUE is missing, and so is the variable SEQGPT_${flag^^}; --help shows what it is"
  done
}

# What stands behind -- must say what to train …
need_gin_file() {
  [[ " ${rest[*]}" == *" --gin_file="* ]] || fail "say behind -- what to train, for example: -- --gin_file=ft.gin"
}

# … and, on machines that take their disks with them, keep the run in a bucket.
need_run_in_bucket() {
  need_gin_file
  [[ " ${rest[*]}" == *" --run_dir=gs://"* ]] ||
    fail "--run_dir=gs://my-bucket/runs/NAME is missing behind --: a run on the disks of these machines goes with them"
}

# The words as one line, which a shell reads back as these words.
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

# The commit to use, as twelve digits: --commit, or what is checked out here.
commit_here() {
  git rev-parse --short=12 --verify "${commit:-HEAD}^{commit}" ||
    fail "--commit=${commit:-HEAD} is no commit of this repository"
}
