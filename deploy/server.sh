# The development server: starting, stopping. Sourced after lib.sh.
# shellcheck shell=bash disable=SC2154

# Puts a file in its place as a new file: writing into one that a process has mapped crashes it.
place() {
  cmp -s "$1" "$2" && return
  cp "$1" "$2.new"
  mv -f "$2.new" "$2"
}

# Where clients on this machine reach the server that the environment describes.
server_url() {
  local address=${FLUXBASE_SERVER_ADDRESS:-127.0.0.1:8080} host port
  host=${address%:*} port=${FLUXBASE_SERVER_PORT:-${address##*:}}
  case $host in
    '' | 0.0.0.0) host=127.0.0.1 ;;
    '[::]') host='[::1]' ;;
  esac
  printf 'http://%s:%s\n' "$host" "$port"
}

# The pid of the running server, empty when there is none. A pid alone may have been given to another process.
server_pid() {
  local pid
  pid=$(cat "$state/server.pid" 2>/dev/null) || return 0
  case $(readlink "/proc/$pid/exe" 2>/dev/null) in
    "$state/bin/fluxbase" | "$state/bin/fluxbase (deleted)") echo "$pid" ;;
  esac
}

stop_server() {
  local pid
  pid=$(server_pid)
  if [ -n "$pid" ]; then
    kill "$pid"
    # It finishes running requests first, at most server.shutdown_timeout.
    for _ in $(seq 300); do
      [ -n "$(server_pid)" ] || break
      sleep 0.05
    done
    [ -z "$(server_pid)" ] || kill -9 "$pid"
  fi
  rm -f "$state/server.pid"
}

# start_server CONFIG URL: in the background, and waits until it answers.
start_server() {
  local config=$1 url=$2 as=() pid authority
  authority=${url#http://}
  # Otherwise somebody else's answer would pass for ours.
  if (exec 3<>"/dev/tcp/${authority%:*}/${authority##*:}") 2>/dev/null; then
    die "$authority is taken: stop what listens there, or FLUXBASE_SERVER_PORT=8081 make run"
  fi
  # Its only right is the password it is given; root's files are none of its business.
  [ "$(id -u)" -ne 0 ] || as=(setpriv --reuid nobody --regid nogroup --clear-groups)
  (
    cd /
    exec 8>&-
    setsid "${as[@]}" "$state/bin/fluxbase" --config "$config" serve </dev/null >>"$state/server.log" 2>&1 &
    echo $! >"$state/server.pid"
  )
  for _ in $(seq 200); do
    sleep 0.05
    pid=$(cat "$state/server.pid")
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -n 5 "$state/server.log" >&2
      die "the server did not start; its log is $state/server.log"
    fi
    curl -s -o /dev/null --max-time 2 "$url/health" && return
  done
  tail -n 20 "$state/server.log" >&2
  die "the server does not answer on $url"
}

random_secret() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }

# secrets FILE: reads the passwords and the port of a cluster; made the first time, for its owner only.
secrets() {
  [ -f "$1" ] || (
    umask 077
    printf '%s\n' "SUPERUSER_PASSWORD=$(random_secret)" "APP_PASSWORD=$(random_secret)" "MAILER_PASSWORD=$(random_secret)" "PG_PORT=$(free_port 15432)" >"$1"
  )
  # shellcheck disable=SC1090
  . "$1"
}

# make_cluster DATA ROOT LINES: unless it is there. Everybody needs a password: on a machine with other users
# loopback is no lock.
make_cluster() {
  local data=$1 root=$2 lines=$3 sockets
  as_server_user test -e "$data/PG_VERSION" && return
  say "making a cluster in $data"
  # The server's user must reach the socket and not the data: not below the data directory.
  sockets=$state/socket
  [ $((${#sockets} + 20)) -le 107 ] || sockets=$(as_server_user mktemp -d /tmp/fluxbase-XXXXXX)
  mkdir -p "$sockets"
  [ "$(id -u)" -ne 0 ] || chown "$server_user" "$sockets"
  chmod 755 "$sockets"
  rm -rf "$data"
  PASSWORD_FILE=<(printf '%s\n' "$SUPERUSER_PASSWORD") \
    "$repo/deploy/cluster" init "$data" "$root" "$PG_PORT" <<<"unix_socket_directories = '$sockets'"$'\n'"$lines"
}

# stop_cluster DATA: a cluster whose directory is named after its major version.
stop_cluster() {
  local major root
  major=$(basename "$1")
  for root in "$state/pg/$major/usr/lib/postgresql/$major" "$state/pg/$major"; do
    [ ! -x "$root/bin/pg_ctl" ] || break
  done
  "$repo/deploy/cluster" stop "$1" "$root"
}
