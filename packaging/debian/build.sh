#!/bin/sh
# Builds the Debian package, for the architecture of this machine. The same commit gives the same bytes on any machine at any
# time: no path, date, owner or mode of this one gets in.
#
# usage: build.sh NFPM VERSION FOLDER      SOURCE_DATE_EPOCH: default the time of the commit
set -eu
cd "$(dirname "$0")/../.."
nfpm=$1 VERSION=$2 dist=$3
umask 022
export LC_ALL=C TZ=UTC CGO_ENABLED=0 VERSION
ARCH=$(go env GOARCH)
STAGE=$dist/stage
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export ARCH STAGE SOURCE_DATE_EPOCH

rm -rf "$STAGE"
mkdir -p "$STAGE"
go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o "$STAGE/mailallow" ./cmd/mailallow
for page in mailallow.1 mailallow.toml.5; do
    "$STAGE/mailallow" man "$page" | gzip -9n >"$STAGE/$page.gz"
done
gzip -9n <CHANGELOG.md >"$STAGE/changelog.gz"
gzip -9n >"$STAGE/changelog.Debian.gz" <<CHANGELOG
mailallow ($(echo "$VERSION" | sed 's/-/~/')-1) unstable; urgency=medium

  * The changes are in changelog.gz.

 -- The mailallow authors <mailallow@example.org>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
CHANGELOG
"$nfpm" package --config packaging/debian/nfpm.yaml --packager deb --target "$dist/"
rm -r "$STAGE"
