#!/bin/bash
# Installs, upgrades or removes Deis on a Debian host: deis-agent, deis-scheduler and deisctl with their settings,
# certificates and systemd services. It may be run again at any time, and running units are never touched: neither an
# upgrade nor --uninstall stops a container or a service that runs on the cluster's behalf.
#
# Layout: /opt/deis/releases/<version>-<digest> (immutable), /opt/deis/current -> the one in use,
#         /etc/deis/agent.toml, /etc/deis/pki/{ca.crt,host.crt,host.key}, /run/deis (the agent's, lost at reboot).
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: install.sh --release DIR|TARBALL [options]    install or upgrade
       install.sh --uninstall [--purge]              remove

  --release PATH       a release: what `make release` built, as a directory or .tar.gz
  --etcd URL,URL,…     etcd's client endpoints                 (default http://127.0.0.1:2379)
  --ca FILE --cert FILE --key FILE
                       certificates: the cluster's CA and this host's pair, for etcd and for the agent's API
  --address IP         the address other hosts reach this one at (default: the default route's)
  --metadata K=V,K=V   machine metadata, e.g. region=lab,disk=ssd
  --listen HOST:PORT   serve logs and status of this host's units there, over mutual TLS
  --no-scheduler       do not run a scheduler here
  --no-start           install only; do not start or restart the services
  --purge              with --uninstall: also remove settings, certificates and the deis user

Settings are written when one of --etcd, --ca, --address, --metadata or --listen is given (the file that was there is kept as
agent.toml.before), and left alone otherwise.

Examples:
  install.sh --release deis-0.1.0.tar.gz --etcd https://10.0.0.1:2379,https://10.0.0.2:2379 \
             --ca ca.crt --cert host1.crt --key host1.key --address 10.0.0.1 --listen 10.0.0.1:7002
  install.sh --release deis-0.2.0.tar.gz        # upgrade: settings stay
  install.sh --uninstall
TEXT
}

PREFIX=/opt/deis
SETTINGS=/etc/deis
COMMANDS=(deisctl deis-agent deis-scheduler)
SERVICES=(deis-agent.service deis-scheduler.service)

say() { printf '%s\n' "deis: $*"; }
die() { printf '%s\n' "deis: $1" >&2; [ -z "${2:-}" ] || printf '%s\n' "      $2" >&2; exit 1; }
usage_error() { printf '%s\n' "deis: $1" "      See install.sh --help" >&2; exit 2; }

# ---------------------------------------------------------------------------------------------------- arguments

release='' etcd='' ca='' cert='' key='' address='' metadata='' listen=''
scheduler=yes start=yes uninstall=no purge=no
while [ $# -gt 0 ]; do
  case $1 in
    --release | --etcd | --ca | --cert | --key | --address | --metadata | --listen)
      [ $# -ge 2 ] || usage_error "$1 needs a value"
      declare "${1#--}=$2"
      shift 2 ;;
    --no-scheduler) scheduler=no; shift ;;
    --no-start) start=no; shift ;;
    --uninstall) uninstall=yes; shift ;;
    --purge) purge=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage_error "unknown option \"$1\"" ;;
  esac
done

[ "$(id -u)" = 0 ] || die "must be run as root" "sudo $0 …"
# Without systemd as PID 1 (a container, a chroot) files are installed all the same, services are not started.
systemd_runs() { [ -d /run/systemd/system ]; }

# ---------------------------------------------------------------------------------------------------- removal

remove() {
  if systemd_runs; then
    systemctl disable --now --quiet "${SERVICES[@]}" 2>/dev/null || true
  fi
  rm -f "${SERVICES[@]/#//etc/systemd/system/}" "${COMMANDS[@]/#//usr/local/bin/}"
  rm -rf "$PREFIX"
  if systemd_runs; then systemctl daemon-reload; fi
  if [ "$purge" = yes ]; then
    rm -rf "$SETTINGS"
    if getent passwd deis >/dev/null; then userdel deis; fi
    if getent group deis >/dev/null; then groupdel deis; fi
  fi
  say "removed"
  local left
  left=$({ ls /run/deis/units 2>/dev/null; docker ps --filter label=deis.unit --format '{{.Names}}' 2>/dev/null; } | tr '\n' ' ')
  [ -z "$left" ] || say "still running here, and from now on nobody's but yours: $left"
}

