# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the tests that explore boot loaders from npm packages, with $otarig, $here, $cache and $program, which fetches them.
command -v python3 >/dev/null && command -v npm >/dev/null && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; cat "$out/text"; exit 1; }
python3 -B "$here/$program.py" "$out" "$cache" || exit $?

# explore SCENARIO BOARD EXPECTED OPERATIONS OPTION...: to the fixpoint
explore() {
  scenario=$1 board=$2 expected=$3 operations=$4 got=0
  shift 4
  rm -rf "$out/$scenario"
  "$otarig" explore "$here/$scenario.json" --board "$here/$board.json" --firmware "$out" --out "$out/$scenario" --depth any "$@" \
    >"$out/text" 2>&1 || got=$?
  [ "$got" = "$expected" ] || fail "$scenario $*: exit $got, not $expected"
  grep -q "^$scenario: $operations operations, .*fixpoint" "$out/text" || fail "$scenario $*: not $operations operations to a fixpoint"
  sed -n 1p "$out/text"
}
# found "CLASS..." PATTERN: just these classes of failure, in order, reproduced by real cuts; each window is at such a place
found() {
  number=0
  for class in $1; do
    number=$((number + 1))
    grep -q "^FAIL $number: $class: .*confirmed by real cuts" "$out/text" || fail "$scenario: no $class"
  done
  [ "$(grep -c '^FAIL' "$out/text")" = $number ] || fail "$scenario: other classes of failure"
  grep -q 'window: run 0' "$out/text" || fail "$scenario: no window"
  ! grep 'window: run 0' "$out/text" | grep -qv "$2" || fail "$scenario: another window"
}
