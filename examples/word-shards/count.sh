#!/bin/sh
# Counts the words in this job's share of the corpus: every line whose number, modulo the number of jobs, is its own.
# Without Millrace it counts them all. What it found is in out/words.tsv.
set -eu
mkdir -p out
find corpus -type f | LC_ALL=C sort | xargs cat |
  awk -v index_="${MILLRACE_INDEX:-0}" -v count="${MILLRACE_COUNT:-1}" 'NR % count == index_' |
  LC_ALL=C tr -cs 'A-Za-z' '\n' | LC_ALL=C tr 'A-Z' 'a-z' | grep . |
  LC_ALL=C sort | uniq -c | awk '{ print $2 "\t" $1 }' > out/words.tsv
wc -l < out/words.tsv
