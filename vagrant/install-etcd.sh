#!/bin/bash
# Makes this Debian host a member of a TLS etcd cluster, with Debian's etcd-server. It may be run again: a member that is
# already set up the same way is left alone.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: install-etcd.sh NAME CLUSTER PKI
  NAME      this member's name, one of those in CLUSTER
  CLUSTER   every member: NAME=IP,NAME=IP,…  (the same on each host, three or five of them)
  PKI       a directory with ca.crt, NAME.crt and NAME.key (certificates.sh makes them)

Example: install-etcd.sh core-1 core-1=172.17.8.101,core-2=172.17.8.102,core-3=172.17.8.103 /root/pki
TEXT
}

[ $# = 3 ] || { usage >&2; exit 2; }
name=$1 cluster=$2 pki=$3
[ "$(id -u)" = 0 ] || { echo "install-etcd.sh: must be run as root" >&2; exit 1; }
address='' peers=''
for member in ${cluster//,/ }; do
  peers=$peers,${member%%=*}=https://${member#*=}:2380
  [ "${member%%=*}" != "$name" ] || address=${member#*=}
done
[ -n "$address" ] || { echo "install-etcd.sh: \"$name\" is not in \"$cluster\"" >&2; exit 2; }
for file in ca.crt "$name.crt" "$name.key"; do
  [ -r "$pki/$file" ] || { echo "install-etcd.sh: cannot read \"$pki/$file\"" >&2; exit 1; }
done

work=$(mktemp -d)
policy=/usr/sbin/policy-rc.d
# Removed again, however this ends; a policy that was there is not ours, and stands.
trap '[ ! -e "$work/policy-is-ours" ] || rm -f "$policy"; rm -rf "$work"' EXIT

if ! command -v etcd >/dev/null || ! command -v etcdctl >/dev/null; then
  # Debian starts a lone member as soon as the package is unpacked; its data would not be this cluster's. See invoke-rc.d(8).
  if [ ! -e "$policy" ]; then
    touch "$work/policy-is-ours"
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends etcd-server etcd-client ||
    { echo "install-etcd.sh: cannot install etcd-server and etcd-client; is apt-get update done?" >&2; exit 1; }
fi
install -d -m 750 -o root -g etcd /etc/etcd/pki
install -m 640 -o root -g etcd "$pki/ca.crt" /etc/etcd/pki/ca.crt
install -m 640 -o root -g etcd "$pki/$name.crt" /etc/etcd/pki/host.crt
install -m 640 -o root -g etcd "$pki/$name.key" /etc/etcd/pki/host.key

settings=$work/settings
cat >"$settings" <<TEXT
ETCD_NAME=$name
ETCD_DATA_DIR=/var/lib/etcd/deis
ETCD_LISTEN_PEER_URLS=https://$address:2380
ETCD_LISTEN_CLIENT_URLS=https://$address:2379,https://127.0.0.1:2379
ETCD_ADVERTISE_CLIENT_URLS=https://$address:2379
ETCD_INITIAL_ADVERTISE_PEER_URLS=https://$address:2380
ETCD_INITIAL_CLUSTER=${peers#,}
ETCD_INITIAL_CLUSTER_TOKEN=deis
ETCD_HEARTBEAT_INTERVAL=50
ETCD_ELECTION_TIMEOUT=500
ETCD_PRE_VOTE=true
ETCD_CLIENT_CERT_AUTH=true
ETCD_TRUSTED_CA_FILE=/etc/etcd/pki/ca.crt
ETCD_CERT_FILE=/etc/etcd/pki/host.crt
ETCD_KEY_FILE=/etc/etcd/pki/host.key
ETCD_PEER_CLIENT_CERT_AUTH=true
ETCD_PEER_TRUSTED_CA_FILE=/etc/etcd/pki/ca.crt
ETCD_PEER_CERT_FILE=/etc/etcd/pki/host.crt
ETCD_PEER_KEY_FILE=/etc/etcd/pki/host.key
ETCD_AUTO_COMPACTION_MODE=periodic
ETCD_AUTO_COMPACTION_RETENTION=1h
TEXT
# A member comes back however it ended, and waits for the others as long as it takes them to be installed.
install -d /etc/systemd/system/etcd.service.d
cat >/etc/systemd/system/etcd.service.d/10-deis.conf <<TEXT
[Unit]
StartLimitIntervalSec=0
[Service]
Restart=always
RestartSec=1
TEXT
if cmp -s "$settings" /etc/default/etcd && systemctl is-active --quiet etcd; then exit 0; fi
install -m 644 "$settings" /etc/default/etcd
systemctl daemon-reload
systemctl enable --quiet etcd
# Not awaited: a member is ready only when most of the others run too, and they may be installed one after the other.
systemctl restart --no-block etcd
