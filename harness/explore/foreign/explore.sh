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
# found CLASS PATTERN: one class of failure, reproduced by real cuts; each of its windows is at such a place
found() {
  [ "$(grep -c '^FAIL' "$out/text")" = 1 ] || fail "$scenario: not one class of failure"
  grep -q "^FAIL 1: $1: .*confirmed by real cuts" "$out/text" || fail "$scenario: no $1"
  grep -q 'window: run 0' "$out/text" || fail "$scenario: no window"
  ! grep 'window: run 0' "$out/text" | grep -qv "$2" || fail "$scenario: another window"
}
