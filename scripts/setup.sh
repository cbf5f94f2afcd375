# Sourced by scripts/demo and scripts/test: makes sure that everything the project needs is there.
# Leaves $root (the project) and $bun (the pinned Bun). Quick and silent when nothing is missing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*" >&2; }

give_up() {
  say "$1"
  exit 1
}

# as_root COMMAND...: runs it as root, if this user may without being asked for a password.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# apt_install PACKAGE...: from the system's own package source; output only when it fails.
apt_install() {
  command -v apt-get >/dev/null || return 1
  local log
  log=$(mktemp)
  say "installing $* ..."
  if as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -q && apt-get install -q -y --no-install-recommends "$@"' sh "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

is_pinned_bun() { [ -x "$1" ] && [ "$("$1" --version 2>/dev/null)" = "$version" ]; }

# The pinned Bun: from PATH, else from npm into .bun/. Another version on PATH can fetch it as well as npm can.
find_bun() {
  local version machine own other
  version=$(<"$root/.bun-version")
  case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) machine=linux-x64 ;;
  Linux-aarch64) machine=linux-aarch64 ;;
  *) give_up "CRUX is developed on Linux, x86-64 or arm64; this is $(uname -s) on $(uname -m)." ;;
  esac

  other=$(command -v bun || true)
  own="$root/.bun/node_modules/@oven/bun-$machine/bin/bun"
  for bun in "$other" "$own"; do
    if is_pinned_bun "$bun"; then return; fi
  done

  say "fetching Bun $version ..."
  mkdir -p "$root/.bun"
  # A package of its own, so that neither tool looks into the project's.
  printf '{ "private": true }\n' >"$root/.bun/package.json"
  # The platform package, not `bun`: that one's install script is blocked by careful npm settings.
  if command -v npm >/dev/null; then
    npm install --prefix "$root/.bun" --ignore-scripts --no-audit --no-fund --loglevel=error \
      "@oven/bun-$machine@$version" >&2
  elif [ -n "$other" ]; then
    (cd "$root/.bun" && "$other" add --exact "@oven/bun-$machine@$version" >&2)
  else
    give_up "Neither Bun nor npm is here. Install one of them, for example: apt-get install npm"
  fi
  bun=$own
  is_pinned_bun "$bun" || give_up "Bun $version was fetched to $bun, but it does not run here."
}

find_bun
# Package scripts and tests that start `bun` get the same one.
PATH="$(dirname "$bun"):$PATH"
export PATH

# ONNX Runtime and libvips are C++; the smallest system images come without its library.
has_cpp_library() {
  local known
  # Not piped into grep -q: that closes the pipe early, which pipefail would take for a failure.
  known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null) || return 0
  [[ $known == *libstdc++.so.6* ]]
}
if ! has_cpp_library; then
  apt_install libstdc++6 || give_up "libstdc++ is missing. As root: apt-get install libstdc++6"
fi

if ! packages=$(cd "$root" && "$bun" install --frozen-lockfile 2>&1); then
  give_up "$packages"
fi
"$bun" "$root/scripts/prepare.ts" >&2
