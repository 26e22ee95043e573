import { shell } from './shell';

/**
 * The sidecar's script: looks for a new release, has the server load what changed in it, and goes back to the last one
 * where the server refuses. POSIX sh (busybox), with the script of the sync beside it.
 *
 * A server that refuses a new release of a model goes on serving the old one; the old files have to lie there again
 * before it loads anything else.
 */
export const WATCH_SCRIPT = shell`
#!/bin/sh
set -u

repository="$MODEL_TARGET/repository"
releases="$MODEL_TARGET/releases"
pending="$MODEL_TARGET/pending"

say() { echo "model-watch: $*"; }

# Of what runs in the foreground a shell waits for the end before it heeds a signal.
child=
trap '[ -z "$child" ] || kill "$child" 2>/dev/null; exit 0' TERM INT
run() { "$@" & child=$!; wait "$child"; }

alive() { run wget -q -O /dev/null -T 10 "$WATCH_SERVER/v2/health/live" 2>/dev/null; }
load() {
  run wget -q -O /dev/null -T "$WATCH_LOAD_SECONDS" --header "$LOAD_KEY_HEADER: $(cat "$LOAD_KEY_FILE")" \
    --post-data '{}' "$WATCH_SERVER/v2/repository/models/$1/load"
}

# What is to be loaded: the first line names the new release and the last, the others the models that changed.
pending() { [ -f "$pending" ] && read -r new last < "$pending" && [ "$last" != "$new" ] && [ -d "$releases/$last" ]; }
# The models that are served, among those that changed.
served() { for model in $WATCH_MODELS; do sed 1d "$pending" | grep -qxF "$model" && echo "$model"; done; }

go_back() {
  say "ERROR: $1. Going back to the last release." >&2
  rm -f "$repository.new"
  ln -s "releases/$last" "$repository.new" && mv -T "$repository.new" "$repository"
  echo "$new" > "$MODEL_TARGET/rejected"
  for again in $(served); do
    # Triton loads what is newer than what it has, and these are not.
    find "$repository/$again/" -exec touch {} +
    load "$again" || say "ERROR: $again: does not load any more" >&2
  done
  # First what says that there is something to do: the sync takes away what is left.
  rm -f "$pending"
  rm -rf "\${releases:?}/$new" "$releases/$new.list"
}

missed=0
look() {
  if ! alive; then
    # It starts, or ends: what lies there is loaded at its start. A release that it does not start with goes back.
    missed=$((missed + WATCH_SECONDS))
    [ "$missed" -gt "$WATCH_LOAD_SECONDS" ] && pending && go_back "the server does not come up with the new release"
    say "the server does not answer: the next look is in $WATCH_SECONDS s"
    return
  fi
  missed=0
  run env MODEL_WATCH=1 MODEL_FALLBACK= sh "$WATCH_SYNC" || { say "the sync failed: the next look is in $WATCH_SECONDS s"; return; }
  pending || return 0
  for model in $(served); do
    if load "$model"; then say "$model: loaded"; continue; fi
    # A server that has gone has refused nothing.
    alive || return 0
    go_back "the server does not load the new $model: see its log"
    return
  done
  rm -f "$pending" "$MODEL_TARGET/rejected"
  rm -rf "\${releases:?}/$last" "$releases/$last.list"
}

while :; do
  run sleep "$WATCH_SECONDS"
  look
done
`;
