import { Progress } from '../../bin/progress';
import { Definitions } from '../../sandbox/definitions';
import { METRICS_TOOLS } from '../../sandbox/metrics-tools';
import { CLUSTER_TOOLS, Toolbox } from '../../sandbox/tools';
import { ROOT } from './environment-file';

/** Builds the sandbox's programs once, before all tests: some minutes on a machine that has none of them. */
export default async function setup(): Promise<void> {
  const progress = new Progress({ write: (text) => process.stdout.write(text) });
  await new Toolbox(ROOT, CLUSTER_TOOLS).find(progress);
  await new Toolbox(ROOT, METRICS_TOOLS).find(progress);
  Definitions.open(ROOT, progress);
}
