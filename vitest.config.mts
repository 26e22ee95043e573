import { defineConfig } from 'vitest/config';

const report = process.env.TRITON_STACK_TEST_REPORT;

export default defineConfig({
  define: { __PROJECT_ROOT__: JSON.stringify(import.meta.dirname) },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/temporary-folder.ts', 'test/support/python-tools.ts', 'test/support/sandbox-tools.ts'],
    // Loading the Pulumi SDK and cdk8s takes longer than the tests: one process loads them once.
    isolate: false,
    // Most of the time is waiting for servers: two at a time take little more than half of it.
    maxWorkers: 2,
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: report === undefined ? ['default'] : ['default', 'json'],
    ...(report !== undefined && { outputFile: { json: report } }),
  },
});
