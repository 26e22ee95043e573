/** Stands for a value that the cloud makes up: known only after apply. */
export const UNKNOWN = '<known after apply>';
/** Stands for a secret. */
export const SECRET = '<secret>';

/** What a rule sees of a resource, be it in an offline plan or in the engine. */
export interface PolicyResource {
  readonly urn: string;
  /** Pulumi's type token. A Kubernetes object has its provider's: `kubernetes:apps/v1:Deployment`. */
  readonly type: string;
  readonly name: string;
  /** Arguments; of a Kubernetes object, its manifest. {@link UNKNOWN} and {@link SECRET} stand for what cannot be seen. */
  readonly props: Readonly<Record<string, unknown>>;
  /** Whether the engine refuses to delete it. */
  readonly protect?: boolean;
}

/** Whether nobody can tell yet, or may tell, what the value is. */
export function isOpaque(value: unknown): boolean {
  return value === UNKNOWN || value === SECRET;
}

/** The value at a path, or what is opaque on the way to it; undefined where there is nothing. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let part = value;
  for (const key of path) {
    if (isOpaque(part)) return part;
    if (part === null || typeof part !== 'object') return undefined;
    part = (part as Record<string | number, unknown>)[key];
  }
  return part ?? undefined;
}

/** The entries of a list; none where it is no list, or not known. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The entries of a map; none where it is no map, or not known. */
export function entries(value: unknown): readonly [string, unknown][] {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : [];
}

/** A text that is known. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && !isOpaque(value) ? value : undefined;
}

/** Whether the value is the one that is wanted, or may be: what is not known breaks no rule. */
export function mayBe(value: unknown, wanted: unknown): boolean {
  return isOpaque(value) || value === wanted;
}

/** Whether there is a value, known or not. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** Groups of types that stand for many objects at a time, and are none. */
const COLLECTIONS = ['helm.sh', 'yaml', 'kustomize'];

/** API group and kind of a Kubernetes object, `core` for the first group: `apps/Deployment`, `core/Service`. */
export function objectKind({ type }: PolicyResource): string | undefined {
  const [provider, version = '', kind] = type.split(':');
  const [group] = version.split('/');
  if (provider !== 'kubernetes' || kind === undefined || COLLECTIONS.includes(group as string)) return undefined;
  return `${group}/${kind}`;
}

/** A resource in words: `NodePool l4`, `Deployment triton/triton-resnet50`. */
export function subjectOf(resource: PolicyResource): string {
  const { type, name, props } = resource;
  const kind = type.split(':').at(-1) as string;
  if (objectKind(resource) === undefined) return `${kind} ${name}`;
  const own = text(at(props, 'metadata', 'name')) ?? name.split('/').at(-1);
  const namespace = text(at(props, 'metadata', 'namespace'));
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${own}`;
}

/** A Kubernetes object's label; undefined where it has none. */
export function label({ props }: PolicyResource, key: string): unknown {
  return at(props, 'metadata', 'labels', key);
}

/** A Kubernetes object's annotation; undefined where it has none. */
export function annotation({ props }: PolicyResource, key: string): unknown {
  return at(props, 'metadata', 'annotations', key);
}
