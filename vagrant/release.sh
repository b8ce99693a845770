#!/bin/bash
# Packs what a host needs into release/deis.tar.gz and release/deis/: the compiled code, production dependencies, the platform's
# units, the install script and, because Debian 12's is too old, this machine's Node.js. `npm run build` must have run.
#   release.sh [--without-node]
set -euo pipefail
cd "$(dirname "$0")/.."
node=yes
case ${1:-} in
  '') ;;
  --without-node) node=no ;;
  *) echo "Usage: release.sh [--without-node]" >&2; exit 2 ;;
esac
[ -f dist/agent/main.js ] || { echo "release.sh: nothing is built; npm run build" >&2; exit 1; }

rm -rf release/deis.partial
mkdir -p release/deis.partial
cp -R package.json package-lock.json dist units vagrant/install.sh vagrant/install-etcd.sh vagrant/certificates.sh LICENSE release/deis.partial/
(cd release/deis.partial && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --silent)
if [ $node = yes ]; then
  mkdir release/deis.partial/bin
  cp "$(node -p process.execPath)" release/deis.partial/bin/node
fi
rm -rf release/deis
mv release/deis.partial release/deis
tar -C release/deis -czf release/deis.tar.gz .