if [ "$uninstall" = yes ]; then
  [ -z "$release" ] || usage_error "--uninstall takes no --release"
  remove
  exit 0
fi
[ "$purge" = no ] || usage_error "--purge goes with --uninstall"

# ---------------------------------------------------------------------------------------------------- checks, before anything is written

[ -n "$release" ] || usage_error "--release is missing"
[ -e "$release" ] || die "there is no release at \"$release\"" "make release builds one"
given=0
for file in "$ca" "$cert" "$key"; do
  [ -n "$file" ] || continue
  [ -r "$file" ] || die "cannot read the certificate file \"$file\""
  given=$((given + 1))
done
[ "$given" = 0 ] || [ "$given" = 3 ] || usage_error "--ca, --cert and --key go together"
[ -z "$listen" ] || [ "$given" = 3 ] || [ -e "$SETTINGS/pki/host.key" ] || usage_error "--listen needs --ca, --cert and --key"
for pair in ${metadata//,/ }; do
  case $pair in
    *\"* | *\\*) usage_error "--metadata \"$pair\" must not contain quotes or backslashes" ;;
    ?*=?*) ;;
    *) usage_error "--metadata \"$pair\" is not key=value" ;;
  esac
done

# ---------------------------------------------------------------------------------------------------- files

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -d "$release" ]; then
  source=$release
else
  mkdir "$work/release"
  tar -xzf "$release" -C "$work/release" --no-same-owner || die "\"$release\" is not a .tar.gz"
  source=$work/release
fi
for part in package.json dist/agent/main.js node_modules units; do
  [ -e "$source/$part" ] || die "\"$release\" is not a release of Deis: it has no $part" "make release builds one"
done
# A release may carry its own Node.js, because Debian 12's is too old.
node=$source/bin/node
[ -x "$node" ] || node=$(command -v node) || die "node is not installed" "install Node.js 20.19 or later, or use a release that carries it"
"$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  die "node is $("$node" --version)" "Deis needs 20.19 or later"
version=$("$node" -p 'require(process.argv[1]).version' "$(realpath "$source/package.json")")
# What identifies a release besides its version: the code that runs. A rebuilt release is thus never mistaken for the old one.
digest=$(cd "$source" && find package.json dist units -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12)
target=$PREFIX/releases/$version-$digest

if [ -d "$target" ]; then
  say "release $version ($digest) is already here"
else
  say "installing release $version ($digest)"
  mkdir -p "$PREFIX/releases"
  rm -rf "$target.partial"
  mkdir "$target.partial"
  cp -R "$source/package.json" "$source/dist" "$source/node_modules" "$source/units" "$target.partial/"
  if [ -x "$source/bin/node" ]; then cp -R "$source/bin" "$target.partial/"; fi
  chown -R root:root "$target.partial"
  mv "$target.partial" "$target"
fi

[ ! -x "$target/bin/node" ] || node=$PREFIX/current/bin/node

getent group deis >/dev/null || groupadd --system deis
getent passwd deis >/dev/null ||
  useradd --system --gid deis --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin deis

# Replaces $2 by standard input when it differs, atomically; true if it changed.
replace() {
  local mode=$1 path=$2
  cat >"$work/new"
  if cmp -s "$work/new" "$path"; then return 1; fi
  install -D -m "$mode" -o root -g root "$work/new" "$path.new"
  mv "$path.new" "$path"
}

