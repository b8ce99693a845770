#!/bin/bash
# Installs, upgrades or removes Deis on a Debian host: deis-agent, deis-scheduler, deis-api, deis-confd and deisctl with their settings,
# certificates and systemd services. It may be run again at any time, and running units are never touched: neither an
# upgrade nor --uninstall stops a container or a service that runs on the cluster's behalf. Everything that can be wrong with
# what it is given is found before anything is changed.
#
# Layout: /opt/deis/releases/<version>-<digest> (immutable), /opt/deis/current -> the one in use,
#         /etc/deis/agent.toml, /etc/deis/pki/{ca.crt,host.crt,host.key}; of the agent's own, /run/deis and /var/lib/deis.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: install.sh --release DIR|TARBALL [options]    install or upgrade
       install.sh --uninstall [--stop-units] [--purge]
                                                     remove

  --release PATH       a release: what `make release` built, as a directory or .tar.gz
  --etcd URL,URL,…     etcd's client endpoints                 (default http://127.0.0.1:2379)
  --ca FILE --cert FILE --key FILE
                       certificates: the cluster's CA and this host's pair, for etcd and for the agent's API
  --address IP         the address other hosts reach this one at (default: the default route's)
  --metadata K=V,K=V   machine metadata, e.g. region=lab,disk=ssd
  --listen HOST:PORT   serve logs and status of this host's units there, over mutual TLS
  --api-listen HOST:PORT
                       serve the cluster's API there, over mutual TLS; on /run/fleet.sock it is served anyway
  --no-scheduler       run no scheduler here; --scheduler runs one again
  --no-start           install only; do not start or restart the services
  --stop-units         with --uninstall: also stop and remove the cluster's units on this host
  --purge              with --uninstall: also remove settings, certificates and the deis user

Options change the settings they name; all others stay as they are. The file that was there is kept as agent.toml.before.
Exit codes: 0 done, 1 failed, 2 wrong usage.

Examples:
  install.sh --release deis.tar.gz --etcd https://10.0.0.1:2379,https://10.0.0.2:2379 \
             --ca ca.crt --cert host1.crt --key host1.key --address 10.0.0.1 --listen 10.0.0.1:7002
  install.sh --release deis-new.tar.gz          # upgrade: settings stay
  install.sh --uninstall
TEXT
}

PREFIX=/opt/deis
SETTINGS=/etc/deis
UNITS=/etc/systemd/system
# Each command and the room of its entry point.
declare -A ENTRIES=([deisctl]=deisctl [deis-agent]=agent [deis-scheduler]=scheduler [deis-api]=api [deis-confd]=renderer)
COMMANDS=("${!ENTRIES[@]}")
SERVICES=(deis-agent.service deis-scheduler.service deis-api.socket deis-api.service)

say() { printf '%s\n' "deis: $*"; }
die() { printf '%s\n' "deis: $1" >&2; [ -z "${2:-}" ] || printf '%s\n' "Hint: $2" >&2; exit 1; }
usage_error() { printf '%s\n' "deis: $1" "See install.sh --help" >&2; exit 2; }

# ---------------------------------------------------------------------------------------------------- arguments

release='' scheduler=as-is start=yes uninstall=no purge=no stop_units=no
settings=() # options that plan-host takes as they are
while [ $# -gt 0 ]; do
  case $1 in
    --release | --etcd | --ca | --cert | --key | --address | --metadata | --listen | --api-listen)
      [ -n "${2:-}" ] || usage_error "$1 needs a value"
      if [ "$1" = --release ]; then release=$2; else settings+=("$1=$2"); fi
      shift 2 ;;
    --scheduler) scheduler=yes; shift ;;
    --no-scheduler) scheduler=no; shift ;;
    --no-start) start=no; shift ;;
    --uninstall) uninstall=yes; shift ;;
    --purge) purge=yes; shift ;;
    --stop-units) stop_units=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage_error "unknown option \"$1\"" ;;
  esac
done
if [ "$uninstall" = yes ]; then
  [ -z "$release${settings[*]}" ] || usage_error "--uninstall takes no option but --stop-units and --purge"
else
  [ "$purge" = no ] || usage_error "--purge goes with --uninstall"
  [ "$stop_units" = no ] || usage_error "--stop-units goes with --uninstall"
  [ -n "$release" ] || usage_error "--release is missing"
fi

[ "$(id -u)" = 0 ] || die "must be run as root" "sudo $0 …"
# One run at a time. The lock is on a directory that is there anyway, so that it leaves no file.
exec 9</opt
flock --wait 120 9 || die "another install.sh is running on this host"
# Without systemd as PID 1 (a container, a chroot) files are installed all the same, services are not started.
systemd_runs() { [ -d /run/systemd/system ]; }

