#!/bin/sh
# The stories as they are now, with kcat and jq: a line each with id, state, version, number of articles and title.
#
#     apt-get install kcat jq
#     ./stories.sh BROKER:9092
#
# The latest record of a key is the story; one without a value (null) removes it.
kcat -b "$1" -t "${NEWSLOOM_TOPIC_PREFIX:-news.}stories" -C -q -e -o beginning -J -X isolation.level=read_committed |
  jq -n -r '
    reduce inputs as $record ({};
      if $record.payload == null then del(.[$record.key]) else .[$record.key] = ($record.payload | fromjson) end)
    | .[] | [.id, .state, .version, .article_count, .title] | @tsv'
