#!/bin/bash
# Packs what a host needs into release/deis.tar.gz and release/deis/: the compiled code, production dependencies, the platform's
# units, the scripts that install them and, because Debian 12's is too old, this machine's Node.js. `npm run build` must have run.
#   release.sh [--without-node]
set -euo pipefail
cd "$(dirname "$0")/.."
die() { printf '%s\n' "release.sh: $1" >&2; exit 1; }
node=yes
case ${1:-} in
  '') ;;
  --without-node) node=no ;;
  *) echo "Usage: release.sh [--without-node]" >&2; exit 2 ;;
esac
[ -f dist/agent/main.js ] || die "nothing is built; npm run build"
if [ $node = yes ]; then
  program=$(node -p process.execPath)
  [ "$(uname -s)" = Linux ] || die "this machine's Node.js is none for Linux hosts; build on Linux, or use --without-node"
  # A distribution's package keeps most of Node.js in a shared library that hosts do not have.
  if ldd "$program" | grep -q libnode; then die "$program needs libnode; use a Node.js from nodejs.org, or --without-node"; fi
fi

partial=release/deis.partial
trap 'rm -rf "$partial"' EXIT
rm -rf "$partial"
mkdir -p "$partial"
cp -R package.json package-lock.json dist units docs LICENSE vagrant/{install,install-etcd,certificates}.sh "$partial/"
# Real hosts on one machine are for developers.
rm -rf "$partial/dist/hosts"
# The optional dependencies are native code that is not built here. What only compilers and debuggers read makes up a third of the files.
(cd "$partial" && npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --silent)
find "$partial/node_modules" -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
if [ $node = yes ]; then
  mkdir "$partial/bin"
  cp "$program" "$partial/bin/node"
fi
tar -C "$partial" -czf release/deis.tar.gz.partial .
mv release/deis.tar.gz.partial release/deis.tar.gz
rm -rf release/deis
mv "$partial" release/deis
