#!/usr/bin/env bash
# Builds a stand-in for the node image, where none can be pulled: this machine's own node, npm, tini and shell, and
# the libraries that they need. Usage: base-image.sh <tag>
set -euo pipefail
tag=$1

programs=(node npm tini sh bash env cat chown cp date echo false hostname id ls mkdir mv rm seq sha256sum sleep sort tail true whoami)
certificates=/etc/ssl/certs/ca-certificates.crt

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{etc/ssl/certs,home/node,proc,tmp,usr/bin,usr/lib,usr/lib64}
chmod 1777 "$root/tmp"
for dir in bin lib lib64; do ln -s "usr/$dir" "$root/$dir"; done

for program in "${programs[@]}"; do
  path=$(command -v "$program" || true)
  if [ ! -x "$path" ]; then path=/usr/bin/$program; fi
  if [ "$program" = npm ]; then continue; fi
  cp -L "$path" "$root/usr/bin/$program"
  { ldd "$path" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -Ln "$library" "$root$library"
  done
done

npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
mkdir -p "$root/usr/lib/node_modules"
cp -r "$npm" "$root/usr/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/bin/npm"

echo 'root:x:0:0::/root:/bin/sh
node:x:1000:1000::/home/node:/bin/bash' >"$root/etc/passwd"
echo 'root:x:0:
node:x:1000:' >"$root/etc/group"
if [ -f "$certificates" ]; then cp "$certificates" "$root$certificates"; fi
chown -R 1000:1000 "$root/home/node"

tar --create --directory "$root" . |
  docker import --change "ENV NODE_EXTRA_CA_CERTS=$certificates" --change 'ENV PATH=/usr/bin' - "$tag" >/dev/null
