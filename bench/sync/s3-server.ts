import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

declare const __PROJECT_ROOT__: string;

type Support = typeof import('../../test/support/s3-server');

/**
 * The S3 server of the tests, bundled into a folder. What finds its tools asks for `import.meta.dirname`, which
 * `bin/load.js` does not know.
 */
export function loadS3Server(scratch: string): Support['S3Server'] {
  const folder = join(__PROJECT_ROOT__, 'test', 'support');
  const outfile = join(scratch, 's3-server.cjs');
  buildSync({
    entryPoints: [join(folder, 's3-server.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    define: { 'import.meta.dirname': JSON.stringify(folder) },
  });
  return (createRequire(outfile)(outfile) as Support).S3Server;
}
