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
 * is broken; 13 no permission; 14 no space; 15 it was published over while it was fetched; 16 the volume or the tool
 * failed; 143 ended by a signal.
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
tmp="$(mktemp -d)" || { echo "model-sync: ERROR: can't write to /tmp" >&2; exit 16; }
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

# FILE: standard input, with a status that tells whether all of it was written.
put() { cat > "$1"; }
# Digest and path of standard input's lines of digest, size and path: as sha256sum writes it, sorted. What lists are compared as.
sums() { sed 's/^\([^ ]*\) [^ ]* /\1  /' | sort; }
# NAME: as a regular expression.
pattern() { printf '%s' "$1" | sed 's/[.]/[.]/g'; }

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
    for each in fetched unchanged rejected fallback not-found unavailable broken denied no-space changed local; do
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
    15) echo changed ;; *) echo local ;;
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

# FOLDER: whether its file system is full.
is_full() { [ "$(df -Pk "$1" | tail -n 1 | tr -s ' ' | cut -d' ' -f4)" -lt 1024 ]; }
# Ends where something could not be written here.
fail_here() {
  if is_full "$target" || is_full "$tmp"; then fail 14 "no space left on the volume or in /tmp"; fi
  fail 16 "$1: see the lines above"
}

# STATUS: the class of a tool's error in $tmp/errors, in the words of rclone and of the AWS CLI; names of files and of the
# store are none of them.
class_of() {
  class=11
  said="$(sed 's,^[0-9/]* [0-9:]* [A-Z]* *: [^:]*: ,,; s,s3://[^ ]*,,g; s, to [^ ]*,,' "$tmp/errors")"
  says() { printf '%s\n' "$said" | grep -qE "$1"; }
  # The AWS CLI has codes of its own from 252 on.
  case "$1" in 126 | 127 | 130 | 137 | 139 | 143) class=16; return ;; esac
  if says 'no space left on device|No space left on device' || is_full "$target" || is_full "$tmp"; then class=14
  elif says 'permission denied|read-only file system|input/output error'; then class=16
  elif says 'StatusCode: (0|429|5[0-9][0-9])|\((429|5[0-9][0-9])\)|(Error|code) (429|5[0-9][0-9])|dial tcp|no such host|connection re|timeout|Timeout|deadline exceeded|Could not connect|SlowDown'; then class=11
  elif says 'StatusCode: 404|\(404\)|(Error|code) 404|NoSuch(Key|Bucket)|(object|directory|bucket) not found'; then class=10
  elif says 'StatusCode: 40[013]|\(40[013]\)|(Error|code) 40[13]|(AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|InvalidIdentityToken)|Unable to locate credentials|could not find default credentials|no EC2 IMDS role found|invalid_grant'; then class=13
  fi
}

# What has failed, by its class, for the message.
reason_of() {
  case "$1" in
    10) echo "nothing is published at $MODEL_SOURCE_NAME\${pin:+ as release $pin}: $key is not there. Publish it: npm run model -- publish DIR $MODEL_SOURCE_NAME\${pin:+ --release $pin}" ;;
    11) echo "$MODEL_SOURCE_NAME does not answer, or not in time: see the lines above" ;;
    13) echo "no permission to read $MODEL_SOURCE_NAME: see the lines above. Does the pod's identity hold read and list permission on it? Without the latter AWS answers 403 for what is not there, too" ;;
    14) echo "no space left on the volume or in /tmp while $MODEL_SOURCE_NAME was fetched: someone else writes there" ;;
    16) echo "the tool that fetches is missing, or was killed: see the lines above" ;;
  esac
}

# COMMAND...: again after pauses that double, while the store does not answer; and a few times where it refuses, which it
# does as long as a new node has no identity to show.
patiently() {
  pause="\${MODEL_PAUSE_SECONDS:-2}"
  left="\${MODEL_ATTEMPTS:-6}"
  refusals=2
  while :; do
    run "$@" 2> "$tmp/errors" && return 0
    class_of $?
    tail -n 5 "$tmp/errors" >&2
    left=$((left - 1))
    case "$class" in
      11) ;;
      13) refusals=$((refusals - 1)); [ "$refusals" -gt 0 ] || return "$class" ;;
      *) return "$class" ;;
    esac
    [ "$left" -gt 0 ] || return "$class"
    warn "no manifest from $MODEL_SOURCE_NAME: again in $pause s, $left more times"
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

