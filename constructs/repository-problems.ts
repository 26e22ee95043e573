import type { Problem } from '../models/problem';
import { fileBytes } from '../models/size';
import { sum } from '../models/sum';
import type { ModelRepositoryProps, RepositoryStorage } from './model-repository';
import { sourceProblems } from './model-source-problems';
import { ownNameProblems } from './own-name-problems';

/** A CronJob adds 11 characters to its name, and a Job of ours 9 (Kubernetes documentation, "CronJob"). */
const LONGEST_NAME = 52;
const FIELD = /^[\dA-Z*/,-]+$/i;
/** Of one Hyperdisk ML, MiB a second (Compute Engine documentation, "About Hyperdisk ML", size and performance limits). */
const THROUGHPUT = { least: 400, most: 1_200_000 } as const;

/** What cannot work in a repository's props, all of it. */
export function repositoryProblems(props: ModelRepositoryProps): Problem[] {
  const { models, source, platform, storage } = props;
  const [first] = models;
  if (first === undefined) return [{ key: 'models', reason: 'names none', fix: 'name the models that it holds' }];
  return [
    ...ownNameProblems(props, 'repository', LONGEST_NAME),
    ...sourceProblems(source, first, platform),
    ...(storage.kind === 'shared' ? sharedProblems(props, storage) : diskProblems(props, storage)),
  ];
}

function sharedProblems({ models }: ModelRepositoryProps, storage: RepositoryStorage & { kind: 'shared' }): Problem[] {
  const { gib, storageClass, refresh } = storage;
  const problems: Problem[] = [];
  if (storageClass === '') {
    problems.push({
      key: 'storage.storageClass',
      value: storageClass,
      reason: 'names no class',
      fix: 'a class of the cluster whose volumes are ReadWriteMany: kubectl get storageclass',
    });
  }
  const least = Math.ceil(sum(models.map(fileBytes)) / 1024 ** 3);
  if (gib !== undefined && !(Number.isInteger(gib) && gib >= least)) {
    problems.push({
      key: 'storage.gib',
      value: gib,
      reason: 'does not hold the models',
      allowed: `whole GiB, from ${least}; ${2 * least} and more hold a new release beside the old one`,
      fix: 'leave it out',
    });
  }
  const fields = refresh?.schedule.trim().split(/\s+/) ?? [];
  if (refresh !== undefined && !(fields.length === 5 && fields.every((each) => FIELD.test(each)))) {
    problems.push({
      key: 'storage.refresh.schedule',
      value: refresh.schedule,
      reason: 'is no schedule',
      allowed: 'minute, hour, day, month and day of the week: 0 3 * * *',
      fix: 'correct it',
    });
  }
  return problems;
}

function diskProblems(props: ModelRepositoryProps, storage: RepositoryStorage & { kind: 'hyperdisk-ml' }): Problem[] {
  const { platform, source } = props;
  const { zones, throughputMibps } = storage;
  const problems: Problem[] = [];
  if (platform !== 'gke') {
    problems.push({
      key: 'storage.kind',
      value: storage.kind,
      reason: `is a disk of Google Cloud, and the platform is ${platform}`,
      allowed: 'shared',
      fix: "storage: { kind: 'shared', storageClass }",
    });
  }
  if (source.kind !== 'gcs') {
    problems.push({
      key: 'source.kind',
      value: source.kind,
      reason: "GKE's Volume Populator fetches from Cloud Storage alone",
      allowed: 'gcs',
      fix: "publish the repository to a bucket of Cloud Storage, or take storage: { kind: 'shared', storageClass }",
    });
  }
  if (zones.length === 0 || !zones.every((zone) => /^[a-z]+-[a-z]+\d+-[a-z]$/.test(zone))) {
    problems.push({
      key: 'storage.zones',
      value: zones,
      reason: 'are no zones of Google Cloud',
      allowed: 'us-central1-a, us-central1-c, ...',
      fix: "those of the servers' node pool",
    });
  }
  const { least, most } = THROUGHPUT;
  if (
    throughputMibps !== undefined &&
    !(Number.isInteger(throughputMibps) && throughputMibps >= least && throughputMibps <= most)
  ) {
    problems.push({
      key: 'storage.throughputMibps',
      value: throughputMibps,
      reason: 'is no throughput of a Hyperdisk ML',
      allowed: `whole MiB a second, ${least} to ${most}`,
      fix: 'leave it out',
    });
  }
  return problems;
}
