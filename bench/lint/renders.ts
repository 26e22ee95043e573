import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { App } from 'cdk8s';
import { dump, load, loadAll } from 'js-yaml';
import { layerBinary } from '../../bin/kubectl-layer';
import type { Manifest } from '../../constructs';
import { InputError } from '../../models/problem';
import { PEERS, type Peer } from './peers';

/** What one example or one chart renders. */
export interface Render {
  readonly name: string;
  readonly objects: readonly Manifest[];
}

const NAMESPACE = 'triton';
const HELM_MS = 60_000;

/** Every example of the project. */
export function ownRenders(root: string): Render[] {
  const bundler = createRequire(join(root, 'package.json'))('./bin/load.js') as {
    load(entry: string): Record<string, () => App>;
  };
  return readdirSync(join(root, 'examples'))
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .flatMap((file) =>
      Object.values(bundler.load(`examples/${file}`)).map((example) => ({
        name: `examples ${file.replace(/\.ts$/, '')}`,
        objects: example().charts.flatMap((chart) => chart.toJson() as Manifest[]),
      })),
    );
}

/**
 * The charts of others.
 *
 * @param folder - holds a clone of each repository, by its name
 * @param scratch - an empty folder
 * @throws InputError where a clone is not there
 */
export function peerRenders(root: string, folder: string, scratch: string): Render[] {
  const repositories = [...new Set(PEERS.map(({ repository }) => repository))];
  const missing = repositories.filter((repository) => !existsSync(join(folder, cloneName(repository))));
  if (missing.length > 0) {
    throw new InputError(
      folder,
      missing.map((repository) => ({
        key: cloneName(repository),
        reason: 'is not there',
        fix: `git clone https://github.com/${repository} ${join(folder, cloneName(repository))}`,
      })),
    );
  }
  const helm = layerBinary(root, 'helm');
  return PEERS.map((peer) => ({ name: peer.name, objects: template(helm, peer, folder, scratch) }));
}

function cloneName(repository: string): string {
  return repository.split('/')[1] ?? repository;
}

function template(helm: string, peer: Peer, folder: string, scratch: string): Manifest[] {
  const clone = join(folder, cloneName(peer.repository));
  const chart = join(scratch, peer.name.replaceAll(/\W+/g, '-'));
  cpSync(join(clone, peer.chart), chart, { recursive: true });
  withoutDependencies(chart);
  const values = peer.values.flatMap((file) => ['--values', join(clone, file)]);
  const settings = peer.set.flatMap((each) => ['--set', each]);
  const { status, stdout, stderr } = spawnSync(
    helm,
    ['template', 'example', chart, '--namespace', NAMESPACE, ...values, ...settings],
    { encoding: 'utf8', timeout: HELM_MS },
  );
  if (status !== 0) throw new Error(`helm template ${peer.chart}: ${stderr}`);
  // `json` allows a key twice, of which the last counts, as Helm does.
  const objects = loadAll(stdout, null, { json: true }) as (Manifest | null)[];
  return objects.filter((object) => object !== null).map(placed);
}

/** The charts of third parties that a chart brings along are not its own, and would have to be fetched. */
function withoutDependencies(chart: string): void {
  const file = join(chart, 'Chart.yaml');
  const { dependencies, ...own } = load(readFileSync(file, 'utf8')) as Manifest;
  if (dependencies === undefined) return;
  writeFileSync(file, dump(own));
  rmSync(join(chart, 'Chart.lock'), { force: true });
}

/** Helm applies an object that names no namespace to that of the release. */
function placed(object: Manifest): Manifest {
  return { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? NAMESPACE } };
}

/** How many of the objects make pods. */
export function workloads(objects: readonly Manifest[]): number {
  return shown(objects).filter(({ kind, spec }) => kind === 'Pod' || spec?.template?.spec !== undefined).length;
}

/** What linters are shown: the pods of a LeaderWorkerSet, a kind that they do not know, beside everything else. */
export function shown(objects: readonly Manifest[]): Manifest[] {
  return objects.flatMap((object) => (object.kind === 'LeaderWorkerSet' ? [object, ...podsOf(object)] : [object]));
}

function podsOf({ metadata, spec }: Manifest): Manifest[] {
  const { leaderTemplate, workerTemplate } = spec.leaderWorkerTemplate;
  const templates = { leader: leaderTemplate, worker: workerTemplate } as Record<string, Manifest | undefined>;
  return Object.entries(templates).flatMap(([role, template]) =>
    template === undefined
      ? []
      : [
          {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { ...template.metadata, name: `${metadata.name}-${role}`, namespace: metadata.namespace },
            spec: template.spec,
          },
        ],
  );
}
