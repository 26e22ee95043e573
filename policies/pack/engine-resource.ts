import { Secret, UnknownValueError } from '@pulumi/policy';
import { type PolicyResource, SECRET, UNKNOWN } from '../resource';

/** What the engine tells a policy of a resource. */
export interface EngineResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: the SDK's own type
  readonly props: Record<string, any>;
  readonly opts: { readonly protect: boolean };
}

type Path = readonly string[];

/**
 * The resource as rules see it. The SDK throws where somebody reads what is not known yet, and hands out secrets in clear.
 *
 * @param secrets - where secrets lie, from {@link secretPaths}
 */
export function policyResource(
  { urn, type, name, props, opts }: EngineResource,
  secrets: readonly Path[],
): PolicyResource {
  const plain = plainValue(props) as Record<string, unknown>;
  for (const path of secrets) hide(plain, path);
  return { urn, type, name, props: plain, ...(opts.protect && { protect: true }) };
}

/** Keys are those of an index of a list as well. */
function plainValue(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  const read = (key: string | number) => {
    try {
      return plainValue((value as Record<string | number, unknown>)[key]);
    } catch (error) {
      if (error instanceof UnknownValueError) return UNKNOWN;
      throw error;
    }
  };
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, index) => read(index));
  return Object.fromEntries(Object.keys(value).map((key) => [key, read(key)]));
}

/** Where secrets lie in the arguments that a remediation is given: there the SDK keeps them apart, behind its proxies. */
export function secretPaths(props: object): Path[] {
  return Object.entries(Object.getOwnPropertyDescriptors(props)).flatMap(([key, descriptor]): Path[] => {
    const { value } = descriptor as PropertyDescriptor;
    if (value instanceof Secret) return [[key]];
    if (value === null || typeof value !== 'object') return [];
    return secretPaths(value).map((rest) => [key, ...rest]);
  });
}

function hide(props: Record<string, unknown>, path: Path): void {
  const above = path
    .slice(0, -1)
    .reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], props);
  if (above !== null && typeof above === 'object') (above as Record<string, unknown>)[path.at(-1) as string] = SECRET;
}
