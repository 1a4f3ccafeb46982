#!/bin/sh
# Adds up counts as count.sh prints them, those of all words first.
awk -F '\t' '{ sum[$1] += $2 } END { for (word in sum) print word "\t" sum[word] }' | LC_ALL=C sort
