import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { InputError } from '../models/problem';
import { type HelmChart, type Image, UNRESOLVED, type UpstreamFiles } from '../models/versions';
import { runCommand } from './command';
import { imageDigest } from './image-digest';
import { replaceFile } from './replace-file';

declare const __PROJECT_ROOT__: string;

/** The versions file as it is written. */
interface VersionsFile {
  charts: Record<string, HelmChart>;
  images: Record<string, Image>;
  upstream: Record<string, UpstreamFiles>;
  kubernetes: { minimumGke: { version: string; source: string } };
}

export interface VersionsSurroundings {
  /** The versions file. */
  readonly file: string;
  readonly out: { write(text: string): unknown };
  readonly err: { write(text: string): unknown };
}

/**
 * `npm run versions -- list | resolve`: what is deployed in which version, and the digests of its images.
 *
 * @returns the exit code: 0; 1 where a digest could not be looked up; 2 for input that cannot work
 */
export async function main(
  args: readonly string[],
  surroundings: VersionsSurroundings = {
    file: join(__PROJECT_ROOT__, 'versions.json'),
    out: process.stdout,
    err: process.stderr,
  },
): Promise<number> {
  const { out, err } = surroundings;
  let code = 0;
  const program = new Command('versions').description('What is deployed in which version (versions.json).');
  program
    .command('list')
    .description('print every version and where it was looked up')
    .action(() => list(surroundings));
  program
    .command('resolve')
    .description('look up the digests of images that have none yet, and write them to the file')
    .option('--refresh', 'look up the digests of all images: tags can move')
    .option('--mirror <host=url...>', 'ask this address in place of a registry: docker.io=https://mirror.example.com')
    .action(async (options: { refresh?: true; mirror?: string[] }) => {
      code = await resolve(options, surroundings);
    });
  return (await runCommand(program, args, { out, err })) || code;
}

function read(file: string): VersionsFile {
  return JSON.parse(readFileSync(file, 'utf8')) as VersionsFile;
}

function list({ file, out }: VersionsSurroundings): void {
  const { charts, images, upstream, kubernetes } = read(file);
  const say = (what: string, version: string, source: string) => out.write(`${what}\n  ${version}\n  from ${source}\n`);
  for (const { repository, name, version, source } of Object.values(charts)) {
    say(`chart ${name}`, `${version} of ${repository}`, source);
  }
  for (const { repository, tag, digest, source } of Object.values(images)) {
    say(`image ${repository}`, `${tag}, digest ${digest}`, source);
  }
  for (const { repository, release, commit, source } of Object.values(upstream)) {
    say(`files of ${repository}`, `${release}, commit ${commit}`, source);
  }
  say('Kubernetes of GKE', `${kubernetes.minimumGke.version} or newer`, kubernetes.minimumGke.source);
}

async function resolve(
  { refresh, mirror = [] }: { readonly refresh?: true; readonly mirror?: readonly string[] },
  { file, out, err }: VersionsSurroundings,
): Promise<number> {
  const mirrors = new Map(mirror.map(parseMirror));
  const versions = read(file);
  const wanted = Object.entries(versions.images).filter(([, { digest }]) => refresh || digest === UNRESOLVED);
  if (wanted.length === 0) {
    out.write('Every image has its digest.\n');
    return 0;
  }
  let failed = 0;
  for (const [key, image] of wanted) {
    const name = `${image.repository}:${image.tag}`;
    out.write(`${name}\n`);
    try {
      const digest = await imageDigest(image, { mirrors });
      const moved = image.digest !== UNRESOLVED && image.digest !== digest;
      out.write(moved ? `  ${digest}, was ${image.digest}: the tag has moved\n` : `  ${digest}\n`);
      versions.images[key] = { ...image, digest };
    } catch (error) {
      failed += 1;
      err.write(`  ${(error as Error).message}\n`);
    }
  }
  const found = wanted.length - failed;
  if (found > 0) replaceFile(file, `${JSON.stringify(versions, null, 2)}\n`, 0o666);
  out.write(`${found} of ${wanted.length} digests found; ${found > 0 ? 'versions.json is' : 'nothing was'} written.\n`);
  return failed > 0 ? 1 : 0;
}

function parseMirror(text: string): [string, string] {
  const [host = '', url = ''] = text.split(/=(.*)/);
  if (host !== '' && URL.canParse(url) && /^https?:/.test(url)) return [host, url];
  throw new InputError('command line', [
    {
      key: '--mirror',
      value: text,
      reason: 'is not a registry and the address to ask in its place',
      allowed: 'HOST=URL, for example docker.io=https://mirror.example.com',
    },
  ]);
}
