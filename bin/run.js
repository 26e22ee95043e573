#!/usr/bin/env node
// Runs a command of the project from its TypeScript source: `node bin/run.js preview dev`.

const { load } = require('./load.js');

const [command, ...args] = process.argv.slice(2);
const COMMANDS = {
  preview: 'preview/cli.ts',
  model: 'bin/model-cli.ts',
  pipeline: 'bin/pipeline-cli.ts',
  versions: 'bin/versions-cli.ts',
  sandbox: 'sandbox/cli.ts',
  'bench-preview': 'bench/preview/main.ts',
  'bench-synth': 'bench/synth/main.ts',
  'bench-sandbox': 'bench/sandbox/main.ts',
  'bench-lint': 'bench/lint/main.ts',
  'bench-sync': 'bench/sync/main.ts',
  'bench-autoscale': 'bench/autoscale/main.ts',
};

const entry = COMMANDS[command];
if (entry === undefined) {
  console.error(`No such command: ${command}. Allowed: ${Object.keys(COMMANDS).join(', ')}.`);
  process.exit(2);
}

// A reader that has seen enough (`| head`) closes the pipe.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
});

load(entry)
  .main(args)
  .then(
    (code) => {
      process.exitCode = code;
    },
    (error) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
