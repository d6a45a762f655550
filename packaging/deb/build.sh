#!/usr/bin/env bash
# Builds the Debian package, with dpkg-deb and what requirements.lock names: build.sh UV OUTPUT-FOLDER [COMPRESSION]
#
# The package holds a virtual environment of its own in /usr/lib/syncd, on the distribution's Python, so that neither an upgrade of
# the system's Python packages nor pip can change what runs. It writes nothing outside the output folder and a temporary one, and
# needs no privilege. The same sources give the same contents: times are those of the last commit.
set -euo pipefail

readonly UV=$(realpath "$1") OUT=$(realpath "$2") COMPRESSION=${3:-xz}
readonly HERE=$(dirname "$(realpath "$0")")
readonly ROOT=$(realpath "$HERE/../..")
# What the package runs on: Debian 12's. Wheels are chosen for it, so it must be there when the package is built, too.
readonly PYTHON=/usr/bin/python3.11

[[ -x $PYTHON ]] || {
  echo "build.sh: $PYTHON is missing (apt-get install python3); the package is built for Debian 12." >&2
  exit 1
}
readonly VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$ROOT/pyproject.toml" | head -n 1)
readonly ARCH=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$ROOT" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly STAGE=$work/syncd
readonly HOME_=$STAGE/usr/lib/syncd
readonly SITE=$HOME_/lib/python3.11/site-packages
umask 022

echo "build.sh: libraries" >&2
install -d "$HOME_/bin" "$SITE"
ln -s ../../../bin/python3.11 "$HOME_/bin/python3"
printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11\n' >"$HOME_/pyvenv.cfg"
# Copies, not links into uv's cache: what is changed here must not change there.
pip() { "$UV" pip install --quiet --link-mode copy --python "$PYTHON" --target "$SITE" "$@"; }
pip --require-hashes --only-binary :all: --no-binary ldap3 -r "$ROOT/requirements.lock"
pip --no-deps "$ROOT"
rm -rf "$SITE/bin" "$SITE/.lock"
find "$SITE" -name __pycache__ -type d -prune -exec rm -rf {} +
# Bytecode that is not compared with the times of sources: the service cannot write it, and starts faster with it.
"$PYTHON" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$STAGE" -p / "$SITE"

echo "build.sh: files" >&2
install -Dm 755 "$HERE/syncd" "$STAGE/usr/bin/syncd"
for unit in "$ROOT"/packaging/systemd/*.service "$ROOT"/packaging/systemd/*.timer; do
  install -Dm 644 "$unit" -t "$STAGE/lib/systemd/system"
done
install -Dm 644 "$ROOT/packaging/systemd/syncd.sysusers" "$STAGE/usr/lib/sysusers.d/syncd.conf"
install -Dm 644 "$ROOT/packaging/systemd/syncd.tmpfiles" "$STAGE/usr/lib/tmpfiles.d/syncd.conf"

readonly DOC=$STAGE/usr/share/doc/syncd
install -Dm 644 "$ROOT"/docs/how-to/*.md -t "$DOC"
install -Dm 644 "$ROOT/packaging/systemd/credentials.conf" "$ROOT/examples/company.csv" -t "$DOC/examples"
install -Dm 644 "$ROOT"/packaging/prometheus/*.yml -t "$STAGE/usr/share/syncd/prometheus"
install -Dm 644 "$HERE/copyright" -t "$DOC"
printf 'syncd (%s-1) stable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n' "$VERSION" \
  "$(sed -n 's/^Maintainer: //p' "$HERE/control")" "$(date -R -u -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$DOC/changelog.Debian.gz"
gzip -9nc "$ROOT/CHANGELOG.md" >"$DOC/changelog.gz"
install -d "$STAGE/usr/share/man/man1"
gzip -9nc "$HERE/syncd.1" >"$STAGE/usr/share/man/man1/syncd.1.gz"
install -Dm 644 "$HERE/lintian-overrides" "$STAGE/usr/share/lintian/overrides/syncd"

# The configuration: what the repository ships, with the places of a Debian system. It runs as it stands, against a sandbox.
install -d "$STAGE/etc/syncd/mappings"
sed -e 's#^\# yaml-language-server: .*#\# yaml-language-server: $schema=https://json.schemastore.org/any.json#' \
  -e 's#sqlite:///var/#sqlite:////var/lib/syncd/#' -e 's#state: var/#state: /var/lib/syncd/#' \
  -e 's#path: examples/#path: /usr/share/doc/syncd/examples/#' "$ROOT/syncd.yaml" | sed 1d >"$STAGE/etc/syncd/syncd.yaml"
install -m 644 "$ROOT"/mappings/*.yaml -t "$STAGE/etc/syncd/mappings"

echo "build.sh: package" >&2
install -d "$STAGE/DEBIAN"
(cd "$STAGE" && find etc -type f -printf '/%p\n' | sort) >"$STAGE/DEBIAN/conffiles"
(cd "$STAGE" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$STAGE/DEBIAN/md5sums"
sed -e "s/@VERSION@/$VERSION-1/" -e "s/@ARCH@/$ARCH/" -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$STAGE" | cut -f 1)/" \
  "$HERE/control" >"$STAGE/DEBIAN/control"
for script in preinst postinst prerm postrm; do
  [[ ! -e $HERE/$script ]] || install -m 755 "$HERE/$script" "$STAGE/DEBIAN/$script"
done
find "$STAGE" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
# Level 1 with gzip is for tests, which build it to throw it away.
level=(); [[ $COMPRESSION != gzip ]] || level=(-z1)
dpkg-deb --root-owner-group -Z"$COMPRESSION" "${level[@]}" --build "$STAGE" "$OUT/syncd_${VERSION}-1_$ARCH.deb" >&2
echo "$OUT/syncd_${VERSION}-1_$ARCH.deb"
