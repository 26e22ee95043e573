import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cacheFolder } from '../bin/cache-folder';
import { onPath } from '../bin/on-path';
import type { Progress } from '../bin/progress';
import { commandLock } from './command-lock';
import { SandboxFailure } from './failure';
import { KARPENTER_PATCHES, KWOK_PATCHES, type ToolPatch } from './tool-patches';

/** The programs of a sandbox. */
export type ToolName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok' | 'karpenter';
/** The paths of the programs. */
export type ToolPaths = Readonly<Record<ToolName, string>>;

interface Tool<Name extends string = string> {
  readonly name: Name;
  /** The Go package with its `main`. */
  readonly pkg: string;
  /** The module whose version is the program's. */
  readonly module: string;
  /** The line of `--version` that tells the version, for programs that can be had ready-made. */
  readonly tells?: (version: string) => string;
  readonly patches?: readonly ToolPatch[];
}

const KUBERNETES = 'k8s.io/kubernetes';
const kubernetes = (name: ToolName): Tool<ToolName> => ({
  name,
  pkg: `${KUBERNETES}/cmd/${name}`,
  module: KUBERNETES,
  tells: (version) => `Kubernetes ${version}`,
});

/** Programs that one Go module pins. */
export interface Toolset<Name extends string = string> {
  /** The module's folder in `sandbox/tools`. */
  readonly module: string;
  /** In the order that they are built in: the first compile most of what the others need. */
  readonly tools: readonly Tool<Name>[];
}

/** What a sandbox consists of. */
export const CLUSTER_TOOLS: Toolset<ToolName> = {
  module: 'kubernetes',
  tools: [
    kubernetes('kube-apiserver'),
    kubernetes('kube-controller-manager'),
    kubernetes('kube-scheduler'),
    {
      name: 'etcd',
      pkg: 'go.etcd.io/etcd/server/v3',
      module: 'go.etcd.io/etcd/server/v3',
      tells: (version) => `etcd Version: ${version.slice(1)}`,
    },
    {
      name: 'kwok',
      pkg: 'sigs.k8s.io/kwok/cmd/kwok',
      module: 'sigs.k8s.io/kwok',
      patches: KWOK_PATCHES,
      tells: (version) => `kwok version ${version}`,
    },
    // Its kwok provider is published as source alone.
    {
      name: 'karpenter',
      pkg: 'sigs.k8s.io/karpenter/kwok',
      module: 'sigs.k8s.io/karpenter',
      patches: KARPENTER_PATCHES,
    },
  ],
};

/** Longest wait for another process that builds the same. */
const BUILD_MS = 40 * 60_000;
const VERSION_MS = 20_000;

/** Finds the programs, and builds those that are not there. */
export class Toolbox<Name extends string> {
  /** The module that pins the programs. */
  private readonly source: string;
  private readonly folder: string;
  private readonly goMod: string;

  /** @param root - the project's folder */
  constructor(
    root: string,
    private readonly toolset: Toolset<Name>,
  ) {
    this.source = join(root, 'sandbox', 'tools', toolset.module);
    const files = [join(this.source, 'go.mod'), join(this.source, 'go.sum')];
    this.goMod = readFileSync(join(this.source, 'go.mod'), 'utf8');
    this.folder = cacheFolder('sandbox-tools', files, JSON.stringify(toolset.tools), process.platform, process.arch);
  }

  /** The version of a module that the programs are built from: `v1.34.4`. */
  version(module: string): string {
    const name = module.replaceAll('.', '\\.');
    // What replaces a module stands first.
    const [, version] = new RegExp(`^\\s*(?:${name} => )?${name} (v\\S+)`, 'm').exec(this.goMod) ?? [];
    if (version === undefined) throw new Error(`${this.source}/go.mod names no ${module}`);
    return version;
  }

  get kubernetesVersion(): string {
    return this.version(KUBERNETES);
  }

  /**
   * The paths of all programs: those of the right version on PATH, those that were built before, and the rest built now.
   *
   * @throws SandboxFailure where Go is missing or a build fails
   */
  async find(progress: Progress): Promise<Readonly<Record<Name, string>>> {
    const { tools } = this.toolset;
    const paths = new Map<Name, string>();
    for (const tool of tools) {
      const path = this.present(tool);
      if (path !== undefined) paths.set(tool.name, path);
    }
    const missing = tools.filter(({ name }) => !paths.has(name));
    if (missing.length > 0) {
      await this.buildAll(missing, progress);
      for (const { name } of missing) paths.set(name, this.built(name));
    }
    return Object.fromEntries(paths) as Record<Name, string>;
  }

  private built(name: string): string {
    return join(this.folder, name);
  }

  private present(tool: Tool): string | undefined {
    const built = this.built(tool.name);
    if (existsSync(built)) return built;
    const found = tool.tells && onPath(tool.name);
    if (!found || !tool.tells) return undefined;
    try {
      const said = execFileSync(found, ['--version'], { encoding: 'utf8', timeout: VERSION_MS, stdio: 'pipe' });
      const line = tool.tells(this.version(tool.module));
      return said.split('\n').some((each) => each === line || each.startsWith(`${line} `)) ? found : undefined;
    } catch {
      return undefined;
    }
  }

