#!/usr/bin/env bash
# Put the peers under .cache/peers: a venv each, Restate's server from npm, and PostgreSQL.
# What fails is named on stderr and in .cache/peers/NAME.error; the others are made all the same.
# It is quick when nothing changed. PYTHON names the Python of the venvs.
set -uo pipefail
cd "$(dirname "$0")/../.."

RESTATE_SERVER=@restatedev/restate-server@1.7.12

place=.cache/peers
python="${PYTHON:-python3}"
mkdir -p "$place"

# make NAME WHAT COMMAND...: run the command unless NAME was made of the same WHAT before.
make() {
  local name=$1 what=$2
  shift 2
  if [ "$(cat "$place/$name.made" 2>/dev/null)" = "$what" ]; then
    return 0
  fi
  echo "setting up $name" >&2
  rm -f "$place/$name.made"
  if "$@" > "$place/$name.log" 2>&1; then
    rm -f "$place/$name.error"
    echo "$what" > "$place/$name.made"
  else
    { echo "setup of $name failed:"; tail -n 5 "$place/$name.log"; } | tee "$place/$name.error" >&2
    failed=1
  fi
}

# Every package is pinned in NAME.txt, those below the peer too: a newer one may break or slow it.
venv() {
  rm -rf "${place:?}/$1"
  "$python" -m venv "$place/$1" &&
    "$place/$1/bin/python" -m pip install --quiet -r "bench/peers/$1.txt" &&
    "$place/$1/bin/python" -m pip check
}

# The package carries the binary; its install script only reports the installation.
restate_server() {
  rm -rf "$place/restate-server"
  mkdir -p "$place/restate-server"
  npm install --prefix "$place/restate-server" --ignore-scripts --no-audit --no-fund "$RESTATE_SERVER" || return 1
  local binary
  binary="$(find "$place/restate-server/node_modules" -path '*/bin/restate-server' -type f -size +1M | head -n 1)"
  if [ -z "$binary" ]; then
    echo "expected a restate-server for this machine in $RESTATE_SERVER, found none"
    return 1
  fi
  ln -sfn "$(realpath "$(dirname "$binary")")" "$place/restate-server/bin"
  "$place/restate-server/bin/restate-server" --version
}

# PostgreSQL of PATH or of Debian's usual folder; otherwise unpacked, never installed: an
# installation would start a server of its own.
postgresql() {
  local found
  rm -rf "$place/postgresql"
  mkdir -p "$place/postgresql"
  found="$(command -v postgres || ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -n 1)"
  if [ -n "$found" ]; then
    ln -sfn "$(dirname "$(realpath "$found")")" "$place/postgresql/bin"
  else
    unpack_postgresql || return 1
  fi
  "$place/postgresql/bin/initdb" --version && "$place/postgresql/bin/postgres" --version
}

unpack_postgresql() {
  if ! command -v apt-get >/dev/null; then
    echo "expected postgres on PATH, found none: install PostgreSQL"
    return 1
  fi
  local root file uri libraries real name
  root="$(pwd)/$place/postgresql/root"
  mkdir -p "$place/postgresql/packages" "$root" "$place/postgresql/bin"
  if [ "$(id -u)" = 0 ]; then
    apt-get update -qq
  fi
  # The packages that are not installed yet, without installing any.
  apt-get install -y -qq --no-install-recommends --print-uris postgresql > "$place/postgresql/uris" || return 1
  cut -d"'" -f2 "$place/postgresql/uris" | grep '^http' | while read -r uri; do
    file="$place/postgresql/packages/$(basename "$uri")"
    [ -s "$file" ] || curl -fsSL -o "$file" "$uri" || exit 1
    dpkg -x "$file" "$root" || exit 1
  done || return 1
  libraries="$root/usr/lib/$(uname -m)-linux-gnu:$root/usr/lib"
  for name in postgres initdb; do
    real="$(ls -d "$root"/usr/lib/postgresql/*/bin/$name | sort -V | tail -n 1)"
    [ -n "$real" ] || return 1
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$libraries" "$real" > "$place/postgresql/bin/$name"
    chmod +x "$place/postgresql/bin/$name"
  done
}

failed=0
version="$("$python" -c 'import sys; print(sys.base_prefix, sys.version.split()[0])')"
for name in dbos restate prefect; do
  make "$name" "$version $(cksum < "bench/peers/$name.txt")" venv "$name"
done
make restate-server "$RESTATE_SERVER" restate_server
make postgresql "$(command -v postgres || true)" postgresql
exit "$failed"
