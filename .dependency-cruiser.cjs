// The import rule: models <- constructs <- charts <- stacks <- preview <- sandbox; policies look at plain objects.
'use strict';

/** A folder may import itself and those before it. */
const ORDER = ['models', 'constructs', 'charts', 'stacks', 'preview', 'sandbox'];
const NO_CDK = ['models'];
const NO_PULUMI = ['models', 'constructs', 'charts'];

/** Rules look at plain objects: those who make what the rules look at hand it to them, and charts make objects of them. */
const ASK_POLICIES = ['charts', 'stacks', 'preview', 'sandbox'];
const policiesFor = (folder) => (ASK_POLICIES.includes(folder) ? [] : ['policies']);

module.exports = {
  forbidden: [
    ...ORDER.map((folder, index) => ({
      name: `${folder}-imports-downwards`,
      comment: `${folder}/ imports only ${ORDER.slice(0, index + 1).join(', ')}`,
      severity: 'error',
      from: { path: `^${folder}/` },
      to: { path: `^(${[...ORDER.slice(index + 1), ...policiesFor(folder), 'test', 'bench'].join('|')})/` },
    })),
    {
      name: 'models-are-plain',
      comment: 'models/ is data and arithmetic',
      severity: 'error',
      from: { path: `^(${NO_CDK.join('|')})/` },
      to: { path: 'node_modules/(cdk8s|cdk8s-plus-28|constructs)/' },
    },
    {
      name: 'constructs-know-no-pulumi',
      comment: 'constructs/ and charts/ work in any cdk8s app',
      severity: 'error',
      from: { path: `^(${NO_PULUMI.join('|')})/` },
      to: { path: 'node_modules/@pulumi/' },
    },
    {
      name: 'examples-are-of-constructs',
      comment: "examples/ show what a cdk8s app of one's own uses",
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(charts|stacks|preview|sandbox)/|node_modules/@pulumi/' },
    },
    {
      name: 'policies-are-plain',
      comment: 'policies/ takes plain objects',
      severity: 'error',
      from: { path: '^policies/' },
      to: { path: '^(constructs|charts|stacks|preview|sandbox)/' },
    },
    {
      name: 'rules-know-no-engine',
      comment: 'policies/pack/ alone speaks to the engine',
      severity: 'error',
      from: { path: '^policies/(?!pack/)' },
      to: { path: 'node_modules/@pulumi/|^policies/pack/' },
    },
    {
      name: 'no-cycles',
      comment: 'types may refer to each other; code may not',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
