// What Pulumi runs (`main` in Pulumi.yaml): bundles the program from its TypeScript source and registers its resources.

const { load } = require('../bin/load.js');

// Pulumi calls an exported function, and waits for what it returns.
module.exports = load('stacks/main.ts').main;
