# Background processes with a pid file: start, recognise, stop. Sourced by the scripts beside it, never run by itself.
# shellcheck shell=bash

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# The command line of process $1 in one line; fails when there is no such process.
command_line() {
  if [[ -d /proc/self ]]; then
    { tr '\0' ' ' < "/proc/$1/cmdline"; } 2> /dev/null
  else
    ps -ww -o command= -p "$1"
  fi
}

# The process that pid file $1 names is alive and its command line contains one of the marks that follow.
# Pids are reused, so a pid alone says nothing about whose process it is.
is_ours() {
  local pid_file=$1 line mark
  shift
  [[ -s $pid_file ]] && line=$(command_line "$(< "$pid_file")") || return 1
  for mark in "$@"; do
    [[ $line == *"$mark"* ]] && return 0
  done
  return 1
}

# Start the command that follows pid file $1 and log $2, detached from this terminal.
start() {
  local pid_file=$1 log=$2 detach=()
  shift 2
  # A session of its own: Ctrl-C in the terminal of `make up` must not reach it. (Not on macOS.)
  command -v setsid > /dev/null && detach=(setsid)
  ${detach[@]+"${detach[@]}"} nohup "$@" >> "$log" 2>&1 < /dev/null &
  echo $! > "$pid_file"
}

# Process $1 has ended: it is gone, or a zombie (in a container nobody may be there to reap it).
has_ended() {
  kill -0 "$1" 2> /dev/null || return 0
  [[ -d /proc/self ]] && ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2> /dev/null
}

# Stop the process of pid file $1 gracefully, by force after $2 seconds; marks as in is_ours.
stop() {
  local pid_file=$1 seconds=$2 pid tenths
  shift 2
  if is_ours "$pid_file" "$@"; then
    pid=$(< "$pid_file")
    kill -TERM "$pid" 2> /dev/null || true
    for ((tenths = seconds * 10; tenths > 0; tenths--)); do
      has_ended "$pid" && break
      sleep 0.1
    done
    if ((tenths == 0)); then
      echo "${0##*/}: process $pid did not end within $seconds s: killed" >&2
      kill -KILL "$pid" 2> /dev/null || true
    fi
  fi
  rm -f "$pid_file"
}

# Somebody listens on port $1 of this machine.
port_answers() {
  (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}

# A random free port below 32768, where the kernel begins to hand out ports of outgoing connections.
free_port() {
  local port
  while true; do
    port=$((20000 + RANDOM % 12768))
    port_answers "$port" || break
  done
  echo "$port"
}

# $1 as an absolute path of a directory, which is made if it is missing.
directory() {
  mkdir -p "$1" && (cd "$1" && pwd)
}
