import { relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const report = process.env.TRITON_STACK_TEST_REPORT;

/** What would otherwise run alone at the end: the first waits for nine minutes, the others take more than one. */
const LONGEST = [
  'test/autoscaling/live.test.ts',
  'test/sandbox/recovery.test.ts',
  'test/constructs/sync/model-sync.test.ts',
  'test/sandbox/environments.test.ts',
  'test/sandbox/kubeflow.test.ts',
  'test/examples/examples.test.ts',
  'test/constructs/sync/crashes.test.ts',
  'test/models/repository/real-triton.test.ts',
  'test/constructs/sync/model-watch.test.ts',
];

/** Starts the longest files first, and the others in vitest's own order. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const index = LONGEST.indexOf(relative(import.meta.dirname, moduleId));
      return index < 0 ? LONGEST.length : index;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  define: { __PROJECT_ROOT__: JSON.stringify(import.meta.dirname) },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/temporary-folder.ts', 'test/support/python-tools.ts', 'test/support/sandbox-tools.ts'],
    // Loading the Pulumi SDK and cdk8s takes longer than the tests: one process loads them once.
    isolate: false,
    // Most of the time is waiting for servers: of three at a time one does little else (see LONGEST).
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    pool: 'forks',
    // Many times what anything takes here: on a machine that others use a step takes ten times as long now and then, and
    // what hangs is found all the same.
    testTimeout: 300_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 120_000 } },
    // A fifth of what an API server, kubectl and rclone compute is garbage collection: memory for time.
    env: { GOGC: '400' },
    reporters: report === undefined ? ['default'] : ['default', 'json'],
    ...(report !== undefined && { outputFile: { json: report } }),
  },
});