install -d -m 755 "$SETTINGS"
changed=no
if [ "$given" = 3 ]; then
  install -d -m 750 -o root -g deis "$SETTINGS/pki"
  for pair in "$ca ca.crt" "$cert host.crt" "$key host.key"; do
    from=${pair% *} to=$SETTINGS/pki/${pair##* }
    cmp -s "$from" "$to" && continue
    install -m 640 -o root -g deis "$from" "$to"
    changed=yes
  done
fi

settings() {
  local endpoints=${etcd:-http://127.0.0.1:2379} separator=''
  echo "# Settings of this host. Every key is described in docs/agent.md; restart deis-agent and deis-scheduler after a change."
  echo "[machine]"
  [ -z "$address" ] || echo "address = \"$address\""
  if [ -n "$metadata" ]; then
    printf 'metadata = { '
    for pair in ${metadata//,/ }; do
      printf '%s"%s" = "%s"' "$separator" "${pair%%=*}" "${pair#*=}"
      separator=', '
    done
    printf ' }\n'
  fi
  echo
  echo "[etcd]"
  echo "endpoints = [\"${endpoints//,/\", \"}\"]"
  if [ -e "$SETTINGS/pki/host.key" ]; then
    printf '%s\n' "cafile = \"$SETTINGS/pki/ca.crt\"" "certfile = \"$SETTINGS/pki/host.crt\"" "keyfile = \"$SETTINGS/pki/host.key\""
  fi
  if [ -n "$listen" ]; then printf '\n[agent]\nlisten = "%s"\n' "$listen"; fi
}
if [ ! -e "$SETTINGS/agent.toml" ] || [ -n "$etcd$ca$address$metadata$listen" ]; then
  [ ! -e "$SETTINGS/agent.toml" ] || cp -p "$SETTINGS/agent.toml" "$work/before"
  if settings | replace 644 "$SETTINGS/agent.toml"; then
    changed=yes
    if [ -e "$work/before" ]; then
      install -m 644 "$work/before" "$SETTINGS/agent.toml.before"
      say "settings changed; the former ones are in $SETTINGS/agent.toml.before"
    fi
  fi
fi

for command in "${COMMANDS[@]}"; do
  replace 755 "/usr/local/bin/$command" <<E2 || true
#!/bin/sh
exec $node $PREFIX/current/dist/${command#deis-}/main.js "\$@"
E2
done

# RuntimeDirectoryPreserve: /run/deis holds the unit files and the lease of units that outlive the daemon.
replace 644 /etc/systemd/system/deis-agent.service <<E2 && changed=yes
[Unit]
Description=Deis agent: runs the units placed on this host
Wants=network-online.target
After=network-online.target dbus.service docker.service etcd.service

[Service]
ExecStart=/usr/local/bin/deis-agent --config $SETTINGS/agent.toml
RuntimeDirectory=deis
RuntimeDirectoryPreserve=yes
Restart=always
RestartSec=1
TimeoutStopSec=30
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
E2
replace 644 /etc/systemd/system/deis-scheduler.service <<E2 && changed=yes
[Unit]
Description=Deis scheduler: decides where units run, one leads
Wants=network-online.target
After=network-online.target etcd.service

[Service]
ExecStart=/usr/local/bin/deis-scheduler --config $SETTINGS/agent.toml
User=deis
Group=deis
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
Restart=always
RestartSec=1
TimeoutStopSec=30
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
E2

if [ "$(readlink "$PREFIX/current" 2>/dev/null)" != "$target" ]; then
  ln -sfn "$target" "$PREFIX/current.new"
  mv -T "$PREFIX/current.new" "$PREFIX/current"
  changed=yes
fi
# The release before this one is kept, so that an operator can go back to it; older ones are not.
find "$PREFIX/releases" -mindepth 1 -maxdepth 1 -type d ! -path "$target" -printf '%T@ %p\n' | sort -rn | tail -n +2 |
  cut -d' ' -f2- | xargs -r rm -rf

# ---------------------------------------------------------------------------------------------------- services

wanted=(deis-agent.service)
[ "$scheduler" = no ] || wanted+=(deis-scheduler.service)
enable() {
  mkdir -p /etc/systemd/system/multi-user.target.wants
  ln -sfn "/etc/systemd/system/$1" "/etc/systemd/system/multi-user.target.wants/$1"
}
for service in "${wanted[@]}"; do enable "$service"; done
if [ "$scheduler" = no ]; then
  rm -f /etc/systemd/system/multi-user.target.wants/deis-scheduler.service
  if systemd_runs; then systemctl stop --quiet deis-scheduler.service 2>/dev/null || true; fi
fi

if [ "$start" = no ] || ! systemd_runs; then
  say "installed; start with: systemctl daemon-reload && systemctl start ${wanted[*]}"
  exit 0
fi
systemctl daemon-reload
if [ "$changed" = yes ]; then
  systemctl restart "${wanted[@]}"
else
  systemctl start "${wanted[@]}"
fi
for service in "${wanted[@]}"; do
  for _ in $(seq 1 50); do
    state=$(systemctl is-active "$service" || true)
    [ "$state" != active ] || break
    sleep 0.1
  done
  [ "$state" = active ] || die "$service is $state" "journalctl -u $service -n 20"
done
say "running: ${wanted[*]} (deisctl list-machines)"
