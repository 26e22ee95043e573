/**
 * The init container's script: fetch to a staging folder, check, then rename into place, so that Triton never sees half
 * a repository. POSIX sh (busybox), with rclone beside it.
 *
 * Beside the folder `repository` it leaves `release`, the listing of what lies there: a source whose listing is the same
 * is not fetched again. With `MODEL_KEEP_PREVIOUS` the last release stays beside the new one, and `changed` names the
 * models that differ.
 *
 * Exit codes: 10 nothing at the source, 11 the fetch failed, 12 what was fetched is no model repository.
 */
export const SYNC_SCRIPT = String.raw`#!/bin/sh
set -eu

repository="$MODEL_TARGET/repository"
staging="$MODEL_TARGET/staging"
previous="$MODEL_TARGET/previous"
release="$MODEL_TARGET/release"
changed="$MODEL_TARGET/changed"
keep="$(printenv MODEL_KEEP_PREVIOUS || true)"

# Of what runs in the foreground a shell waits for the end before it heeds a signal.
child=
trap '[ -z "$child" ] || kill "$child" 2>/dev/null; exit 143' TERM INT

say() { echo "model-sync: $*"; }
fail() { code="$1"; shift; echo "model-sync: ERROR: $*" >&2; exit "$code"; }

if [ -n "$keep" ] && [ -f "$changed" ]; then
  say "going on with the release that was fetched last"
  exit 0
fi

# A container killed between the two renames below leaves the last whole tree aside: take it back first.
if [ ! -d "$repository" ] && [ -d "$previous" ]; then
  mv "$previous" "$repository"
  rm -f "$release"
fi
rm -rf "$staging" "$previous" "$release.previous" "$changed"
mkdir -p "$repository"

# Paths, sizes, times and digests as the store lists them.
list() { rclone lsf -R --files-only --format psth --use-server-modtime "$MODEL_SOURCE"; }

# A sync from a prefix that does not exist succeeds with nothing: ask first.
if ! listing="$(list)"; then
  [ -n "$(ls -A "$repository")" ] \
    || fail 11 "can't list $MODEL_SOURCE_NAME: see the lines above. Does the pod's identity hold read permission on it?"
  # A store that is down must not take servers down with it.
  say "WARNING: can't list $MODEL_SOURCE_NAME: see the lines above. Starting with what the volume holds."
  exit 0
fi
[ -n "$listing" ] \
  || fail 10 "nothing at $MODEL_SOURCE_NAME: publish the model repository there, or correct the address."

listing="$(printf '%s\n' "$listing" | sort)"
if [ "$listing" = "$(cat "$release" 2>/dev/null)" ]; then
  say "$MODEL_SOURCE_NAME is as it was"
  exit 0
fi
if [ "$listing" = "$(cat "$MODEL_TARGET/rejected" 2>/dev/null)" ]; then
  say "$MODEL_SOURCE_NAME is the release that did not load: left alone"
  exit 0
fi

if [ -n "$keep" ] && [ "$listing" != "$(cat "$MODEL_TARGET/seen" 2>/dev/null)" ]; then
  # Someone may be in the middle of publishing it.
  printf '%s\n' "$listing" > "$MODEL_TARGET/seen"
  say "$MODEL_SOURCE_NAME has changed: it is fetched when the next look finds it the same"
  exit 0
fi

say "fetching $MODEL_SOURCE_NAME"
# What the last run left is not fetched again. Links cost no space, and rclone changes no file in place: it writes
# another and renames it.
cp -al "$repository" "$staging"
rclone sync "$MODEL_SOURCE" "$staging" \
  --transfers 8 --multi-thread-streams 4 --stats 10s --stats-one-line --stats-log-level NOTICE &
child=$!
wait "$child" || fail 11 "fetching $MODEL_SOURCE_NAME failed: see the lines above. What was served before is untouched."

[ "$listing" = "$(list | sort)" ] \
  || fail 11 "$MODEL_SOURCE_NAME changed while it was fetched: someone publishes it. What was served before is untouched."

# Folders whose files are gone; object stores have no folders.
find "$staging" -depth -mindepth 1 -type d -exec rmdir {} + 2>/dev/null || true

models=0
for folder in "$staging"/*/; do
  [ -d "$folder" ] || continue
  versions=0
  for version in "$folder"*/; do
    case "$(basename "$version")" in
      *[!0-9]*) ;;
      *) [ ! -d "$version" ] || versions=$((versions + 1)) ;;
    esac
  done
  if [ "$versions" -eq 0 ] && [ -f "$folder/config.pbtxt" ]; then
    # An ensemble's version folder is empty, and object stores keep no empty folders.
    mkdir "$folder/1"
    versions=1
  fi
  [ "$versions" -eq 0 ] || models=$((models + 1))
done
[ "$models" -gt 0 ] \
  || fail 12 "$MODEL_SOURCE_NAME holds no MODEL/VERSION folder: it is no Triton model repository."

if [ -n "$keep" ]; then
  # A file that was not fetched again is the same file under another name.
  files() { (cd "$1" 2>/dev/null && find . -type f -exec ls -i {} + | sort); }
  for folder in "$staging"/*/; do
    model="$(basename "$folder")"
    [ "$(files "$folder")" = "$(files "$repository/$model")" ] || echo "$model"
  done > "$changed"
  [ ! -f "$release" ] || cp "$release" "$release.previous"
fi
# Without it the next run fetches again: right, whatever happens between the lines below.
rm -f "$release"
mv "$repository" "$previous"
mv "$staging" "$repository"
printf '%s\n' "$listing" > "$release"
[ -n "$keep" ] || rm -rf "$previous"
say "$models models in place"
`;
