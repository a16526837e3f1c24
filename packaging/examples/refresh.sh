#!/bin/sh
# For a host without configuration management: says what changes, and does it. Says nothing when there is nothing to say,
# so that cron sends mail only then.
#
# usage: refresh.sh [CONFIGURATION]
# exit code: that of mailallow: 0 done; 2 nothing was done, the configuration is wrong; 3 or 4 done, but for a source that
# is held, stale or missing and keeps its last good ranges; 5 nothing was changed, or an on_change command failed
set -eu

config=${1:-/etc/mailallow/mailallow.toml}

# What would change, for the mail. 0: nothing.
status=0
report=$(mailallow -c "$config" diff) || status=$?
case $status in
0) exit 0 ;;
1 | 3 | 4) printf '%s\n' "$report" ;;
*) exit "$status" ;; # said on stderr already
esac

# diff has said already what there is to warn of; on an error, update says it.
status=0
problems=$(mailallow -c "$config" --quiet update 2>&1) || status=$?
case $status in
0 | 3 | 4) ;;
*) printf '%s\n' "$problems" >&2 ;;
esac
exit "$status"
