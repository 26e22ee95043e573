import { benchServer } from './bench-server';
import { compare, type Outcome } from './compare';
import { azureTrace, day } from './traffic';

/** Requests a second of the day, on average without its bursts. */
const MEAN_PER_SECOND = 6;
/** Days that no window was chosen by: 1, 2 and 3 were looked at for that. */
const SEEDS = [4, 5, 6];

/**
 * `npm run bench:autoscale [trace.csv]`: rules that replicas are scaled by, on three seeded days of requests and, where its
 * file is named, on one of Azure's LLM inference traces, in a simulation of servers, nodes and the autoscaler.
 */
export async function main(args: readonly string[]): Promise<number> {
  const server = benchServer();
  const [trace] = args;
  for (const seed of SEEDS) {
    const requests = day({ seed, meanPerSecond: MEAN_PER_SECOND, workCv: server.workCv });
    process.stdout.write(table(`Day ${seed}, ${requests.count} requests`, compare(requests, server)));
  }
  if (trace === undefined) {
    process.stdout.write(
      'No trace was named: an hour of AzureLLMInferenceTrace_conv.csv (Azure/AzurePublicDataset).\n',
    );
    return 0;
  }
  const requests = azureTrace(trace);
  process.stdout.write(table(`${trace}, ${requests.count} requests`, compare(requests, server)));
  return 0;
}

function table(title: string, outcomes: readonly Outcome[]): string {
  const head = ['rule', 'kept %', 'GPU h', 'kept / GPU h', 'foresight GPU h', 'times', 'changes', 'most'];
  const best = outcomes.map(({ name, kept, gpuHours, foresightHours, changes, mostReplicas }) => [
    name,
    (kept * 100).toFixed(1),
    gpuHours.toFixed(1),
    ((kept * 100) / gpuHours).toFixed(2),
    foresightHours?.toFixed(1) ?? '',
    foresightHours === undefined ? '' : (gpuHours / foresightHours).toFixed(2),
    changes,
    mostReplicas,
  ]);
  const line = (row: readonly unknown[]) => `| ${row.join(' | ')} |`;
  return [title, '', line(head), line(['---', ...head.slice(1).map(() => '---:')]), ...best.map(line), '', ''].join(
    '\n',
  );
}
