#!/bin/bash
# Turns one of the Vagrantfile's machines into a host of the cluster. Usage: provision.sh NAME ADDRESS NAME=IP,NAME=IP,…
# The Vagrantfile has put the scripts, the certificates and the release into /tmp/deis.
set -euo pipefail
name=$1 address=$2 members=$3
cd /tmp/deis
chmod +x ./*.sh

if ! command -v dockerd >/dev/null || ! command -v etcd >/dev/null; then apt-get update -qq; fi
if ! command -v dockerd >/dev/null; then
  # Docker takes a network that is free when it starts, and so early in a boot the machines' own may seem to be.
  mkdir -p /etc/docker
  [ -e /etc/docker/daemon.json ] || echo '{ "bip": "172.18.0.1/16" }' >/etc/docker/daemon.json
  # On a kernel with AppArmor, Docker needs its parser.
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io apparmor
fi
./install-etcd.sh "$name" "$members" pki
endpoints=''
for member in ${members//,/ }; do endpoints=$endpoints,https://${member#*=}:2379; done
./install.sh --release deis.tar.gz --etcd "${endpoints#,}" --ca pki/ca.crt --cert "pki/$name.crt" --key "pki/$name.key" \
  --address "$address" --listen "$address:7002" --metadata "host=$name"
