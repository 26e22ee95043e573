import { join } from 'node:path';
import { cacheFolder } from '../../bin/cache-folder';
import { installOnce, installPackages } from '../../bin/install';
import { Progress } from '../../bin/progress';

const PROGRESS = new Progress({ write: (text) => process.stdout.write(text) });

interface Requirements {
  /** Of the folder that they are installed into. */
  readonly name: string;
  readonly file: string;
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

/** The path of a tool of test/requirements.txt. */
export function pythonTool(name: string): string {
  return join(home(TOOLS), 'bin', name);
}

/** The virtual environment with test/requirements-triton.txt. */
export function tritonEnvironment(): string {
  return home(TRITON);
}

/** Installs the tools once, before all tests. */
export default async function setup(): Promise<void> {
  for (const requirements of [TOOLS, TRITON]) await install(requirements);
}

function home({ name, file }: Requirements): string {
  return cacheFolder(name, [file]);
}

async function install(requirements: Requirements): Promise<void> {
  const { file, pipFlags } = requirements;
  const target = home(requirements);
  await installOnce(target, `Installing ${file} (once)`, PROGRESS, () =>
    installPackages(target, [...pipFlags, '--requirement', file], PROGRESS),
  );
}
