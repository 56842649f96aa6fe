# Shared by the scripts in this folder; sourced, never run.
# shellcheck shell=bash
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# PostgreSQL refuses to run as root, so root runs it as another user: Debian's, or where its package is
# missing the one that owns nothing.
server_user=postgres
getent passwd postgres >/dev/null || server_user=nobody

# Runs PostgreSQL's programs. From /, because older ones give up when they cannot return to the directory
# they were started in; without RUST_BACKTRACE, because backtraces would reach clients as error details; and
# without the settings of somebody else's PostgreSQL.
as_server_user() {
  local clean=(env -C / -u RUST_BACKTRACE -u PGDATA -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE -u PGOPTIONS -u PGSERVICE)
  if [ "$(id -u)" -eq 0 ]; then
    "${clean[@]}" runuser -u "$server_user" -- "$@"
  else
    "${clean[@]}" "$@"
  fi
}

# Everything made at run time lives under .fluxbase. Where the checkout lies below a directory that the
# server's user cannot enter (/root, mode 700), .fluxbase is a link to a place it can: opening somebody's
# home directory to another user is not ours to do.
state_dir() {
  local link=$repo/.fluxbase real
  if [ ! -e "$link" ]; then
    if [ "$(id -u)" -eq 0 ] && ! runuser -u "$server_user" -- test -x "$repo" 2>/dev/null; then
      real=/var/lib/fluxbase/$(printf '%s' "$repo" | sha256sum | cut -c1-12)
      install -d -m 755 "$real"
      ln -sfn "$real" "$link"
    else
      mkdir -p "$link"
    fi
  fi
  readlink -f "$link"
}

# Whether the arguments name a supported major version of PostgreSQL.
check_major() {
  case "${1:-}" in
    14 | 15 | 16 | 17 | 18) ;;
    *) die "PG_MAJOR must be 14, 15, 16, 17 or 18, not '${1:-}'" ;;
  esac
}

# free_port [PREFERRED]: a port of the loopback address that nobody listens on. A preferred one below 32768 is
# still free after a reboot more likely than one that outgoing connections are given too.
free_port() {
  python3 - "${1:-0}" <<'PYTHON'
import socket, sys
for port in (int(sys.argv[1]), 0):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PYTHON
}
