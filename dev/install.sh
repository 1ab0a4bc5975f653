# Installs programs from the distribution. Sourced by the scripts beside it after background.sh, never run by itself.
# shellcheck shell=bash

# Whether packages can be installed here without asking for a password.
can_install() {
  command -v apt-get > /dev/null && { [[ $(id -u) == 0 ]] || sudo -n true; } 2> /dev/null
}

# Install the packages $2... for the program $1.
install_packages() {
  local program=$1 as_root=()
  shift
  command -v apt-get > /dev/null || fail "$program is missing: install it"
  can_install || fail "$program is missing: install it (sudo apt-get install $*)"
  [[ $(id -u) == 0 ]] || as_root=(sudo -n)
  echo "installing $* from the distribution" >&2
  ${as_root[@]+"${as_root[@]}"} apt-get update -q >&2
  ${as_root[@]+"${as_root[@]}"} apt-get install -q -y --no-install-recommends "$@" >&2
}
