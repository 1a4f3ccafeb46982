#!/usr/bin/env bash
# Counts the lines of every compressed changelog under a directory (default /usr/share/doc), one job each, with nothing but curl,
# and checks the sum.
#
#   npx millrace dev                                    in one terminal
#   bash examples/changelog-lines.sh [directory]        in another
set -euo pipefail
url=${MILLRACE_URL:-http://127.0.0.1:7070}
batch=500
files=("${1:-/usr/share/doc}"/*/changelog*.gz)

# One spec: the file is an argument of the script, never part of it.
spec() {
  printf '{"command":["sh","-c","zcat \\"$1\\" | wc -l","count","%s"],"retry":{"attempts":2},"labels":{"example":"changelog-lines"}}' "$1"
}

submit() {
  local body=''
  for file in "$@"; do body+="$(spec "$file"),"; done
  printf '{"jobs":[%s]}' "${body%,}" |
    curl -sS --fail-with-body "$url/v1/jobs/batch" -H 'content-type: application/json' --data-binary @- |
    grep -o '"id":"[0-9a-z]*"' | cut -d'"' -f4
}

ids=()
for ((from = 0; from < ${#files[@]}; from += batch)); do
  mapfile -t -O "${#ids[@]}" ids < <(submit "${files[@]:from:batch}")
done

# One request per job, all over one connection; each answer is one number on a line.
lines=$(printf "url = \"$url/v1/jobs/%s/logs?follow=true&channel=stdout\"\n" "${ids[@]}" |
  curl -sS --fail-with-body --fail-early --config -)
total=$(awk '{ total += $1 } END { print total }' <<<"$lines")
expected=$(cat "${files[@]}" | zcat | wc -l)

echo "${#files[@]} changelogs in ${#ids[@]} jobs, $total lines by Millrace, $expected counted here"
[ "$total" = "$expected" ]