  private async buildAll(tools: readonly Tool[], progress: Progress): Promise<void> {
    const names = tools.map(
      ({ name, module, tells }) => `${name} ${this.version(module)}${tells ? '' : ' (as source only)'}`,
    );
    requireGo(`${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} to be built once.`);
    const release = await commandLock(`${this.folder}.lock`, BUILD_MS, 'builds the same programs', progress);
    try {
      const left = tools.filter(({ name }) => !existsSync(this.built(name)));
      if (left.length === 0) return;
      mkdirSync(this.folder, { recursive: true });
      progress.line(`Building ${left.map(({ name }) => name).join(', ')} (once, some minutes) into ${this.folder}`);
      for (const tool of left) await this.build(tool, progress);
    } finally {
      release();
    }
  }

  private async build(tool: Tool, progress: Progress): Promise<void> {
    const version = this.version(tool.module);
    const partial = `${this.built(tool.name)}.partial`;
    const scratch = join(this.folder, 'scratch');
    // Left by a build that was killed.
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch);
    try {
      const patched = tool.patches ? [`-modfile=${this.patch(tool, tool.patches, scratch)}`] : [];
      const flags = ['-trimpath', '-ldflags', linkerFlags(tool, version), ...patched, '-o', partial];
      const said: string[] = [];
      let compiled = 0;
      const code = await goLines(['build', '-v', ...flags, tool.pkg], this.source, (line) => {
        if (line.startsWith('go: downloading ')) progress.now(`${tool.name}: fetching ${line.slice(16)}`);
        // With -v Go prints the packages that it compiles.
        else if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) {
          compiled += 1;
          progress.now(`${tool.name}: ${compiled} packages compiled`);
        } else said.push(line);
      });
      if (code !== 0) throw goFailed(`building ${tool.name}`, said);
      renameSync(partial, this.built(tool.name));
      progress.done(`built ${tool.name} ${version}, ${compiled} packages`);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
      rmSync(partial, { force: true });
    }
  }

  /** A copy of the tool's module with the changes, and a go.mod that takes it: Go builds nothing else from it. */
  private patch(tool: Tool, patches: readonly ToolPatch[], scratch: string): string {
    const copy = join(scratch, 'module');
    cpSync(moduleFolder(tool.module, this.source), copy, { recursive: true });
    // Go's cache of modules is read-only.
    execFileSync('chmod', ['-R', 'u+w', copy]);
    for (const { file, from, to } of patches) {
      const path = join(copy, file);
      const text = readFileSync(path, 'utf8');
      if (!text.includes(from)) {
        throw new SandboxFailure(
          `${tool.module} ${this.version(tool.module)}: ${file} says no longer "${from}"; see sandbox/tool-patches.ts`,
        );
      }
      writeFileSync(
        path,
        text.replaceAll(from, () => to),
      );
    }
    const others = this.goMod.split('\n').filter((line) => !line.startsWith(`\t${tool.module} => `));
    writeFileSync(join(scratch, 'go.mod'), `${others.join('\n')}\nreplace ${tool.module} => ${copy}\n`);
    copyFileSync(join(this.source, 'go.sum'), join(scratch, 'go.sum'));
    return join(scratch, 'go.mod');
  }
}

/** Kubernetes takes its version from the linker. */
function linkerFlags({ module }: Tool, version: string): string {
  if (module !== KUBERNETES) return '-s -w';
  const [major, minor] = version.slice(1).split('.');
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  return [
    '-s -w',
    ...packages.flatMap((each) => Object.entries(values).map(([key, value]) => `-X ${each}.${key}=${value}`)),
  ].join(' ');
}

/** The folder of a module of `source`, fetched where it is not there. */
export function moduleFolder(module: string, source: string): string {
  const said = go(['mod', 'download', '-json', module], source);
  return (JSON.parse(said) as { Dir: string }).Dir;
}

const GO_ENVIRONMENT = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
const DOWNLOAD_MS = 10 * 60_000;

function go(args: readonly string[], cwd: string): string {
  try {
    const env = { ...process.env, ...GO_ENVIRONMENT };
    return execFileSync('go', args, {
      cwd,
      env,
      encoding: 'utf8',
      timeout: DOWNLOAD_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string };
    throw goFailed(`go ${args.join(' ')}`, `${stderr}${stdout}` === '' ? [message] : `${stderr}${stdout}`.split('\n'));
  }
}

async function goLines(args: readonly string[], cwd: string, onLine: (line: string) => void): Promise<number | null> {
  const child = spawn('go', args, {
    cwd,
    env: { ...process.env, ...GO_ENVIRONMENT },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: BUILD_MS,
  });
  createInterface({ input: child.stderr }).on('line', onLine);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', done);
  });
}

function goFailed(what: string, said: readonly string[]): SandboxFailure {
  const text = said
    .filter((line) => line.trim() !== '')
    .slice(-12)
    .join('\n  ');
  return new SandboxFailure(`${what} failed:\n  ${text}`);
}

/**
 * @param what - what Go is needed for, as a sentence
 * @throws SandboxFailure where there is no `go` on PATH
 */
export function requireGo(what: string): void {
  if (onPath('go') !== undefined) return;
  throw new SandboxFailure(
    `Go is missing: ${what}\nInstall Go 1.26.4 or newer (https://go.dev/doc/install) so that \`go\` is on PATH.`,
  );
}
