// Bundles one TypeScript entry with esbuild and loads it: about 50 ms, and never out of date, because it is done on
// every start. Types are not checked here: `npm run typecheck` does that. Packages stay outside of the bundle, so that
// there is one @pulumi/pulumi in the process: the engine's own.

const path = require('node:path');
const { pathToFileURL } = require('node:url');
const Module = require('node:module');
const { buildSync } = require('esbuild');

const ROOT = path.resolve(__dirname, '..');

/** Loads `entry` (a path from the project's root) and returns its exports. */
function load(entry) {
  const file = path.join(ROOT, entry);
  const { outputFiles } = buildSync({
    entryPoints: [file],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
    define: { __PROJECT_ROOT__: JSON.stringify(ROOT), 'import.meta.url': JSON.stringify(pathToFileURL(file).href) },
  });
  const bundled = new Module(file, module);
  bundled.filename = file;
  bundled.paths = Module._nodeModulePaths(path.dirname(file));
  bundled._compile(outputFiles[0].text, file);
  return bundled.exports;
}

module.exports = { load, ROOT };
