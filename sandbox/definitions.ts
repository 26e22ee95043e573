import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { cacheFolder } from '../bin/cache-folder';
import type { Progress } from '../bin/progress';
import { InputError } from '../models/problem';
import type { KubernetesObject } from '../preview/plan';
import { moduleFolder, requireGo } from './tools';

/** Where modules keep their definitions of custom resources. */
const IN_MODULES: readonly {
  readonly source: 'crds' | 'kubernetes';
  readonly module: string;
  readonly folders: readonly string[];
}[] = [
  {
    source: 'crds',
    module: 'github.com/openshift/api',
    folders: ['route/v1/zz_generated.crd-manifests', 'security/v1/zz_generated.crd-manifests'],
  },
  { source: 'crds', module: 'sigs.k8s.io/gateway-api', folders: ['config/crd/standard'] },
  { source: 'crds', module: 'github.com/kedacore/keda/v2', folders: ['config/crd/bases'] },
  {
    source: 'crds',
    module: 'github.com/prometheus-operator/prometheus-operator',
    folders: ['example/prometheus-operator-crd'],
  },
  { source: 'crds', module: 'github.com/external-secrets/external-secrets', folders: ['config/crds/bases'] },
  { source: 'kubernetes', module: 'sigs.k8s.io/karpenter', folders: ['pkg/apis/crds', 'kwok/apis/crds'] },
];

/** A folder with `crds/PROJECT/*.yaml` of projects that no Go module carries. */
export const UPSTREAM_VARIABLE = 'TRITON_STACK_UPSTREAM';

interface Definition extends KubernetesObject {
  readonly spec: { readonly group: string; readonly names: { readonly kind: string } };
}

/** The definitions of custom resources that can be had, by group and kind. */
export class Definitions {
  private constructor(private readonly files: ReadonlyMap<string, string>) {}

  /**
   * Those of Go modules, kept beside the programs once they were fetched, and those of the folder that
   * {@link UPSTREAM_VARIABLE} names.
   *
   * @param root - the project's folder
   * @throws SandboxFailure where they have to be fetched and Go is missing
   */
  static open(root: string, progress: Progress): Definitions {
    const folder = fromModules(root, progress);
    const upstream = process.env[UPSTREAM_VARIABLE];
    const projects = upstream === undefined ? [] : upstreamFolders(upstream);
    const files = new Map<string, string>();
    for (const file of [folder, ...projects].flatMap(yamlFiles)) {
      for (const name of definedIn(file)) files.set(name, file);
    }
    return new Definitions(files);
  }

  /** What is known: `route.openshift.io/Route`. */
  get names(): string[] {
    return [...this.files.keys()].sort();
  }

  /** The definition of `group/Kind`, or undefined where nobody here has it. */
  of(name: string): KubernetesObject | undefined {
    const file = this.files.get(name);
    return file === undefined ? undefined : definitionsIn(file).find((each) => nameOf(each) === name);
  }
}

/** `monitoring.coreos.com/PodMonitor` for an object, or undefined for what Kubernetes itself defines. */
export function customKind({ apiVersion, kind }: KubernetesObject): string | undefined {
  const [group = ''] = apiVersion.split('/');
  return apiVersion.includes('/') && group.includes('.') && !BUILT_IN.test(group) ? `${group}/${kind}` : undefined;
}

/** Groups of the API server's own: those of a project below k8s.io have a name of their own (gateway.networking.k8s.io). */
const BUILT_IN =
  /^(admissionregistration|apiextensions|apiregistration|authentication|authorization|certificates|coordination|discovery|events|flowcontrol\.apiserver|internal\.apiserver|networking|node|rbac\.authorization|resource|scheduling|storage|storagemigration)\.k8s\.io$/;

function fromModules(root: string, progress: Progress): string {
  const tools = (name: string) => join(root, 'sandbox', 'tools', name);
  const sums = ['crds', 'kubernetes'].map((name) => join(tools(name), 'go.sum'));
  const folder = cacheFolder('sandbox-definitions', sums, JSON.stringify(IN_MODULES));
  if (existsSync(folder)) return folder;
  requireGo('it builds the programs of the sandbox, and fetches the definitions of custom resources, once.');
  progress.line('Fetching definitions of custom resources (once)');
  const staging = `${folder}.${process.pid}`;
  mkdirSync(staging, { recursive: true });
  try {
    for (const { source, module, folders } of IN_MODULES) {
      const from = moduleFolder(module, tools(source));
      for (const file of folders.flatMap((each) => yamlFiles(join(from, each)))) {
        for (const definition of definitionsIn(file)) {
          writeFileSync(join(staging, `${definition.metadata.name}.yaml`), JSON.stringify(definition));
        }
      }
    }
    renameSync(staging, folder);
  } catch (error) {
    // Another process was first.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return folder;
}

function upstreamFolders(upstream: string): string[] {
  const folder = join(upstream, 'crds');
  if (!existsSync(folder)) {
    throw new InputError('environment', [
      {
        key: UPSTREAM_VARIABLE,
        value: upstream,
        reason: 'has no folder crds',
        allowed: 'a folder with crds/PROJECT/*.yaml',
        fix: 'correct it, or unset it',
      },
    ]);
  }
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
}

function yamlFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => join(folder, name));
}

function definitionsIn(file: string): Definition[] {
  const text = readFileSync(file, 'utf8');
  const documents = text.startsWith('{') ? [JSON.parse(text)] : (loadAll(text) as (Definition | null)[]);
  return documents.filter((each): each is Definition => each?.kind === 'CustomResourceDefinition');
}

/** By its text: reading all of them as YAML takes seconds. */
function definedIn(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  if (text.startsWith('{')) return [nameOf(JSON.parse(text) as Definition)];
  return /^kind: CustomResourceDefinition$/m.test(text) ? definitionsIn(file).map(nameOf) : [];
}

function nameOf({ spec }: Definition): string {
  return `${spec.group}/${spec.names.kind}`;
}
