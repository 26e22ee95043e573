import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { cacheFolder } from '../../bin/cache-folder';
import { installOnce, runInstaller } from '../../bin/install';
import { Progress } from '../../bin/progress';
import { ROOT } from './environment-file';

const PROGRESS = new Progress({ write: (text) => process.stdout.write(text) });
const PACKAGE = join(ROOT, 'node_modules', '@sparticuz', 'chromium', 'package.json');
const LAUNCH_MS = 240_000;

/**
 * Unpacks the browser that the package carries. It does so below the temporary folder, and takes the libraries along that
 * a plain system lacks (NSS, expat) where it believes to run at AWS.
 */
const UNPACK = "import chromium from '@sparticuz/chromium'; await chromium.executablePath();";
const BELIEVES_AWS = { AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x' };

/**
 * A headless Chromium that needs nothing of the system but glibc. It has the fonts that come with it, and no other: text
 * is as wide on one machine as on the next. Who launches it closes it.
 */
export async function launchChromium(): Promise<Browser> {
  const home = cacheFolder('chromium', [PACKAGE]);
  await installOnce(home, 'Unpacking Chromium (once, a few seconds)', PROGRESS, () => unpack(home));
  return chromium.launch({
    executablePath: join(home, 'chromium'),
    timeout: LAUNCH_MS,
    args: ['--disable-gpu', '--font-render-hinting=none'],
    env: {
      ...environment(),
      LD_LIBRARY_PATH: join(home, 'al2023', 'lib'),
      FONTCONFIG_FILE: join(home, 'own-fonts.conf'),
    },
  });
}

async function unpack(home: string): Promise<void> {
  const env = { ...BELIEVES_AWS, TMPDIR: home };
  await runInstaller(process.execPath, ['--input-type=module', '--eval', UNPACK], PROGRESS, { cwd: ROOT, env });
  mkdirSync(join(home, 'fonts-cache'));
  writeFileSync(
    join(home, 'own-fonts.conf'),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(home, 'fonts')}</dir>
  <cachedir>${join(home, 'fonts-cache')}</cachedir>
</fontconfig>
`,
  );
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
