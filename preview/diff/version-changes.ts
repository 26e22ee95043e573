import type { KubernetesObject, Plan, PlannedResource } from '../plan';
import { upstreamSources } from '../upstream-sources';
import type { VersionChange } from './plan-diff';

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Fields = any;

type Version = readonly [kind: VersionChange['kind'], name: string, version: string];

/** Images, charts and upstream manifests whose versions differ, sorted by kind and name. */
export function versionChanges(before: Plan | undefined, after: Plan | undefined): VersionChange[] {
  const old = byName(before);
  const now = byName(after);
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .map((key): VersionChange => {
      const [kind, name] = key.split(' ') as [VersionChange['kind'], string];
      return { kind, name, before: [...(old.get(key) ?? [])].sort(), after: [...(now.get(key) ?? [])].sort() };
    })
    .filter((change) => change.before.join() !== change.after.join());
}

function byName(plan: Plan | undefined): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [kind, name, version] of plan === undefined ? [] : versionsOf(plan)) {
    const key = `${kind} ${name}`;
    found.set(key, (found.get(key) ?? new Set()).add(version));
  }
  return found;
}

function versionsOf({ charts, resources }: Plan): Version[] {
  return [
    ...charts.flatMap(({ objects }) => objects.flatMap(imagesOf)).map(imageVersion),
    ...resources.flatMap(resourceVersion),
  ];
}

/** The images of an object's pods. */
export function imagesOf(object: KubernetesObject): string[] {
  const { spec } = object as Fields;
  const pod = object.kind === 'Pod' ? spec : spec?.template?.spec;
  return [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])].flatMap(({ image }: Fields) => image ?? []);
}

/** `nvcr.io/nvidia/tritonserver:25.10-py3@sha256:...`: a colon in front of a slash is a registry's port. */
function imageVersion(image: string): Version {
  const [, name = image, tag, digest] = /^(.+?)(?::([^/]+)|@(.+))?$/.exec(image) ?? [];
  return ['image', name, tag ?? digest ?? 'latest'];
}

function resourceVersion({ type, inputs }: PlannedResource): Version[] {
  const fields = inputs as Fields;
  if (type === 'kubernetes:helm.sh/v3:Release') return [['chart', String(fields.chart), String(fields.version)]];
  const address = String(fields.directory ?? fields.file ?? '');
  return upstreamSources(address).map(({ repository, commit }): Version => ['upstream', repository, commit]);
}
