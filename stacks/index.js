// What Pulumi runs (`main` in Pulumi.yaml): bundles the program from its TypeScript source and registers its resources.

const { load } = require('../bin/load.js');

module.exports = load('stacks/main.ts').main();
