import { join } from 'node:path';
import { cacheFolder } from '../../bin/cache-folder';
import { installOnce, installPackages } from '../../bin/install';
import { Progress } from '../../bin/progress';

const PROGRESS = new Progress({ write: (text) => process.stdout.write(text) });

interface Requirements {
  /** Of the folder that they are installed into. */
  readonly name: string;
  readonly file: string;
  /** Files that it refers to. @default none */
  readonly also?: readonly string[];
  readonly pipFlags: readonly string[];
}

const TOOLS: Requirements = {
  name: 'test-tools',
  file: join(import.meta.dirname, '..', 'requirements.txt'),
  pipFlags: [],
};
const TRITON: Requirements = {
  name: 'triton',
  file: join(import.meta.dirname, '..', 'requirements-triton.txt'),
  // What it names as dependencies is for its Python interface, of which nothing is used.
  pipFlags: ['--no-deps'],
};

const PIPELINES: Requirements = {
  name: 'test-pipelines',
  file: join(import.meta.dirname, '..', 'requirements-pipelines.txt'),
  also: [join(import.meta.dirname, '..', '..', 'pipelines', 'requirements.txt')],
  pipFlags: [],
};

/** The path of a tool of test/requirements.txt. */
export function pythonTool(name: string): string {
  return join(home(TOOLS), 'bin', name);
}

/** The virtual environment with test/requirements-triton.txt. */
export function tritonEnvironment(): string {
  return home(TRITON);
}

/** The path of a program of test/requirements-pipelines.txt: `python` has kfp, and all that steps need in their images. */
export function pipelineTool(name: string): string {
  return join(home(PIPELINES), 'bin', name);
}

/** Installs the tools once, before all tests. */
export default async function setup(): Promise<void> {
  for (const requirements of [TOOLS, TRITON, PIPELINES]) await install(requirements);
}

function home({ name, file, also = [] }: Requirements): string {
  return cacheFolder(name, [file, ...also]);
}

async function install(requirements: Requirements): Promise<void> {
  const { file, pipFlags } = requirements;
  const target = home(requirements);
  await installOnce(target, `Installing ${file} (once)`, PROGRESS, () =>
    installPackages(target, [...pipFlags, '--requirement', file], PROGRESS),
  );
}
