#!/bin/sh
# Builds a package for the architecture of this machine, or the release archives. The same commit gives the same bytes on any
# machine at any time: no path, date, owner or mode of this one gets in.
#
# usage: build.sh deb|rpm NFPM VERSION FOLDER         SOURCE_DATE_EPOCH: default the time of the commit
#        build.sh archives VERSION FOLDER PLATFORM... PLATFORM: as GOOS/GOARCH
#        build.sh program VERSION FILE [PACKAGE]      the program alone, for this machine; or another one, built in the same way
set -eu
cd "$(dirname "$0")/.."
what=$1
shift
umask 022
export LC_ALL=C TZ=UTC CGO_ENABLED=0
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH

# stage: makes $STAGE, with all that does not differ between platforms and is not in the checkout as it is installed.
stage() {
    export STAGE="$1/stage"
    rm -rf "$STAGE"
    mkdir -p "$STAGE/man" "$STAGE/examples"
    build "$STAGE/mailallow"
    for page in mailallow.1 mailallow.toml.5; do
        "$STAGE/mailallow" man "$page" | gzip -9n >"$STAGE/man/$page.gz"
    done
    # The configuration and the cron file are examples: no package owns what people write (docs/facts.md 26).
    cp cmd/mailallow/internal/initconfig/mailallow.toml packaging/examples/refresh.sh packaging/examples/mailallow.pp "$STAGE/examples"
    cp -R packaging/ansible packaging/ci packaging/cron packaging/prometheus "$STAGE/examples"
    find "$STAGE/examples" \( -name '*_test.go' -o -name '__pycache__' \) -prune -exec rm -r {} +
    chmod -R u=rwX,go=rX "$STAGE/examples"
}

# build FILE [PACKAGE]: functions begin at every 8th byte and not at every 32nd, which saves more than a hundredth of the program.
build() {
    go build -tags urfave_cli_no_docs,nethttpomithttp2 -trimpath -buildvcs=false \
        -ldflags "-s -w -funcalign=8 -X main.version=$VERSION" -o "$1" "${2:-./cmd/mailallow}"
}

# changelog: writes the changelog that Debian wants of a package.
changelog() {
    cat <<CHANGELOG
mailallow ($(echo "$VERSION" | sed 's/-/~/')-1) unstable; urgency=medium

  * The changes are in changelog.gz.

 -- The mailallow authors <mailallow@example.org>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
CHANGELOG
}

# archive PLATFORM FOLDER: packs the program for a platform with its manual, completions, documentation and examples.
archive() {
    name=mailallow-$VERSION-$(echo "$1" | tr / -)
    root=$STAGE/$name
    mkdir "$root" "$root/packaging" "$root/completions"
    GOOS=${1%/*} GOARCH=${1#*/} build "$root/mailallow"
    cp -R README.md CONTRIBUTING.md CHANGELOG.md LICENSE "$STAGE/man" "$STAGE/examples" "$root"
    mkdir "$root/docs"
    cp docs/*.md "$root/docs"
    cp cmd/mailallow/shell/* "$root/completions"
    cp -R packaging/systemd "$root/packaging"
    rm "$root/packaging/systemd"/*_test.go
    chmod -R u=rwX,go=rX "$root"
    tar -C "$STAGE" --sort=name --format=ustar --mtime="@$SOURCE_DATE_EPOCH" --owner=root:0 --group=root:0 -c "$name" |
        gzip -n >"$2/$name.tar.gz"
    rm -r "$root"
}

case $what in
deb | rpm)
    nfpm=$1 dist=$3
    export VERSION="$2"
    ARCH=$(go env GOARCH)
    export ARCH
    stage "$dist"
    gzip -9n <CHANGELOG.md >"$STAGE/changelog.gz"
    changelog | gzip -9n >"$STAGE/changelog.Debian.gz"
    "$nfpm" package --config packaging/nfpm.yaml --packager "$what" --target "$dist/"
    ;;
archives)
    VERSION=$1 dist=$2
    shift 2
    stage "$dist"
    for platform; do
        archive "$platform" "$dist"
    done
    (cd "$dist" && sha256sum mailallow-"$VERSION"-*.tar.gz >SHA256SUMS)
    ;;
program)
    VERSION=$1
    build "$2" "${3:-}"
    exit
    ;;
*)
    echo "build.sh: $what: not deb, rpm, archives or program" >&2
    exit 2
    ;;
esac
rm -r "$STAGE"
