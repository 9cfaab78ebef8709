#!/bin/sh
# Gets what some tests need of the system, as root on Debian or Ubuntu. Where a
# program is missing those tests are skipped, and the summary says why. This is the
# one list: "program:package". Grid Engine is gridcell.py's.
PROGRAMS="tmux:tmux chromium:chromium node:nodejs"

missing=""
for pair in $PROGRAMS; do
  command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
test -n "$missing" || exit 0
if test "$(id -u)" != 0 || ! command -v apt-get >/dev/null; then
  echo "tests that need these packages will be skipped:$missing" >&2
  exit 0
fi
echo "getting$missing with apt-get" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || echo "apt-get update failed: see above" >&2
for package in $missing; do # one by one: what cannot be had hinders no other
  apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
    echo "no $package: its tests will be skipped" >&2
done
