#!/bin/bash
# Gathers what one of the Vagrantfile's machines is given, in .payload/NAME: scripts, release, and its certificates only.
# Usage: payload.sh NAME ADDRESS. RELEASE names another release than ../release/deis.tar.gz.
set -euo pipefail
cd "$(dirname "$0")"
name=$1 address=$2
release=${RELEASE:-../release/deis.tar.gz}
[ -r "$release" ] || { printf '%s\n' "payload.sh: there is no release at \"$release\"" "Hint: make release" >&2; exit 1; }

./certificates.sh pki host "$name" "$address"
[ -e pki/operator.crt ] || ./certificates.sh pki client operator
payload=.payload/$name
mkdir -p "$payload/pki"
cp install.sh install-etcd.sh "$payload/"
cp pki/ca.crt "pki/$name.crt" "pki/$name.key" "$payload/pki/"
cp "$release" "$payload/deis.tar.gz"
