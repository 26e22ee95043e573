// What `pulumi preview --policy-pack policies` runs: bundles the rules from their TypeScript source and serves them.

const { load } = require('../bin/load.js');

try {
  load('policies/pack/main.ts').main();
} catch (error) {
  // What is wrong with the stack's settings is told without a stack trace.
  if (error?.name !== 'InputError') throw error;
  console.error(error.message);
  process.exit(1);
}
