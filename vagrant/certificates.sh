#!/bin/bash
# Makes the certificates of a cluster with openssl: one authority, one pair a host (for etcd's peers and clients and the
# agent's API) and one pair an operator. What exists is kept, so the script may be run again to add a host.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: certificates.sh DIR host NAME IP…     DIR/NAME.{crt,key} for a host with these addresses
       certificates.sh DIR client NAME       DIR/NAME.{crt,key} for an operator

The authority, DIR/ca.{crt,key}, is made by the first call. Keep ca.key away from the hosts.

Example: certificates.sh pki host core-1 172.17.8.101 && certificates.sh pki client operator
TEXT
}

DAYS=3650
if [ $# -lt 3 ]; then
  usage >&2
  exit 2
fi
directory=$1 kind=$2 name=$3
shift 3
case $kind in
  host)
    [ $# -gt 0 ] || { echo "certificates.sh: a host needs at least one IP address" >&2; exit 2; }
    names=DNS:$name,DNS:localhost,IP:127.0.0.1
    for ip in "$@"; do names=$names,IP:$ip; done
    use=serverAuth,clientAuth ;;
  client) names=DNS:$name use=clientAuth ;;
  *) usage >&2; exit 2 ;;
esac

umask 077
mkdir -p "$directory"
cd "$directory"
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

if [ ! -e ca.crt ]; then
  key ca.key
  openssl req -x509 -new -key ca.key -sha256 -days $DAYS -subj "/CN=Deis cluster" -out ca.crt
fi
if [ ! -e "$name.crt" ]; then
  key "$name.key"
  openssl req -new -key "$name.key" -subj "/CN=$name" |
    openssl x509 -req -sha256 -days $DAYS -CA ca.crt -CAkey ca.key -CAcreateserial -out "$name.crt" \
      -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=%s\n' "$names" "$use") 2>/dev/null
fi
chmod 644 ca.crt "$name.crt"
