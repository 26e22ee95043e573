import { shell } from './shell';

/**
 * What the sync asks of a store, by the tool that does it: three functions that `sync.sh` reads from `store.sh`. Each runs
 * in a process of its own, becomes the tool, and so ends by the signal that the tool is sent.
 *
 * - `store_get KEY FILE`: one object to a file.
 * - `store_fetch PASS PREFIX FOLDER ENTRIES`: what is not in the folder yet, in its size, below the prefix; ENTRIES names
 *   files (`llm/config.pbtxt`) and folders (`llm/1/`). It is called for each of STORE_PASSES.
 * - `store_digests FOLDER LIST OUTPUT`: lines `sha256  path` of the paths in a list.
 *
 * Errors go to standard error, in the tool's words: `class_of` in `sync.sh` knows them.
 */
export const RCLONE_STORE = shell`
# Large files go first, few at a time and each in pieces: what has arrived is checked while the next is fetched.
STORE_PASSES='large all'

# From the bucket's root, and without looking around: one request on S3, and two on GCS. Of what is not there rclone may
# say nothing, and the file is empty.
store_get() {
  printf '%s\n' "\${MODEL_STORE#*/}/$1" > "$tmp/key"
  [ "\${MODEL_STORE#*/}" != "$MODEL_STORE" ] || printf '%s\n' "$1" > "$tmp/key"
  exec rclone cat "\${MODEL_STORE%%/*}" --files-from-raw "$tmp/key" --no-traverse --s3-no-head-object \
    --retries 1 --low-level-retries 2 > "$2"
}

# A file of the right size that lies there is the right one: others were taken away before. MD5 would be a second
# digest beside ours; of files in pieces rclone would read it from the disk once more.
store_fetch() {
  [ "$1" != large ] || [ -n "$large" ] || exit 0
  { sed 's,^,+ /,; s,/$,/**,' "$4"; echo '- *'; } > "$tmp/filter"
  case "$1" in
    large) set -- "$@" --min-size 64Mi --transfers 2 --multi-thread-cutoff 64Mi --multi-thread-streams 8 ;;
    *) set -- "$@" --transfers 32 --buffer-size 4Mi ;;
  esac
  from="$MODEL_STORE/$2" to="$3"
  shift 4
  exec rclone copy "$from" "$to" --filter-from "$tmp/filter" --size-only --fast-list --ignore-checksum \
    --local-no-set-modtime --local-no-preallocate --retries 1 --stats 0 "$@"
}

store_digests() { exec rclone hashsum sha256 "$1" --files-from-raw "$2" > "$3"; }
`;

/** Of the AWS CLI. Its image has find and xargs since 2.27.51 (aws/aws-cli #9600). */
export const AWS_STORE = shell`
STORE_PASSES='all'

store_get() {
  bucket="$(printf '%s' "$MODEL_STORE" | cut -d/ -f3)"
  prefix="$(printf '%s' "$MODEL_STORE" | cut -d/ -f4-)"
  exec aws s3api get-object --bucket "$bucket" --key "$prefix\${prefix:+/}$1" "$2" > /dev/null
}

# A file of the right size that lies there is the right one: others were taken away before.
store_fetch() {
  from="$MODEL_STORE/$2" to="$3" entries="$4"
  set -- --exclude '*'
  while IFS= read -r entry; do
    case "$entry" in */) entry="$entry*" ;; esac
    set -- "$@" --include "$entry"
  done < "$entries"
  exec aws s3 sync "$from" "$to" --size-only --only-show-errors "$@"
}

store_digests() { cd "$1" && tr '\n' '\0' < "$2" | xargs -0 -r -n 16 -P 4 sha256sum > "$3"; }
`;