# Writes what is served of the manifest: digest, size and path to $tmp/list, digest and path to $tmp/wanted, empty folders
# to $tmp/folders, and the entries of the models' folders that hold the files, for the store, to $tmp/entries.
select_served() {
  all="$(sed -n 's/^file [^ ]* [^ ]* //p; s/^dir //p' "$tmp/manifest" | cut -d/ -f1 | sort -u)"
  [ -n "$selection" ] || selection="$(printf '%s\n' "$all" | sed 's/$/=all/')"
  rules=
  for each in $selection; do
    model="\${each%%=*}" which="\${each#*=}" name="$(pattern "\${each%%=*}")"
    numbers="$(sed -n 's/^file [^ ]* [^ ]* //p; s/^dir //p' "$tmp/manifest" \
      | sed -n "s,^$name/\([1-9][0-9]*\)/.*,\1,p; s,^$name/\([1-9][0-9]*\)\$,\1,p" | sort -un)"
    [ -n "$numbers" ] || fail 12 "release $version at $MODEL_SOURCE_NAME has no version of the model $model. It has: $(echo $all)"
    case "$which" in
      all) served="$numbers" ;;
      latest:*) served="$(printf '%s\n' "$numbers" | tail -n "\${which#*:}")" ;;
      *) served="$(printf '%s\n' "$which" | tr , '\n')" ;;
    esac
    for number in $served; do
      printf '%s\n' "$numbers" | grep -qx "$number" \
        || fail 12 "release $version at $MODEL_SOURCE_NAME has no version $number of $model. It has: $(echo $numbers)"
    done
    served="$(echo $served | tr ' ' '|')"
    rules="$rules\${rules:+|}$name/($served)(/|\$)|$name/([^1-9/]|[1-9][0-9]*[^0-9/])[^/]*(/|\$)"
  done
  {
    sed -n 's/^file //p' "$tmp/manifest" | grep -E "^[^ ]+ [^ ]+ ($rules)" | sort | put "$tmp/list" \
      && sed -n 's/^dir //p' "$tmp/manifest" | { grep -E "^($rules)" || :; } | put "$tmp/folders" \
      && sums < "$tmp/list" | put "$tmp/wanted" \
      && cut -d' ' -f3- "$tmp/list" | sed 's,^\([^/]*/[^/]*/\).*,\1,' | sort -u | put "$tmp/entries"
  } || fail_here "can't write to /tmp"
}

# Of the staging folder, all paths from there.
files() { (cd "$staging" && find . -type f | cut -c3-); }
remove() { (cd "$staging" && each rm -f); }

