#!/bin/sh
# For a host without configuration management: shows the changes, and makes them. Without changes and problems it writes
# nothing, so that cron sends no mail.
#
# usage: refresh.sh [CONFIGURATION]
# exit code: that of mailallow: 0 done; 2 nothing was done, the configuration has a mistake; 3 or 4 done, except for a source
# that is held, stale or missing and keeps its last good ranges; 5 nothing was changed, or a command of on_change or notify failed
set -eu

config=${1:-/etc/mailallow/mailallow.toml}

# The changes, for the mail. 0: there are none, and update runs an on_change command again that failed, and renews the ages.
status=0
report=$(mailallow -c "$config" diff) || status=$?
case $status in
0) ;;
1 | 3 | 4) printf '%s\n' "$report" ;;
*) exit "$status" ;; # the error is on stderr already
esac

# diff has written the warnings already; the errors are those of update.
status=0
problems=$(mailallow -c "$config" --quiet update 2>&1) || status=$?
case $status in
0 | 3 | 4) ;;
*) printf '%s\n' "$problems" >&2 ;;
esac
exit "$status"
