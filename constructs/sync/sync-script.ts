import { shell } from './shell';

/**
 * The sync: fetches a published release (`models/release-manifest.ts`) to a staging folder, checks every digest, and puts
 * it in the place of the last by renaming a link, so that Triton never sees half a repository. POSIX sh and coreutils or
 * busybox, with `store.sh` beside it (`store-scripts.ts`).
 *
 * On the volume: `repository`, a link to the release that is served; `releases/ID`, whole releases, and `releases/ID.list`
 * with digest, size and path of their files; `staging`, while one is fetched; `metrics/metrics.txt`. With `MODEL_WATCH` the
 * last release stays beside the new one, and `pending` says what has changed; `rejected` has the release that did not load.
 *
 * Exit codes: 0 the release is in place; 10 nothing is published there; 11 the store did not answer; 12 what is published
 * is broken; 13 no permission; 14 no space; 15 it was published over while it was fetched; 143 ended by a signal.
 * With `MODEL_FALLBACK` a release that the volume holds is served in place of one that can't be had, with a warning and 0.
 */
export const SYNC_SCRIPT = shell`
#!/bin/sh
set -u
export LC_ALL=C
umask 022

target="$MODEL_TARGET"
repository="$target/repository"
releases="$target/releases"
staging="$target/staging"
pending="$target/pending"
pin="\${MODEL_RELEASE:-}"
watch="\${MODEL_WATCH:-}"
selection="\${MODEL_SELECTION:-}"
# Hundredths of a second.
clock() { read -r up _ < /proc/uptime; echo "\${up%.*}\${up#*.}"; }
# Of those, in seconds.
seconds() { echo "$(($1 / 100)).$(($1 % 100 / 10))$(($1 % 10))"; }
started="$(clock)"
tmp="$(mktemp -d)"
fetched_bytes=0
version=

say() { echo "model-sync: $*"; }
warn() { echo "model-sync: WARNING: $*" >&2; }

# Of what runs in the foreground a shell waits for the end before it heeds a signal; a signal that does not end it ends
# the wait alone.
child= follower=
run() {
  "$@" & child=$!
  wait "$child"
  result=$?
  while kill -0 "$child" 2>/dev/null; do wait "$child"; result=$?; done
  child=
  return "$result"
}
stop() {
  trap '' TERM INT
  for process in $child $follower; do kill "$process" 2>/dev/null; done
  wait
  exit 143
}
trap stop TERM INT
trap 'rm -rf "$tmp"' EXIT

# COMMAND...: with the lines of standard input as further arguments.
each() { tr '\n' '\0' | xargs -0 -r "$@"; }

. "\${0%/*}/store.sh"

# The release that is served.
held() { held="$(readlink "$repository" 2>/dev/null)" && held="\${held##*/}" && [ -d "$releases/$held" ]; }

# Whether all files of a release lie there, in their sizes.
intact() {
  [ -d "$releases/$1" ] && [ -f "$releases/$1.list" ] || return 1
  wanted="$(cut -d' ' -f2- "$releases/$1.list")"
  found="$(cut -d' ' -f3- "$releases/$1.list" | (cd "$releases/$1" && each stat -c '%s %n') 2>/dev/null)"
  [ "$wanted" = "$found" ]
}

# RESULT: what the last run did, and for the last run that fetched: how long, and how much.
write_metrics() {
  now="$(date +%s)"
  took="$(seconds $(($(clock) - started)))"
  mkdir -p "$target/metrics" || return
  if [ "$1" = fetched ]; then
    {
      echo '# HELP model_sync_fetch_seconds Duration of the last run that put a new release in place.'
      echo '# TYPE model_sync_fetch_seconds gauge'
      echo "model_sync_fetch_seconds $took"
      echo '# HELP model_sync_fetch_bytes Bytes that the last run which put a new release in place had fetched.'
      echo '# TYPE model_sync_fetch_bytes gauge'
      echo "model_sync_fetch_bytes $fetched_bytes"
    } > "$target/metrics/fetch"
  fi
  if [ "$1" = fetched ] || [ "$1" = unchanged ]; then echo "$now" > "$target/metrics/success"; fi
  {
    echo '# HELP model_sync_result What the last run did: 1 for its result.'
    echo '# TYPE model_sync_result gauge'
    for each in fetched unchanged rejected fallback not-found unavailable broken denied no-space changed; do
      echo "model_sync_result{result=\"$each\"} $([ "$each" = "$1" ] && echo 1 || echo 0)"
    done
    echo '# HELP model_sync_duration_seconds Duration of the last run.'
    echo '# TYPE model_sync_duration_seconds gauge'
    echo "model_sync_duration_seconds $took"
    echo '# HELP model_sync_last_run_timestamp_seconds When the last run ended.'
    echo '# TYPE model_sync_last_run_timestamp_seconds gauge'
    echo "model_sync_last_run_timestamp_seconds $now"
    echo '# HELP model_sync_last_success_timestamp_seconds When a run last found or put in place what is published.'
    echo '# TYPE model_sync_last_success_timestamp_seconds gauge'
    echo "model_sync_last_success_timestamp_seconds $(cat "$target/metrics/success" 2>/dev/null || echo 0)"
    echo '# HELP model_sync_release_info The release that is in place.'
    echo '# TYPE model_sync_release_info gauge'
    held && echo "model_sync_release_info{release=\"\${held%.*.*}\"} 1"
    cat "$target/metrics/fetch" 2>/dev/null
  } > "$target/metrics/metrics.new"
  mv -f "$target/metrics/metrics.new" "$target/metrics/metrics.txt"
}

result_of() {
  case "$1" in
    10) echo not-found ;; 11) echo unavailable ;; 12) echo broken ;; 13) echo denied ;; 14) echo no-space ;;
    *) echo changed ;;
  esac
}

# CODE MESSAGE
fail() {
  echo "model-sync: ERROR: $2" >&2
  if [ -n "\${MODEL_FALLBACK:-}" ] && held && [ "\${held##*.}" = "$scope" ] && intact "$held"; then
    if [ -z "$pin" ] || [ "\${held%.*.*}" = "$pin" ]; then
      warn "starting with release \${held%.*.*}, which the volume holds"
      write_metrics fallback
      exit 0
    fi
  fi
  ! held || echo "model-sync: release \${held%.*.*} is untouched" >&2
  write_metrics "$(result_of "$1")"
  exit "$1"
}

# The class of the error in $tmp/errors, in the words of rclone and of the AWS CLI.
class_of() {
  if grep -qi 'no space left on device' "$tmp/errors"; then class=14
  elif grep -qiE 'NoSuchBucket|NoSuchKey|(directory|object|bucket) not found|not ?found|StatusCode: 404|\(404\)' "$tmp/errors"; then class=10
  elif grep -qiE 'AccessDenied|Access Denied|Forbidden|StatusCode: 40[13]|\(40[13]\)|Error 40[13]|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|InvalidIdentityToken|Unauthorized|credentials|invalid_grant|AssumeRole' "$tmp/errors"; then class=13
  else class=11
  fi
}

# What has failed, by its class, for the message.
reason_of() {
  case "$1" in
    10) echo "nothing is published at $MODEL_SOURCE_NAME\${pin:+ as release $pin}: $key is not there. Publish it: npm run model -- publish DIR $MODEL_SOURCE_NAME\${pin:+ --release $pin}" ;;
    11) echo "$MODEL_SOURCE_NAME does not answer, or not in time: see the lines above" ;;
    13) echo "no permission to read $MODEL_SOURCE_NAME: see the lines above. Does the pod's identity hold read and list permission on it? Without the latter AWS answers 403 for what is not there, too" ;;
    14) echo "no space left on the volume while $MODEL_SOURCE_NAME was fetched: someone else writes there" ;;
  esac
}

# COMMAND...: again after pauses that double, while the store does not answer.
patiently() {
  pause="\${MODEL_PAUSE_SECONDS:-2}"
  left="\${MODEL_ATTEMPTS:-6}"
  while :; do
    run "$@" 2> "$tmp/errors" && return 0
    tail -n 5 "$tmp/errors" >&2
    class_of
    left=$((left - 1))
    if [ "$class" -ne 11 ] || [ "$left" -le 0 ]; then return "$class"; fi
    warn "$MODEL_SOURCE_NAME does not answer: again in $pause s, $left more times"
    run sleep "$pause"
    pause=$((pause * 2))
  done
}

key="\${pin:+releases/$pin/manifest}"
key="\${key:-current}"
scope="$(printf '%s' "$selection" | sha256sum | cut -c1-8)"

# FILE: the manifest, whole.
read_manifest() {
  { read -r format; read -r _ version; } < "$1"
  [ "$format" = 'triton-stack-release 1' ] || return 1
  case "$version" in '' | *[!A-Za-z0-9._-]* | .*) return 1 ;; esac
  digest="$(tail -n 1 "$1" | cut -d' ' -f4)"
  tail -n 1 "$1" | grep -q '^end ' && [ "$digest" = "$(sed '$d' "$1" | sha256sum | cut -d' ' -f1)" ]
}

# Writes what is served of the manifest: digest, size and path to $tmp/list, empty folders to $tmp/folders.
select_served() {
  sed -n 's/^file //p' "$tmp/manifest" > "$tmp/files"
  sed -n 's/^dir //p' "$tmp/manifest" > "$tmp/dirs"
  all="$({ cut -d' ' -f3- "$tmp/files"; cat "$tmp/dirs"; } | cut -d/ -f1 | sort -u)"
  : > "$tmp/list"
  : > "$tmp/folders"
  [ -n "$selection" ] || selection="$(printf '%s\n' "$all" | sed 's/$/=all/')"
  for each in $selection; do
    model="\${each%%=*}" which="\${each#*=}"
    name="$(printf '%s' "$model" | sed 's/[.]/\\./g')"
    grep "^[^ ]* [^ ]* $name/" "$tmp/files" > "$tmp/model-files"
    grep "^$name/" "$tmp/dirs" > "$tmp/model-dirs"
    numbers="$({ cut -d' ' -f3- "$tmp/model-files"; cat "$tmp/model-dirs"; } \
      | sed -n "s,^$name/\([1-9][0-9]*\)/.*,\1,p; s,^$name/\([1-9][0-9]*\)\$,\1,p" | sort -un)"
    [ -n "$numbers" ] || fail 12 "release $version at $MODEL_SOURCE_NAME has no version of the model $model. It has: $(echo $all)"
    case "$which" in
      all) served="$numbers" ;;
      latest:*) served="$(printf '%s\n' "$numbers" | tail -n "\${which#*:}")" ;;
      *) served="$(printf '%s\n' "$which" | tr , '\n')" ;;
    esac
    grep -v "^[^ ]* [^ ]* $name/[1-9][0-9]*/" "$tmp/model-files" >> "$tmp/list"
    for number in $served; do
      printf '%s\n' "$numbers" | grep -qx "$number" \
        || fail 12 "release $version at $MODEL_SOURCE_NAME has no version $number of $model. It has: $(echo $numbers)"
      grep "^[^ ]* [^ ]* $name/$number/" "$tmp/model-files" >> "$tmp/list"
      grep -x "$name/$number\(/.*\)\{0,1\}" "$tmp/model-dirs" >> "$tmp/folders"
    done
  done
  sort -o "$tmp/list" "$tmp/list"
  # The entries of the models' folders that hold them, for the store.
  cut -d' ' -f3- "$tmp/list" | sed 's,^\([^/]*/[^/]*/\).*,\1,' | sort -u > "$tmp/entries"
  # As sha256sum writes it, sorted: what all comparisons are made with.
  sed 's/^\([^ ]*\) [^ ]* /\1  /' "$tmp/list" | sort > "$tmp/wanted"
}

# Of the staging folder, all paths from there.
files() { (cd "$staging" && find . -type f | cut -c3-); }
remove() { (cd "$staging" && each rm -f); }

# Fills the staging folder with what is right already, of the release that is served or of an interrupted run, and removes
# from it what is not. Nothing is ever changed in place.
prepare() {
  : > "$tmp/have"
  if [ ! -d "$staging" ] && [ -n "$held" ]; then
    # Links cost no space. A file system without them has copies.
    cp -al "$releases/$held" "$staging" 2>/dev/null || { rm -rf "$staging"; cp -a "$releases/$held" "$staging"; } \
      || fail 14 "can't write to the volume: see the lines above"
    ! intact "$held" || sed 's/^\([^ ]*\) [^ ]* /\1  /' "$releases/$held.list" | sort > "$tmp/have"
  fi
  if [ -d "$staging" ] && [ ! -s "$tmp/have" ]; then
    say 'checking what the volume holds already'
    files > "$tmp/arrived"
    [ ! -s "$tmp/arrived" ] || run store_digests "$staging" "$tmp/arrived" "$tmp/have" \
      || fail 12 "can't read what the volume holds: see the lines above"
    sort -o "$tmp/have" "$tmp/have"
  fi
  mkdir -p "$staging" || fail 14 "can't write to the volume: see the lines above"
  comm -13 "$tmp/wanted" "$tmp/have" | cut -c67- | remove
  missing_bytes=0 large= base_kib="$(du -sk "$staging" | cut -f1)"
  while read -r digest size path; do
    [ -f "$staging/$path" ] && continue
    missing_bytes=$((missing_bytes + size))
    [ "$size" -lt 67108864 ] || large=1
    printf '%s  %s\n' "$digest" "$path"
  done < "$tmp/list" > "$tmp/todo"
  sort -o "$tmp/todo" "$tmp/todo"
}

# KIB, in words.
amount() {
  if [ "$1" -ge 1048576 ]; then echo "$(($1 / 1048576)).$(($1 % 1048576 * 10 / 1048576)) GiB"
  elif [ "$1" -ge 1024 ]; then echo "$(($1 / 1024)) MiB"
  else echo "$1 KiB"
  fi
}

# Before a byte is fetched: whether the volume holds what is missing, and a block more a file.
check_space() {
  need=$((missing_bytes / 1024 + 4 * $(wc -l < "$tmp/todo")))
  free="$(df -Pk "$target" | tail -n 1 | tr -s ' ' | cut -d' ' -f4)"
  if [ -n "\${MODEL_LIMIT_KIB:-}" ]; then
    left=$((MODEL_LIMIT_KIB - $(du -sk "$target" | cut -f1)))
    [ "$free" -lt "$left" ] || free="$left"
  fi
  [ "$need" -le "$free" ] || {
    rm -rf "$staging"
    fail 14 "release $version of $MODEL_SOURCE_NAME needs $(amount "$need") more, and the volume has $(amount "$free") left: make it larger (workload.volumeGib, or the model's size in its spec), or publish less"
  }
}

# Checks what has arrived of $tmp/todo, and takes it from there; what is wrong goes.
check_arrived() {
  while read -r _ path; do [ ! -f "$staging/$path" ] || printf '%s\n' "$path"; done < "$tmp/todo" > "$tmp/arrived"
  [ -s "$tmp/arrived" ] || return 0
  run store_digests "$staging" "$tmp/arrived" "$tmp/digests" || return 0
  sort -o "$tmp/digests" "$tmp/digests"
  comm -13 "$tmp/todo" "$tmp/digests" > "$tmp/wrong"
  if [ -s "$tmp/wrong" ]; then
    while read -r digest path; do
      expected="$(sed 's/^\([^ ]*\) \([^ ]*\) /\1 \2 bytes /' "$tmp/list" | grep -F " bytes $path" | head -n 1 | cut -d' ' -f1-2)"
      echo "$path is $digest $(stat -c %s "$staging/$path"), the manifest says $expected (sha256, bytes)"
    done < "$tmp/wrong" >> "$tmp/wrong-digests"
    cut -c67- "$tmp/wrong" | remove
  fi
  comm -23 "$tmp/todo" "$tmp/digests" > "$tmp/todo.new"
  mv "$tmp/todo.new" "$tmp/todo"
}

# Beside the fetch: checks what has arrived, and says how far it is.
follow() {
  ended= child=
  trap 'ended=1' USR1
  trap 'kill $child 2>/dev/null; exit 143' TERM
  trap - EXIT
  said="$(date +%s)" before=0
  while [ -z "$ended" ]; do
    sleep 2 & child=$!
    wait "$child"
    kill "$child" 2>/dev/null
    [ -z "$ended" ] || break
    check_arrived
    now="$(date +%s)"
    [ $((now - said)) -ge "\${MODEL_PROGRESS_SECONDS:-10}" ] || continue
    done_kib=$(($(du -sk "$staging" 2>/dev/null | cut -f1) - base_kib))
    rate=$(((done_kib - before) / (now - said)))
    line="$(amount "$done_kib") of $(amount $((missing_bytes / 1024))), $(amount "$rate")/s"
    [ "$rate" -le 0 ] || line="$line, $(((missing_bytes / 1024 - done_kib) / rate)) s left"
    say "$line"
    said="$now" before="$done_kib"
  done
}

# Fetches what is missing, once.
fetch() {
  follow & follower=$!
  fetched=0
  for pass in $STORE_PASSES; do
    run store_fetch "$pass" "releases/$version" "$staging" "$tmp/entries" 2> "$tmp/errors" || { fetched=$?; break; }
  done
  kill -USR1 "$follower" 2>/dev/null
  wait "$follower" 2>/dev/null
  follower=
  check_arrived
  return "$fetched"
}

# Fetches until all is there and right.
fetch_all() {
  pause="\${MODEL_PAUSE_SECONDS:-2}" left="\${MODEL_ATTEMPTS:-6}" broken=0
  say "fetching release $version of $MODEL_SOURCE_NAME: $(amount $((missing_bytes / 1024))) in $(wc -l < "$tmp/todo" | tr -d ' ') files"
  while :; do
    : > "$tmp/wrong-digests"
    fetch && class=12 || { class_of; tail -n 5 "$tmp/errors" >&2; }
    [ -s "$tmp/todo" ] || return 0
    [ ! -s "$tmp/wrong-digests" ] || class=12
    left=$((left - 1))
    case "$class" in
      11) [ "$left" -gt 0 ] || fail 11 "$(reason_of 11)" ;;
      10 | 12)
        # Once more, in case it was on the way that it broke.
        broken=$((broken + 1))
        [ "$broken" -le 1 ] || fail_broken
        ;;
      *) fail "$class" "$(reason_of "$class")" ;;
    esac
    warn "$(wc -l < "$tmp/todo" | tr -d ' ') files are not there yet: again in $pause s"
    run sleep "$pause"
    pause=$((pause * 2))
  done
}

fail_broken() {
  run store_get "$key" "$tmp/again" 2>/dev/null
  [ "$(cat "$tmp/again" 2>/dev/null)" = "$(cat "$tmp/manifest")" ] \
    || fail 15 "$MODEL_SOURCE_NAME was published over while it was fetched: the next run takes what is there then"
  head -n 5 "$tmp/wrong-digests" >&2
  [ ! -s "$tmp/wrong-digests" ] \
    || fail 12 "release $version of $MODEL_SOURCE_NAME is not what its manifest says: see the lines above. Publish it again under another version"
  fail 12 "release $version of $MODEL_SOURCE_NAME lacks $(head -n 1 "$tmp/todo" | cut -c67-), which its manifest names. Publish it again under another version"
}

# Takes what is in the staging folder for the release, with nothing in it that the manifest does not name.
finish_staging() {
  files | sort > "$tmp/found"
  cut -d' ' -f3- "$tmp/list" | sort | comm -13 - "$tmp/found" | remove
  (cd "$staging" && find . -depth -mindepth 1 -type d | each rmdir 2>/dev/null)
  while IFS= read -r folder; do mkdir -p "$staging/$folder"; done < "$tmp/folders"
  cp "$tmp/list" "$releases/$id.list.new"
  mv -f "$releases/$id.list.new" "$releases/$id.list"
  sync -f "$target" 2>/dev/null || sync
  rm -rf "\${releases:?}/$id"
  mv "$staging" "$releases/$id"
}

# Models whose files differ between the release that is served and the new one.
changed_models() {
  for model in $(cut -d' ' -f3- "$tmp/list" | cut -d/ -f1 | sort -u); do
    [ "$(grep "^[^ ]* [^ ]* $model/" "$releases/$held.list")" = "$(grep "^[^ ]* [^ ]* $model/" "$tmp/list")" ] || echo "$model"
  done
}

# Triton loads what is newer than what it has: what differs is, whenever it was uploaded or first fetched.
renew() {
  [ -f "$releases/$held.list" ] || return
  (
    cd "$releases/$id" || exit
    comm -23 "$tmp/list" "$releases/$held.list" | cut -d' ' -f3- | each touch
    changed_models | while read -r model; do find "$model" -type d | each touch; done
  )
}

# Points the link to a release: one rename.
point_to() {
  [ -L "$repository" ] || rm -rf "$repository"
  rm -f "$repository.new"
  ln -s "releases/$1" "$repository.new" && mv -T "$repository.new" "$repository"
  sync -f "$target" 2>/dev/null || sync
}

# KEEP...: removes all other releases.
prune() {
  for each in "$releases"/*; do
    name="\${each##*/}"
    name="\${name%.list}"
    case " $* " in *" $name "*) ;; *) rm -rf "$each" ;; esac
  done
}

# What an interrupted run may have left, and all releases but the one that is served and, with MODEL_KEEP, the one before.
clean_up() {
  held
  rm -rf "$staging" "$repository.new" "$pending.new" "$target/metrics/metrics.new"
  prune "$held" "\${MODEL_KEEP:+$(cat "$target/previous" 2>/dev/null)}"
}

mkdir -p "$releases" || fail 14 "can't write to $target"

if [ -n "$watch" ] && [ -f "$pending" ]; then
  read -r id _ < "$pending"
  if [ -d "$releases/$id" ]; then
    held && [ "$held" = "$id" ] || point_to "$id"
    say "going on with release \${id%.*.*}"
    exit 0
  fi
fi
rm -f "$pending"

patiently store_get "$key" "$tmp/manifest" || fail "$class" "$(reason_of "$class")"
[ -s "$tmp/manifest" ] || fail 10 "$(reason_of 10)"
read_manifest "$tmp/manifest" \
  || fail 12 "$key at $MODEL_SOURCE_NAME is no whole manifest of a release: $(wc -c < "$tmp/manifest" | tr -d ' ') bytes. Publish it again: npm run model -- publish"
[ -z "$pin" ] || [ "$version" = "$pin" ] || fail 12 "$key at $MODEL_SOURCE_NAME is the manifest of release $version"

id="$version.\${digest%"\${digest#????????????}"}.$scope"
if held && [ "$held" = "$id" ] && intact "$id"; then
  say "release $version is in place"
  clean_up
  write_metrics unchanged
  exit 0
fi
if [ "$id" = "$(cat "$target/rejected" 2>/dev/null)" ]; then
  say "release $version is the one that did not load: left alone"
  write_metrics rejected
  exit 0
fi

select_served
held || held=
if ! intact "$id"; then
  # Only the release that is served stays: the next is fetched beside it.
  prune "$held"
  prepare
  check_space
  [ ! -s "$tmp/todo" ] || fetch_all
  fetched_bytes="$missing_bytes"
  finish_staging
fi
renew
if [ -n "$watch" ] && [ -n "$held" ]; then
  { echo "$id $held"; changed_models; } > "$pending.new"
  mv -f "$pending.new" "$pending"
fi
point_to "$id"
echo "$held" > "$target/previous"
[ -n "$watch" ] || clean_up
write_metrics fetched
say "release $version is in place: $(cut -d' ' -f3- "$tmp/list" | cut -d/ -f1 | sort -u | wc -l | tr -d ' ') models, $(wc -l < "$tmp/list" | tr -d ' ') files"
`;
