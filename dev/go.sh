# Programs in Go that are built from source, once. Sourced by the scripts beside it after background.sh, never run by itself.
# shellcheck shell=bash

# Print the path of program $1, and build it first if it is not there: out of the folder $2, whose go.mod and go.sum say
# of what. It stays in the cache under a name that changes with what is in that folder.
go_program() {
  local name=$1 source=$2 cache=${XDG_CACHE_HOME:-$HOME/.cache}/millrace folder
  folder=$cache/$name-$(cd "$source" && sha256sum ./* | sha256sum | cut -c 1-16)
  if [[ ! -x $folder/$name ]]; then
    mkdir -p "$cache"
    # Whoever comes while another builds waits for its result. A shell of its own: its lock and its trap end with it.
    (
      flock 9
      [[ -x $folder/$name ]] || go_build "$name" "$source" "$folder"
    ) 9> "$cache/$name.lock" || return
  fi
  echo "$folder/$name"
}

# Build program $1 out of the folder $2 into the folder $3.
go_build() {
  echo "building $1 into $3 (once)" >&2
  command -v go > /dev/null || fail "Go is needed to build $1: https://go.dev/dl"
  work=$(mktemp -d "${TMPDIR:-/tmp}/millrace-$1.XXXXXX")
  # Modules are unpacked read-only unless told otherwise.
  trap 'rm -rf "$work"' EXIT
  export GOCACHE=${GOCACHE:-$work/build} GOMODCACHE=${GOMODCACHE:-$work/modules}
  (cd "$2" && CGO_ENABLED=0 GOFLAGS='-mod=readonly -modcacherw -buildvcs=false' \
    go build -trimpath -ldflags '-s -w' -o "$work/$1" .) >&2 || fail "$1 could not be built"
  mkdir -p "$3"
  mv "$work/$1" "$3/$1.part"
  mv "$3/$1.part" "$3/$1"
}
