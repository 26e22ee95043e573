/**
 * The sidecar's script: looks for a new release, has the server load what changed in it, and goes back to the last one
 * where the server refuses. POSIX sh (busybox), with the script of the sync beside it.
 *
 * A server that refuses a new release of a model goes on serving the old one; the old files have to lie there again
 * before it loads anything else.
 */
export const WATCH_SCRIPT = String.raw`#!/bin/sh
set -u

repository="$MODEL_TARGET/repository"
previous="$MODEL_TARGET/previous"
release="$MODEL_TARGET/release"

say() { echo "model-watch: $*"; }

# What runs in the foreground would hold the signal back.
trap 'exit 0' TERM INT
pause() { sleep "$1" & wait $!; }

load() {
  wget -q -O /dev/null -T "$WATCH_LOAD_SECONDS" --header "$LOAD_KEY_HEADER: $(cat "$LOAD_KEY_FILE")" --post-data '{}' \
    "$WATCH_SERVER/v2/repository/models/$1/load"
}

# The models that are served, among those that changed.
changed() { for model in $WATCH_MODELS; do grep -qx "$model" "$MODEL_TARGET/changed" && echo "$model"; done; }

look() {
  MODEL_KEEP_PREVIOUS=1 sh "$WATCH_SYNC" || { say "the sync failed: the next look is in $WATCH_SECONDS s"; return; }
  [ -d "$previous" ] || return 0
  for model in $(changed); do
    if load "$model"; then say "$model: loaded"; continue; fi
    say "ERROR: the server does not load the new $model: see its log. Going back to the last release." >&2
    mv "$repository" "$MODEL_TARGET/staging"
    mv "$previous" "$repository"
    mv "$release" "$MODEL_TARGET/rejected"
    [ ! -f "$release.previous" ] || mv "$release.previous" "$release"
    for again in $(changed); do load "$again" || say "ERROR: $again: does not load any more" >&2; done
    rm -rf "$MODEL_TARGET/staging"
    return
  done
  rm -rf "$previous" "$release.previous" "$MODEL_TARGET/rejected"
}

while :; do
  pause "$WATCH_SECONDS"
  look
done
`;
