#!/bin/sh
# moonlift.sh: for hosts on which the installer can't start. Checks a release on this drive with the
# host's own tools and its own list of trusted keys, and loads its images into Docker; nothing more.
#
#   sh moonlift.sh list                        what is on this drive
#   sh moonlift.sh check RELEASE [SIGNERS]     signatures and every byte
#   sh moonlift.sh load RELEASE [SIGNERS]      the same, then docker load (Docker 23 or later)
#
# SIGNERS is an OpenSSH allowed_signers file of this host, /etc/moonlift/allowed_signers by default.
# It must not come from the drive. Needs ssh-keygen (OpenSSH 8.3 or later) and sha256sum.
set -eu
LC_ALL=C
export LC_ALL
umask 077

HERE=$(cd "$(dirname "$0")" && pwd)
NAMESPACE=moonlift-bundle

die() {
    printf 'moonlift.sh: %s\n' "$*" >&2
    exit 10
}

usage() {
    sed -n '5,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

# Prints the files that hold a blob or file of the release, in order; fails if there is none.
places_of() {
    if [ -f "$1/$2" ] || [ -L "$1/$2" ]; then
        printf '%s\n' "$1/$2"
        return
    fi
    case $2 in blobs/*) ;; *) return 1 ;; esac
    for base in "$1/$2" "$1/../$2"; do
        if [ -f "$base" ] || [ -L "$base" ]; then
            printf '%s\n' "$base"
            return
        fi
        if [ -f "$base.001" ] || [ -L "$base.001" ]; then
            printf '%s\n' "$base".[0-9][0-9][0-9]
            return
        fi
    done
    return 1
}

# Writes all bytes of a file of the release, whole or in pieces.
bytes_of() {
    found=$(places_of "$1" "$2") || die "$2: expected it on the drive, found none"
    old_ifs=$IFS
    IFS='
'
    for place in $found; do
        IFS=$old_ifs
        if [ -L "$place" ] || [ ! -f "$place" ]; then die "$2: expected a regular file"; fi
        cat "$place"
    done
    IFS=$old_ifs
}

digest_of() {
    bytes_of "$1" "$2" | sha256sum | cut -d ' ' -f 1
}

# Steps 1 and 2: nothing of the release is looked at before its signatures count.
check_signatures() {
    [ -r "$2" ] || die "$2: expected this host's trusted keys, found none; installer trust add"
    [ -f "$1/SHA256SUMS" ] || die "$1: expected a release, found no SHA256SUMS"
    cat "$1/SHA256SUMS" >"$TEMP/sums"
    wanted=1
    threshold=$(dirname "$2")/threshold
    if [ -f "$threshold" ]; then wanted=$(tr -dc 0-9 <"$threshold"); fi
    number=1
    : >"$TEMP/keys"
    while [ -f "$1/SHA256SUMS.$number.sig" ] && [ "$number" -le 64 ]; do
        count_signature "$1/SHA256SUMS.$number.sig" "$2"
        number=$((number + 1))
    done
    valid=$(sort -u "$TEMP/keys" | wc -l)
    [ "$valid" -ge "${wanted:-1}" ] ||
        die "expected signatures by $wanted trusted keys, found $((valid))"
    printf 'signed by %s\n' "$(cut -d ' ' -f 2- "$TEMP/names" | tr '\n' ' ')"
}

count_signature() {
    cat "$1" >"$TEMP/sig"
    ssh-keygen -Y find-principals -s "$TEMP/sig" -f "$2" >"$TEMP/who" 2>/dev/null || return 0
    read -r who <"$TEMP/who" || return 0
    who=${who%%,*}
    if ssh-keygen -Y verify -f "$2" -I "$who" -n "$NAMESPACE" -s "$TEMP/sig" \
        <"$TEMP/sums" >"$TEMP/said" 2>&1; then
        sed -n 's/.*key \(SHA256:[A-Za-z0-9+/]*\).*/\1/p' "$TEMP/said" >>"$TEMP/keys"
        printf '. %s %s\n' "$who" "$(tail -n 1 "$TEMP/keys")" >>"$TEMP/names"
    fi
}

# Step 3: the list is in its one form, and no file is there that it does not name.
check_listing() {
    if grep -Evq '^[0-9a-f]{64}  [A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$' \
        "$TEMP/sums"; then
        die "SHA256SUMS: a line that no release has"
    fi
    cut -c 67- "$TEMP/sums" | sort >"$TEMP/names.listed"
    (cd "$1" && find . ! -type d) | sed 's,^\./,,' |
        sed -E -e '/^SHA256SUMS(\.[1-9][0-9]?\.sig)?$/d' -e '/(^|\/)(\.DS_Store|\._[^/]*)$/d' \
            -e 's,^(blobs/sha256/[0-9a-f]{64})\.[0-9]{3}$,\1,' | sort -u >"$TEMP/names.found"
    extra=$(comm -13 "$TEMP/names.listed" "$TEMP/names.found" | head -n 1)
    [ -z "$extra" ] || die "$extra: was not signed"
}

# Step 6: every byte.
check_bytes() {
    while read -r digest name; do
        found=$(digest_of "$1" "$name") || exit 10
        [ "$found" = "$digest" ] || die "$name: is damaged, or was not signed so"
        printf '  %s\n' "$name" >&2
    done <"$TEMP/sums"
}

check() {
    check_signatures "$1" "$2"
    check_listing "$1"
    check_bytes "$1"
    printf '%s: whole and signed\n' "$(basename "$1")"
}

size_of() {
    size=0
    places_of "$1" "$2" >"$TEMP/places" || die "$2: expected it on the drive, found none"
    while read -r place; do size=$((size + $(wc -c <"$place"))); done <"$TEMP/places"
    printf '%s\n' "$size"
}

zeros() {
    if [ "$1" -gt 0 ]; then dd if=/dev/zero bs="$1" count=1 2>/dev/null; fi
}

# Eleven octal digits, or twelve bytes in binary where they don't suffice (GNU).
size_field() {
    if [ "$1" -lt 8589934592 ]; then
        printf '%011o\000' "$1"
        return
    fi
    printf '\200\000\000\000'
    for shift in 56 48 40 32 24 16 8 0; do
        # shellcheck disable=SC2059 # the format is one escape
        printf "\\$(printf '%03o' $((($1 >> shift) & 255)))"
    done
}

# A tar header of a regular file, with the checksum $3: name, 0644, root, time 0.
header_with() {
    printf '%s' "$1"
    zeros $((100 - ${#1}))
    printf '0000644\0000000000\0000000000\000'
    size_field "$2"
    printf '00000000000\000%s0' "$3"
    zeros 100
    printf 'ustar\00000'
    zeros 247
}

header() {
    header_with "$1" "$2" '        ' >"$TEMP/header"
    sum=0
    for byte in $(od -An -v -tu1 "$TEMP/header"); do sum=$((sum + byte)); done
    header_with "$1" "$2" "$(printf '%06o@ ' "$sum")" | tr '@' '\000' # no variable holds a NUL
}

# What a difference builds on only the installer can see.
refuse_difference() {
    if grep -q '"base":{' "$1/release.json"; then
        die "$(basename "$1"): brings only what is new since an older release; the installer loads it"
    fi
}

# The release as the archive that docker load reads.
archive() {
    for name in oci-layout index.json manifest.json $(grep '^blobs/' "$TEMP/names.listed"); do
        size=$(size_of "$1" "$name")
        header "$name" "$size"
        bytes_of "$1" "$name"
        zeros $(((512 - size % 512) % 512))
    done
    zeros 1024
}

[ $# -ge 1 ] || usage
case $1 in
    list)
        for mark in "$HERE"/*/SHA256SUMS.1.sig; do
            [ -f "$mark" ] || die "no release on this drive"
            basename "$(dirname "$mark")"
        done
        exit 0
        ;;
    check | load) [ $# -ge 2 ] || usage ;;
    *) usage ;;
esac

RELEASE=$2
[ -d "$RELEASE" ] || RELEASE=$HERE/$2
[ -d "$RELEASE" ] || die "$2: expected a release's folder; sh moonlift.sh list"
RELEASE=$(cd "$RELEASE" && pwd)
SIGNERS=${3:-/etc/moonlift/allowed_signers}
TEMP=$(mktemp -d)
trap 'rm -rf "$TEMP"' EXIT
trap 'exit 130' INT TERM
: >"$TEMP/names"

check "$RELEASE" "$SIGNERS"
if [ "$1" = load ]; then
    refuse_difference "$RELEASE"
    archive "$RELEASE" | docker load || {
        printf 'moonlift.sh: docker load failed; layers in zstd need Docker 23 or later\n' >&2
        exit 12
    }
fi
