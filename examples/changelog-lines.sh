#!/usr/bin/env bash
# Counts the lines of every compressed changelog under /usr/share/doc, one job each, with nothing but curl, and checks the sum.
#
#   npx millrace dev                        in one terminal
#   bash examples/changelog-lines.sh        in another
set -euo pipefail
url=${MILLRACE_URL:-http://127.0.0.1:7070}
files=(/usr/share/doc/*/changelog*.gz)
run=lines-$$-$(date +%s)

body='{"jobs":['
for file in "${files[@]}"; do
  body+="{\"command\":[\"sh\",\"-c\",\"zcat \\\"\$1\\\" | wc -l\",\"count\",\"$file\"],\"labels\":{\"run\":\"$run\"},\"retry\":{\"attempts\":2}},"
done
ids=$(curl -sf "$url/v1/jobs/batch" -H 'content-type: application/json' --data-binary @- <<<"${body%,}]}" | grep -o '"id":"[0-9a-z]*"' | cut -d'"' -f4)

total=0
for id in $ids; do
  lines=$(curl -sfN "$url/v1/jobs/$id/logs?follow=true")
  total=$((total + lines))
done
expected=$(cat "${files[@]}" | zcat | wc -l)

echo "${#files[@]} changelogs, $total lines by Millrace, $expected counted here"
[ "$total" = "$expected" ]
