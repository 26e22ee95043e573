import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

/** The project's folder, which the bundler fills in. */
declare const __PROJECT_ROOT__: string;

/** The style and the script of the page, as they stand in it. */
export interface PageAssets {
  readonly style: string;
  readonly script: string;
}

let built: PageAssets | undefined;

/** Bundles page/style.css and page/main.ts: some ten milliseconds, once a process. */
export function pageAssets(): PageAssets {
  built ??= build();
  return built;
}

function build(): PageAssets {
  const folder = join(__PROJECT_ROOT__, 'preview', 'html', 'page');
  const { outputFiles } = buildSync({
    entryPoints: [join(folder, 'style.css'), join(folder, 'main.ts')],
    bundle: true,
    minify: true,
    write: false,
    outdir: folder,
    format: 'iife',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
  });
  const ending = (extension: string) => {
    const file = outputFiles.find(({ path }) => path.endsWith(extension));
    if (file === undefined) throw new Error(`esbuild made no ${extension} of ${folder}`);
    return file.text.trim();
  };
  return { style: ending('.css'), script: ending('.js') };
}

/**
 * What the page may do: use its own style and script, known by their digests. Nothing is loaded, sent or framed, so
 * that no name in a plan can make it do anything else.
 */
export function contentSecurityPolicy({ style, script }: PageAssets): string {
  const digest = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return [
    "default-src 'none'",
    `style-src ${digest(style)}`,
    `script-src ${digest(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}
