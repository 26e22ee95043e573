import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreAccess } from './bench-store';
import type { CommandLine } from './processes';

/** Processes of curl, and requests at once in each: what gave the most on two cores. */
const READERS = 2;
const REQUESTS = 16;
const PATH = { PATH: '/usr/local/bin:/usr/bin:/bin' };

/** What loopback and disk allow: the store's bytes to nowhere, the same bytes to the disk, and both at once. */
export type LimitName = 'GET' | 'write' | 'GET, write';

/**
 * The objects by plain requests.
 *
 * @param paths - of their URLs
 * @param target - a folder for them; without one they go nowhere
 * @param scratch - a folder for what curl is told
 */
export function getCommand(
  { endpoint, region, keys }: StoreAccess,
  paths: readonly string[],
  scratch: string,
  target?: string,
): CommandLine {
  const configs = Array.from({ length: READERS }, (_, reader) => {
    const mine = paths.filter((_path, index) => index % READERS === reader);
    const lines = [
      `aws-sigv4 = "aws:amz:${region}:s3"`,
      `user = "${keys.AWS_ACCESS_KEY_ID}:${keys.AWS_SECRET_ACCESS_KEY}"`,
      ...['silent', 'show-error', 'fail', 'parallel', `parallel-max = ${REQUESTS}`, 'create-dirs'],
      ...mine.flatMap((path) => [
        `url = "${endpoint}/${path}"`,
        `output = "${target === undefined ? '/dev/null' : join(target, path)}"`,
      ]),
    ];
    const file = join(scratch, `curl-${reader}`);
    writeFileSync(file, `${lines.join('\n')}\n`);
    return { file, many: mine.length > 0 };
  });
  const files = configs.filter(({ many }) => many).map(({ file }) => file);
  return { args: ['/bin/sh', '-c', atOnce('curl --config "$each"'), 'sh', ...files], env: PATH };
}

/** What is written: copies of one file, or all of a tree. */
export type Written =
  | { readonly kind: 'copies'; readonly file: string; readonly count: number }
  | { readonly kind: 'tree'; readonly root: string };

/** Bytes from the page cache to the disk: large files with `fsync` at their end, a tree of small ones without. */
export function writeCommand(written: Written, target: string): CommandLine {
  if (written.kind === 'tree') return { args: ['cp', '-R', written.root, target], env: PATH };
  mkdirSync(target, { recursive: true });
  const targets = Array.from({ length: written.count }, (_, index) => join(target, String(index)));
  const dd = atOnce('dd if="$from" of="$each" bs=1M conv=fsync status=none');
  return { args: ['/bin/sh', '-c', `from="$1"; shift; ${dd}`, 'sh', written.file, ...targets], env: PATH };
}

/** Runs a command for each argument at once, and fails where one of them does. */
function atOnce(command: string): string {
  return `for each in "$@"; do ${command} & all="$all $!"; done; for each in $all; do wait "$each" || exit 1; done`;
}