# ---------------------------------------------------------------------------------------------------- removal

# The cluster's units on this host, which outlive the agent. Those given to systemd are files; containers bear a label.
units_directory() {
  local named
  named=$(sed -n 's/^units_directory *= *"\(.*\)"/\1/p' "$SETTINGS/agent.toml" 2>/dev/null || true)
  printf '%s\n' "${named:-/run/deis/units}"
}
service_units() { find "$(units_directory)" -maxdepth 1 -type f -printf '%f\n' 2>/dev/null || true; }
# Fails if Docker is installed and does not answer.
containers() {
  if command -v docker >/dev/null; then docker ps --all --filter label=deis.unit --format "{{.$1}}" 2>/dev/null; fi
}

stop_units() {
  local found
  mapfile -t found < <(service_units)
  if [ ${#found[@]} -gt 0 ]; then
    systemctl stop "${found[@]}"
    systemctl disable --quiet "${found[@]}" 2>/dev/null || true
    systemctl reset-failed "${found[@]}" 2>/dev/null || true
    rm -rf "$(units_directory)"
  fi
  mapfile -t found < <(containers ID)
  # `stop` gives each container the time that its unit asks for.
  if [ ${#found[@]} -gt 0 ]; then docker stop "${found[@]}" >/dev/null && docker rm --force --volumes "${found[@]}" >/dev/null; fi
}

remove() {
  local left known=yes
  if systemd_runs; then
    systemctl disable --now --quiet "${SERVICES[@]}" 2>/dev/null || true
  fi
  if [ "$stop_units" = yes ]; then stop_units; fi
  rm -f "${SERVICES[@]/#/$UNITS/}" "${SERVICES[@]/#/$UNITS/multi-user.target.wants/}" "$UNITS/sockets.target.wants/deis-api.socket" "${COMMANDS[@]/#//usr/local/bin/}"
  if systemd_runs; then
    systemctl daemon-reload
    systemctl reset-failed "${SERVICES[@]}" 2>/dev/null || true
  fi
  left=$({ service_units && containers Names; } | tr '\n' ' ') || known=no
  rm -rf "$PREFIX"
  rm -f /run/deis/agent.sock /run/deis/agent-lease
  # What is left of the agent's own belongs to units that still run.
  if [ "$known" = yes ] && [ -z "$left" ]; then rm -rf /run/deis /var/lib/deis; fi
  if [ "$purge" = yes ]; then
    rm -rf "$SETTINGS"
    if getent passwd deis >/dev/null; then userdel deis; fi
    if getent group deis >/dev/null; then groupdel deis; fi
  fi
  say "removed"
  [ -z "$left" ] || say "still here, and from now on nobody's but yours: $left(--uninstall --stop-units removes them)"
  [ "$known" = yes ] || say "Docker does not answer: containers of the cluster may still be here (docker ps --all --filter label=deis.unit)"
}

if [ "$uninstall" = yes ]; then
  remove
  exit 0
fi

# ---------------------------------------------------------------------------------------------------- checks, before anything is changed

[ -e "$release" ] || die "there is no release at \"$release\"" "make release builds one"
work=$(mktemp -d -p /var/tmp deis-install.XXXXXX)
trap 'rm -rf "$work"' EXIT

if [ -d "$release" ]; then
  source=$(realpath "$release")
else
  mkdir "$work/release"
  tar -xzf "$release" -C "$work/release" --no-same-owner 2>/dev/null || die "\"$release\" is not a complete .tar.gz" "make release builds one"
  source=$work/release
fi
for part in package.json package-lock.json dist/agent/main.js dist/vagrant/plan-host.js node_modules units; do
  [ -e "$source/$part" ] || die "\"$release\" is not a release of Deis: it has no $part" "make release builds one"
done
# A release may carry its own Node.js, because Debian 12's is too old.
node=$source/bin/node
[ -e "$node" ] || node=$(command -v node) || die "node is not installed" "install Node.js 20.19 or later, or use a release that carries it"
node_version=$("$node" --version 2>/dev/null) || die "\"$node\" does not run here" "was the release built for this kind of processor ($(uname -m))?"
"$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  die "node is $node_version, Deis needs 20.19 or later" "install a later Node.js, or use a release that carries it"
"$node" "$source/dist/vagrant/plan-host.js" --settings="$SETTINGS/agent.toml" --pki="$SETTINGS/pki" "${settings[@]}" >"$work/agent.toml" ||
  exit $?
version=$("$node" -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).version' "$source/package.json")
# What identifies a release besides its version: all that runs. A rebuilt release is thus never mistaken for the old one.
digest=$(cd "$source" && { find package.json package-lock.json install.sh dist units bin -type f -print0 2>/dev/null || true; } |
  sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12)
target=$PREFIX/releases/$version-$digest

# ---------------------------------------------------------------------------------------------------- files

if [ -d "$target" ]; then
  say "release $version ($digest) is already here"
else
  say "installing release $version ($digest)"
  mkdir -p "$PREFIX/releases"
  rm -rf "$PREFIX"/releases/*.partial
  mkdir "$target.partial"
  for part in package.json package-lock.json dist node_modules units bin docs install.sh LICENSE; do
    [ ! -e "$source/$part" ] || cp -R "$source/$part" "$target.partial/"
  done
  mv "$target.partial" "$target"
fi
[ "$node" != "$source/bin/node" ] || node=$PREFIX/current/bin/node

getent group deis >/dev/null || groupadd --system deis
getent passwd deis >/dev/null ||
  useradd --system --gid deis --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin deis

# Replaces file $2 by standard input when they differ, atomically. $3: its group.
replace() {
  local mode=$1 path=$2 group=${3:-root}
  cat >"$work/new"
  if cmp -s "$work/new" "$path"; then return; fi
  install -m "$mode" -o root -g "$group" "$work/new" "$path.new"
  mv "$path.new" "$path"
}

[ -d "$SETTINGS" ] || install -d -m 755 "$SETTINGS"
for option in "${settings[@]}"; do
  case $option in
    --ca=*) file=ca.crt ;;
    --cert=*) file=host.crt ;;
    --key=*) file=host.key ;;
    *) continue ;;
  esac
  # The scheduler runs as deis and reads them too.
  [ -d "$SETTINGS/pki" ] || install -d -m 750 -o root -g deis "$SETTINGS/pki"
  replace 640 "$SETTINGS/pki/$file" deis <"${option#*=}"
done

if ! cmp -s "$work/agent.toml" "$SETTINGS/agent.toml"; then
  if [ -e "$SETTINGS/agent.toml" ]; then
    cp -p "$SETTINGS/agent.toml" "$SETTINGS/agent.toml.before"
    say "settings changed; the former ones are in $SETTINGS/agent.toml.before"
  fi
  replace 644 "$SETTINGS/agent.toml" <"$work/agent.toml"
fi

for command in "${COMMANDS[@]}"; do
  flags=
  # Without these V8 lets the heap of the agent, which keeps little of what it makes, grow to several times what it holds.
  [ "$command" != deis-agent ] || flags='--max-semi-space-size=4 --initial-old-space-size=24 --heap-growing-percent=30 '
  replace 755 "/usr/local/bin/$command" <<TEXT
#!/bin/sh
exec $node $flags$PREFIX/current/dist/${ENTRIES[$command]}/main.js "\$@"
TEXT
done

# What a daemon gets that asks etcd and serves others, and does nothing to this host.
unprivileged='User=deis
Group=deis
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
PrivateTmp=yes
PrivateDevices=yes
RestrictSUIDSGID=yes
LockPersonality=yes'

# RuntimeDirectoryPreserve: /run/deis holds the unit files and the lease of units that outlive the daemon.
# StartLimitIntervalSec: a daemon that is given up on after a few crashes is a host that is lost for good.
replace 644 $UNITS/deis-agent.service <<TEXT
[Unit]
Description=Deis agent: runs the units placed on this host
Documentation=file:$PREFIX/current/docs/agent.md
Wants=network-online.target
After=network-online.target dbus.service docker.service etcd.service
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/deis-agent --config $SETTINGS/agent.toml
Environment=MALLOC_ARENA_MAX=2
ExecReload=/bin/kill -HUP \$MAINPID
RuntimeDirectory=deis
RuntimeDirectoryPreserve=yes
Restart=always
RestartSec=1
TimeoutStopSec=10
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
TEXT
replace 644 $UNITS/deis-scheduler.service <<TEXT
[Unit]
Description=Deis scheduler: decides where units run, one leads
Documentation=file:$PREFIX/current/docs/scheduling.md
Wants=network-online.target
After=network-online.target etcd.service
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/deis-scheduler --config $SETTINGS/agent.toml
$unprivileged
Restart=always
RestartSec=1
TimeoutStopSec=10
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
TEXT

# The socket is open from the host's start, and deis-api runs while someone asks: where nobody does it costs nothing. Whoever may
# write to it may do all that an operator may, as with fleet's.
replace 644 $UNITS/deis-api.socket <<TEXT
[Unit]
Description=Deis and fleet API socket

[Socket]
ListenStream=/run/fleet.sock
SocketGroup=deis
SocketMode=0660

[Install]
WantedBy=sockets.target
TEXT
replace 644 $UNITS/deis-api.service <<TEXT
[Unit]
Description=Deis API: fleet's HTTP API and Deis's own
Documentation=file:$PREFIX/current/docs/api.md
Requires=deis-api.socket
Wants=network-online.target
After=deis-api.socket network-online.target etcd.service
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/deis-api --config $SETTINGS/agent.toml
$unprivileged
Restart=on-failure
RestartSec=1
TimeoutStopSec=10
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
TEXT

if [ "$(readlink "$PREFIX/current" 2>/dev/null)" != "$target" ]; then
  ln -sfn "$target" "$PREFIX/current.new"
  mv -T "$PREFIX/current.new" "$PREFIX/current"
fi
# The release before this one is kept, so that an operator can go back to it; older ones are not.
find "$PREFIX/releases" -mindepth 1 -maxdepth 1 -type d ! -path "$target" -printf '%T@ %p\n' | sort -rn | tail -n +2 |
  cut -d' ' -f2- | xargs -r rm -rf

# ---------------------------------------------------------------------------------------------------- services

# As `systemctl enable` does; it is not there without systemd's own package, in a minimal image say.
link() {
  local target=multi-user.target
  [ "${1##*.}" != socket ] || target=sockets.target
  printf '%s\n' "$UNITS/$target.wants/$1"
}
enable() {
  [ ! -L "$(link "$1")" ] || return 0
  mkdir -p "$(dirname "$(link "$1")")"
  ln -s "$UNITS/$1" "$(link "$1")"
}
if [ "$scheduler" = as-is ]; then
  # A host that was installed without one stays without one.
  scheduler=yes
  if [ -L "$(link deis-agent.service)" ] && [ ! -L "$(link deis-scheduler.service)" ]; then scheduler=no; fi
fi
wanted=(deis-agent.service)
[ "$scheduler" = no ] || wanted+=(deis-scheduler.service)
for service in "${wanted[@]}" deis-api.socket; do enable "$service"; done
# With an address of its own the API has to be there before anyone asks for it.
api=on-demand
if awk '/^\[/ { table = $0 } table == "[api]" && /^listen *=/ { found = 1 } END { exit !found }' "$SETTINGS/agent.toml"; then api=always; fi
if [ "$api" = always ]; then enable deis-api.service; else rm -f "$(link deis-api.service)"; fi
if [ "$scheduler" = no ] && [ -L "$(link deis-scheduler.service)" ]; then rm "$(link deis-scheduler.service)"; fi

if [ "$start" = no ] || ! systemd_runs; then
  say "installed; start with: systemctl daemon-reload && systemctl restart ${wanted[*]} deis-api.socket"
  exit 0
fi
# All that a running daemon has read. It is compared with what the daemons were last started with, not with what this run
# changed: a run that was interrupted is thus completed by the next one.
state=$({ cat "$SETTINGS/agent.toml" "${SERVICES[@]/#/$UNITS/}"; cat "$SETTINGS"/pki/* 2>/dev/null || true; echo "$node $target"; } |
  sha256sum | cut -d' ' -f1)
# Their restarts are counted anew.
systemctl reset-failed "${wanted[@]}" 2>/dev/null || true
if [ "$(cat "$PREFIX/started" 2>/dev/null)" = "$state" ]; then
  systemctl start "${wanted[@]}" deis-api.socket
else
  systemctl daemon-reload
  systemctl restart "${wanted[@]}"
  # The socket stays open meanwhile: whoever connects waits instead of being turned away.
  systemctl start deis-api.socket
  systemctl try-restart deis-api.service
fi
if [ "$api" = always ]; then systemctl start deis-api.service; fi
if [ "$scheduler" = no ]; then systemctl stop --quiet deis-scheduler.service; fi

# "active" says only that a process was started. The agent is up when its socket answers; none may have crashed by then.
answers() {
  "$node" -e 'require("net").connect("/run/deis/agent.sock").on("connect", () => process.exit(0)).on("error", () => process.exit(1))'
}
go_back() {
  local previous
  previous=$(find "$PREFIX/releases" -mindepth 1 -maxdepth 1 -type d ! -path "$target")
  [ -z "$previous" ] || printf '%s' "; back to the release before: $previous/install.sh --release $previous"
}
deadline=$((SECONDS + 20))
until answers; do
  [ $SECONDS -lt $deadline ] || die "deis-agent does not answer" "journalctl -u deis-agent -n 20$(go_back)"
  sleep 0.1
done
for service in "${wanted[@]}"; do
  restarts=$(systemctl show --property=NRestarts --value "$service")
  if [ "$restarts" != 0 ] || ! systemctl is-active --quiet "$service"; then
    die "$service does not stay up" "journalctl -u ${service%.service} -n 20$(go_back)"
  fi
done
printf '%s\n' "$state" | replace 644 "$PREFIX/started"
say "running: ${wanted[*]} (deisctl list-machines)"
