#!/usr/bin/env bash
# Prints as many lines as asked for (5 when not told), one every 0.2 seconds.
set -euo pipefail

lines=${1:-5}
for ((line = 1; line <= lines; line++)); do
  echo "line $line of $lines"
  if ((line < lines)); then sleep 0.2; fi
done
