#!/bin/sh
# One job of a chaos run: writes a known sequence to both channels, notes in the journal what it does, ends as told.
#
# CHAOS_JOURNAL   file to which lines are appended      CHAOS_SEED      of the sequence, see checker/sequence.ts
# CHAOS_BLOCKS    blocks to write to each channel       CHAOS_LINES     lines of nine bytes in a block
# CHAOS_PAUSE     seconds between blocks                CHAOS_NOTE      blocks between two notes
# CHAOS_STRAY     quiet | loud: leaves a child in a session of its own, which holds the output open or not
# CHAOS_STUBBORN  set: ignores TERM                     CHAOS_SIGNAL    ends by this signal
# CHAOS_FAILURES  the first attempts that fail          CHAOS_EXIT      the code that they exit with
ulimit -c 0
[ -n "$CHAOS_STUBBORN" ] && trap '' TERM

bytes=0
out=$((CHAOS_SEED & 0x7fffffff))
err=$(((CHAOS_SEED + 1000003) & 0x7fffffff))

note() {
  printf '{"kind":"line","what":"%s","job":"%s","attempt":%s,"worker":"%s","pid":%s,"seed":%s,"stdout":%s,"stderr":%s%s,"at":%s}\n' \
    "$1" "$MILLRACE_JOB_ID" "$MILLRACE_ATTEMPT" "$MILLRACE_WORKER_ID" $$ "$CHAOS_SEED" $bytes $bytes "$2" \
    "$(date +%s%3N)" >>"$CHAOS_JOURNAL"
}

# The next numbers after $1, left in $numbers.
advance() {
  state=$1 numbers= line=0
  while [ $line -lt "$CHAOS_LINES" ]; do
    state=$(((state * 1103515245 + 12345) & 0x7fffffff))
    numbers="$numbers $state"
    line=$((line + 1))
  done
}

note start
case "$CHAOS_STRAY" in
  quiet) setsid sleep 300 </dev/null >/dev/null 2>&1 & ;;
  loud) setsid sleep 300 & ;;
esac

block=0
while [ $block -lt "$CHAOS_BLOCKS" ]; do
  if [ "$CHAOS_LINES" -gt 0 ]; then
    advance $out
    out=$state
    printf '%08x\n' $numbers
    advance $err
    err=$state
    printf '%08x\n' $numbers >&2
    bytes=$((bytes + 9 * CHAOS_LINES))
  fi
  block=$((block + 1))
  [ "$CHAOS_PAUSE" = 0 ] || sleep "$CHAOS_PAUSE"
  [ $((block % CHAOS_NOTE)) -eq 0 ] && note wrote
done

if [ -n "$CHAOS_SIGNAL" ]; then
  note wrote
  kill -"$CHAOS_SIGNAL" $$
fi
code=0
[ "$MILLRACE_ATTEMPT" -le "$CHAOS_FAILURES" ] && code=$CHAOS_EXIT
note end ",\"exitCode\":$code"
exit $code
