#!/bin/sh
# Speak a text with kcat alone, and print its event.
#
#     examples/kcat.sh HOST:PORT "Text to speak"
set -eu
brokers=$1 text=$2
id="kcat-$(date +%s)-$$"
start=$(date +%s)

# A quote or a backslash in the text must not end the JSON string.
escaped=$(printf %s "$text" | sed 's/\\/\\\\/g; s/"/\\"/g')
printf '{"text": "%s", "request_id": "%s"}\n' "$escaped" "$id" | kcat -b "$brokers" -P -t tts.requests -k "$id"

# From a minute before, since the broker's clock may differ from ours; for two minutes at most.
while [ $(($(date +%s) - start)) -lt 120 ]; do
    for topic in tts.completed tts.failed; do
        kcat -b "$brokers" -C -t "$topic" -o "s@$((start - 60))000" -e -q | grep "\"$id\"" && exit
    done
    sleep 1
done
echo "no outcome within two minutes; is a worker running?" >&2
exit 1
