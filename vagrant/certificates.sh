#!/bin/bash
# Makes the certificates of a cluster with openssl: one authority, one pair a host (for etcd's peers and clients and the
# agent's API) and one pair an operator. What exists is kept, so the script may be run again to add a host.
set -euo pipefail
die() { printf '%s\n' "certificates.sh: $1" >&2; exit "${2:-1}"; }

usage() {
  cat <<'TEXT'
Usage: certificates.sh DIR host NAME IP…     DIR/NAME.{crt,key} for a host with these addresses
       certificates.sh DIR client NAME       DIR/NAME.{crt,key} for an operator
       certificates.sh DIR reader NAME       the same for who may look at the cluster's API and change nothing there

The authority, DIR/ca.{crt,key}, is made by the first call. Keep ca.key away from the hosts.

Example: certificates.sh pki host core-1 172.17.8.101 && certificates.sh pki client operator
TEXT
}

DAYS=3650
if [ $# -lt 3 ]; then
  usage >&2
  exit 2
fi
directory=$1 kind=$2 name=$3 role=
shift 3
[[ $name =~ ^[a-zA-Z0-9][a-zA-Z0-9.-]*$ && $name != ca ]] || die "\"$name\" cannot be the name of a certificate" 2
case $kind in
  host)
    [ $# -gt 0 ] || die "a host needs at least one IP address" 2
    names=DNS:$name,DNS:localhost,IP:127.0.0.1,IP:::1
    for ip in "$@"; do names=$names,IP:$ip; done
    use=serverAuth,clientAuth ;;
  client) names=DNS:$name use=clientAuth ;;
  reader) names=DNS:$name use=clientAuth role=/OU=reader ;;
  *) usage >&2; exit 2 ;;
esac

umask 077
mkdir -p "$directory"
cd "$directory"
# Several at once must not make several authorities. Where there is no flock(1), as on macOS, Vagrant starts one after the other.
exec 9<.
if command -v flock >/dev/null; then flock --wait 60 9 || die "another certificates.sh is at work in \"$directory\""; fi
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

if [ ! -e ca.crt ]; then
  key ca.key
  openssl req -x509 -new -key ca.key -sha256 -days $DAYS -subj "/CN=Deis cluster" -out ca.crt.new -extensions authority \
    -config <(printf '%s\n' '[req]' distinguished_name=name '[name]' '[authority]' basicConstraints=critical,CA:TRUE \
      keyUsage=critical,keyCertSign,cRLSign subjectKeyIdentifier=hash)
  mv ca.crt.new ca.crt
fi
[ -r ca.key ] || die "\"$directory/ca.key\" is needed to make a certificate, and is not here"
if [ -e "$name.crt" ]; then
  for ip in "$@"; do
    openssl x509 -in "$name.crt" -noout -checkip "$ip" | grep -q 'does match' ||
      die "\"$directory/$name.crt\" is there and is not for $ip; remove it to have a new one made"
  done
else
  key "$name.key"
  openssl req -new -key "$name.key" -subj "$role/CN=$name" |
    openssl x509 -req -sha256 -days $DAYS -CA ca.crt -CAkey ca.key -CAcreateserial -out "$name.crt.new" \
      -extfile <(printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
        "subjectAltName=$names" "extendedKeyUsage=$use") 2>/dev/null || die "openssl made no certificate for \"$name\" ($names)"
  mv "$name.crt.new" "$name.crt"
fi
chmod 644 ca.crt "$name.crt"
