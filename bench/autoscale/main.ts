import { ALONE_SECONDS, batchServer, engineServer } from './bench-server';
import { compare, type Outcome } from './compare';
import { azureTrace, day } from './traffic';

/** Days that no window and no share was chosen by: 1, 2 and 3 were looked at for that. */
const SEEDS = [4, 5, 6];

/**
 * `npm run bench:autoscale [trace.csv]`: rules that replicas are scaled by, on three seeded days of requests and, where its
 * file is named, on one of Azure's LLM inference traces, in a simulation of servers, nodes and the autoscaler; and on the
 * first of the days for servers with dynamic batching.
 */
export async function main(args: readonly string[]): Promise<number> {
  const engine = engineServer();
  const [trace] = args;
  for (const seed of SEEDS) {
    const requests = day({ seed, ...engine });
    process.stdout.write(table(`${engine.name}, day ${seed}, ${requests.count} requests`, compare(requests, engine)));
  }
  if (trace === undefined) {
    process.stdout.write(
      'No trace was named: an hour of AzureLLMInferenceTrace_conv.csv (Azure/AzurePublicDataset).\n\n',
    );
  } else {
    const requests = azureTrace(trace);
    process.stdout.write(table(`${engine.name}, ${trace}, ${requests.count} requests`, compare(requests, engine)));
  }
  for (const gain of Object.keys(ALONE_SECONDS) as (keyof typeof ALONE_SECONDS)[]) {
    const server = batchServer(gain);
    const requests = day({ seed: SEEDS[0] as number, ...server });
    process.stdout.write(
      table(`${server.name}, day ${SEEDS[0]}, ${requests.count} requests`, compare(requests, server)),
    );
  }
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