# Fills the staging folder with what is right already, of the release that is served or of an interrupted run, and removes
# from it what is not. Nothing is ever changed in place. What is known to be right stands in $tmp/right.
prepare() {
  put "$tmp/have" < /dev/null || fail_here "can't write to /tmp"
  if [ ! -d "$staging" ] && [ -n "$held" ]; then
    # Links cost no space. A file system without them has copies.
    cp -al "$releases/$held" "$staging" 2>/dev/null || { rm -rf "$staging"; cp -a "$releases/$held" "$staging"; } \
      || fail_here "can't write to the volume"
    ! intact "$held" || sums < "$releases/$held.list" | put "$tmp/have" || fail_here "can't write to /tmp"
  fi
  mkdir -p "$staging" || fail_here "can't write to the volume"
  files | put "$tmp/arrived" || fail_here "can't write to /tmp"
  if [ -s "$tmp/arrived" ] && [ ! -s "$tmp/have" ]; then
    say 'checking what the volume holds already'
    run store_digests "$staging" "$tmp/arrived" "$tmp/digests" || fail_here "can't read what the volume holds"
    sort "$tmp/digests" | put "$tmp/have" || fail_here "can't write to /tmp"
  fi
  comm -13 "$tmp/wanted" "$tmp/have" | cut -c67- | remove
  comm -12 "$tmp/wanted" "$tmp/have" | put "$tmp/right" || fail_here "can't write to /tmp"
  missing_bytes=0 missing_files=0 large= base_kib="$(du -sk "$staging" | cut -f1)"
  while read -r _ size path; do
    [ -f "$staging/$path" ] && continue
    missing_bytes=$((missing_bytes + size)) missing_files=$((missing_files + 1))
    [ "$size" -lt 67108864 ] || large=1
  done < "$tmp/list"
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
  need=$((missing_bytes / 1024 + 4 * missing_files))
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

# What is not known to be right yet.
todo() { comm -23 "$tmp/wanted" "$tmp/right"; }

# Checks what has arrived: what is right is noted, what is wrong goes.
check_arrived() {
  todo | while read -r _ path; do [ ! -f "$staging/$path" ] || printf '%s\n' "$path"; done | put "$tmp/arrived" || return
  [ -s "$tmp/arrived" ] || return 0
  run store_digests "$staging" "$tmp/arrived" "$tmp/digests" || return
  { sort "$tmp/digests" | comm -12 "$tmp/wanted" -; cat "$tmp/right"; } | sort -u | put "$tmp/right.new" \
    && sort "$tmp/digests" | comm -13 "$tmp/wanted" - | put "$tmp/wrong" || return
  mv "$tmp/right.new" "$tmp/right"
  [ -s "$tmp/wrong" ] || return 0
  while read -r digest path; do
    echo "$path is $digest $(stat -c %s "$staging/$path"), the manifest says $(expected "$path") (sha256, bytes)"
  done < "$tmp/wrong" >> "$tmp/wrong-digests"
  cut -c67- "$tmp/wrong" | remove
}
# PATH: digest and size that the manifest names.
expected() {
  while read -r digest size each; do
    [ "$each" != "$1" ] || echo "$digest $size"
  done < "$tmp/list"
}

# Beside the fetch: checks what has arrived, and says how far it is.
follow() {
  ended= child=
  trap 'ended=1' USR1
  trap 'kill $child 2>/dev/null; exit 143' TERM
  trap - EXIT
  spoke="$(date +%s)" before=0 slow=0
  while [ -z "$ended" ]; do
    sleep 2 & child=$!
    wait "$child"
    kill "$child" 2>/dev/null
    [ -z "$ended" ] || break
    check_arrived
    now="$(date +%s)"
    passed=$((now - spoke))
    [ "$passed" -ge "\${MODEL_PROGRESS_SECONDS:-10}" ] || continue
    done_kib=$(($(du -sk "$staging" 2>/dev/null | cut -f1) - base_kib))
    rate=$(((done_kib - before) / passed))
    line="$(amount "$done_kib") of $(amount $((missing_bytes / 1024))), $(amount "$rate")/s"
    [ "$rate" -le 0 ] || line="$line, $(((missing_bytes / 1024 - done_kib) / rate)) s left"
    say "$line"
    spoke="$now" before="$done_kib"
    # A trickle would hold a GPU for days.
    slow=$((rate < \${MODEL_LEAST_KIB:-64} ? slow + passed : 0))
    [ "$slow" -lt "\${MODEL_SLOW_SECONDS:-120}" ] && continue
    warn "less than \${MODEL_LEAST_KIB:-64} KiB/s for $slow s"
    echo slow > "$tmp/slow"
    kill "$(cat "$tmp/fetcher")" 2>/dev/null
    slow=0
  done
}

# Fetches what is missing, once.
fetch() {
  rm -f "$tmp/slow"
  follow & follower=$!
  fetched=0
  for pass in $STORE_PASSES; do
    run fetch_pass "$pass" 2> "$tmp/errors" || { fetched=$?; break; }
  done
  kill -USR1 "$follower" 2>/dev/null
  wait "$follower" 2>/dev/null
  follower=
  # Ended by the one beside it, for being slow.
  [ ! -f "$tmp/slow" ] || fetched=1
  check_arrived || fail_here "can't check what has arrived"
  return "$fetched"
}
fetch_pass() {
  sh -c 'echo "$PPID"' > "$tmp/fetcher"
  store_fetch "$1" "releases/$version" "$staging" "$tmp/entries"
}

# Fetches until all is there and right.
fetch_all() {
  pause="\${MODEL_PAUSE_SECONDS:-2}" left="\${MODEL_ATTEMPTS:-6}" broken=0
  say "fetching release $version of $MODEL_SOURCE_NAME: $(amount $((missing_bytes / 1024))) in $missing_files files"
  before="$(todo | wc -l)"
  while :; do
    put "$tmp/wrong-digests" < /dev/null
    class=12
    fetch || { class_of "$fetched"; tail -n 5 "$tmp/errors" >&2; }
    now="$(todo | wc -l)"
    [ "$now" -gt 0 ] || return 0
    [ ! -s "$tmp/wrong-digests" ] || class=12
    # Something came: patience begins again.
    [ "$now" -eq "$before" ] || { left="\${MODEL_ATTEMPTS:-6}" pause="\${MODEL_PAUSE_SECONDS:-2}"; }
    before="$now"
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
    warn "$(echo $now) files are not there yet: again in $pause s"
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
  fail 12 "release $version of $MODEL_SOURCE_NAME lacks $(todo | head -n 1 | cut -c67-), which its manifest names. Publish it again under another version"
}

# Whether a release is there as its manifest says, with its empty folders.
whole() {
  intact "$id" || return 1
  while IFS= read -r folder; do [ -d "$releases/$id/$folder" ] || return 1; done < "$tmp/folders"
}

# Takes what is in the staging folder for the release, with nothing in it that the manifest does not name.
finish_staging() {
  cut -d' ' -f3- "$tmp/list" | sort | put "$tmp/paths" && files | sort | put "$tmp/found" || fail_here "can't write to /tmp"
  comm -13 "$tmp/paths" "$tmp/found" | remove
  (cd "$staging" && find . -depth -mindepth 1 -type d | each rmdir 2>/dev/null)
  (cd "$staging" && each mkdir -p < "$tmp/folders") || fail_here "can't write to the volume"
  put "$releases/$id.list.new" < "$tmp/list" && mv -f "$releases/$id.list.new" "$releases/$id.list" \
    && { sync -f "$target" 2>/dev/null || sync; } \
    || fail_here "can't write to the volume"
  # One that was damaged goes aside: to be removed later, so that nothing is moved into what is left of it.
  { [ ! -d "$releases/$id" ] || mv -T "$releases/$id" "$releases/damaged.$$"; } && mv -T "$staging" "$releases/$id" \
    || fail_here "can't rename folders of the volume"
}

# Models whose files differ between the release that is served and the new one.
changed_models() {
  for model in $(cut -d' ' -f3- "$tmp/list" | cut -d/ -f1 | sort -u); do
    name="$(pattern "$model")"
    [ "$(grep "^[^ ]* [^ ]* $name/" "$releases/$held.list")" = "$(grep "^[^ ]* [^ ]* $name/" "$tmp/list")" ] || echo "$model"
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
  ln -s "releases/$1" "$repository.new" && mv -T "$repository.new" "$repository" && held && [ "$held" = "$1" ] \
    || fail_here "can't change the link on the volume"
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

mkdir -p "$releases" || fail_here "can't write to $target"

if [ -f "$pending" ]; then
  read -r id last < "$pending"
  if [ -n "$last" ] && [ -d "$releases/$last" ]; then
    if [ -n "$watch" ] && intact "$id"; then
      held && [ "$held" = "$id" ] || point_to "$id"
      say "going on with release \${id%.*.*}"
      exit 0
    fi
    if [ -n "$watch\${MODEL_WATCHED:-}" ] && [ -z "$pin" ] && [ "\${last##*.}" = "$scope" ] && intact "$last"; then
      # Nobody knows whether the server loads the new one: it may be what ended the last.
      point_to "$last"
      rm -f "$pending"
      if [ -z "$watch" ]; then
        say "starting with release \${last%.*.*}: \${id%.*.*} was not loaded yet, and is loaded once the server runs"
        write_metrics fallback
        exit 0
      fi
    fi
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
if [ -n "$watch\${MODEL_WATCHED:-}" ] && [ -z "$pin" ] && [ "$id" = "$(cat "$target/rejected" 2>/dev/null)" ] \
  && held && [ "\${held##*.}" = "$scope" ] && intact "$held"; then
  say "release $version is the one that did not load: left alone"
  write_metrics rejected
  exit 0
fi

select_served
held || held=
last="$held"
if ! whole; then
  # Only the release that is served stays: the next is fetched beside it.
  prune "$held"
  prepare
  check_space
  [ "$(todo | wc -l)" -eq 0 ] || fetch_all
  fetched_bytes="$missing_bytes"
  finish_staging
fi
whole || fail 16 "release $version is not on the volume as it was put there: see the lines above"
renew
echo "$last" | put "$target/previous" || fail_here "can't write to the volume"
if [ -n "$watch" ] && [ -n "$last" ] && [ "$last" != "$id" ]; then
  { echo "$id $last"; changed_models; } | put "$pending.new" && mv -f "$pending.new" "$pending" \
    || fail_here "can't write to the volume"
fi
point_to "$id"
[ -n "$watch" ] || clean_up
write_metrics fetched
say "release $version is in place: $(cut -d' ' -f3- "$tmp/list" | cut -d/ -f1 | sort -u | wc -l | tr -d ' ') models, $(wc -l < "$tmp/list" | tr -d ' ') files"
`;
