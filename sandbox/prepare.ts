import type { Progress } from '../bin/progress';
import { openEnvironment, planOf } from '../preview/build-plan';
import type { KubernetesObject, Plan } from '../preview/plan';
import type { Environment } from '../stacks/environment/environment';
import { KWOK_RIGHTS, missingNamespaces, modelClaims, storageClasses } from './cluster-objects';
import { customKind, Definitions, UPSTREAM_VARIABLE } from './definitions';
import { SandboxFailure } from './failure';
import { growingPools, nodes } from './node-objects';
import { type SimulatedPool, simulatedPools } from './pools';
import { triedObjects } from './told-rules';

/** Which environment a sandbox is for. */
export interface Wanted {
  readonly name: string;
  /** The folder of the `Pulumi.<name>.yaml` files. */
  readonly folder: string;
  /** Its nodes, storage classes and definitions alone: somebody else applies its objects. */
  readonly bare: boolean;
  /** A namespace whose pods somebody else runs. @default none: all pods are simulated */
  readonly unsimulated?: string;
}

/** All that a sandbox for an environment consists of. */
export interface Prepared {
  readonly wanted: Wanted;
  readonly environment: Environment;
  readonly plan: Plan;
  readonly pools: readonly SimulatedPool[];
  /** What a cluster brings: definitions of custom resources, storage classes, nodes, namespaces of others. */
  readonly ground: readonly KubernetesObject[];
  /** The pools that the autoscaler grows, as Karpenter knows them. */
  readonly growing: readonly KubernetesObject[];
  readonly definitions: readonly KubernetesObject[];
  /** Claims that others make in the servers' namespace. */
  readonly claims: readonly KubernetesObject[];
  /** What the environment's charts render, with rules that it breaks itself told and not held. */
  readonly objects: readonly KubernetesObject[];
}

/**
 * @param root - the project's folder
 * @throws InputError where the environment's file cannot work; SandboxFailure where a definition is not to be had
 */
export async function prepare(wanted: Wanted, root: string, progress: Progress): Promise<Prepared> {
  const { config, environment } = openEnvironment(wanted.folder, wanted.name);
  const plan = await planOf(environment, config);
  const pools = simulatedPools(environment);
  const growing = growingPools(pools);
  const rendered = triedObjects(environment, plan);
  const definitions = definitionsFor([...growing, ...rendered], root, progress);
  return {
    wanted,
    environment,
    plan,
    pools,
    growing,
    definitions,
    ground: [
      ...definitions,
      ...KWOK_RIGHTS,
      ...storageClasses(environment, plan),
      ...pools.flatMap(nodes),
      ...missingNamespaces(plan),
    ],
    claims: wanted.bare ? [] : modelClaims(environment),
    objects: wanted.bare ? [] : rendered,
  };
}

/** The definitions of the custom resources among these objects. */
function definitionsFor(objects: readonly KubernetesObject[], root: string, progress: Progress): KubernetesObject[] {
  const names = [...new Set(objects.flatMap((object) => customKind(object) ?? []))].sort();
  if (names.length === 0) return [];
  const known = Definitions.open(root, progress);
  // Karpenter does not start without the others of its own.
  const needed = names.some((name) => name.startsWith('karpenter.sh/'))
    ? [...new Set([...names, ...known.names.filter((name) => name.startsWith('karpenter.'))])]
    : names;
  return needed.map((name) => {
    const definition = known.of(name);
    if (definition !== undefined) return definition;
    throw new SandboxFailure(
      `no definition of ${name} is at hand. Set ${UPSTREAM_VARIABLE} to a folder with crds/PROJECT/*.yaml that has it`,
    );
  });
}
