import { isSynced } from '../constructs/model-source';
import { serverName } from '../constructs/naming';
import { SYNC_METRICS } from '../constructs/sync/sync-metrics';
import type { AcceleratorName } from '../models/accelerator';
import type { Model } from '../models/model';
import { type PipelineInput, type PipelineOptions, pipelineInput } from '../models/pipeline/pipeline-input';
import { InputError, type Problem } from '../models/problem';
import { openEnvironment } from '../preview/open-environment';
import type { Environment, ServedModel } from '../stacks/environment/environment';

/** The port of Triton's HTTP interface. */
const HTTP = 8000;

/**
 * The pipeline of a model for the store, the servers and the nodes of one environment.
 *
 * @param options - what a command line says, which goes first
 * @throws InputError where the environment does not serve the model, or has no nodes for a step
 */
export function environmentPipeline(
  model: Model,
  name: string,
  folder: string,
  options: Partial<PipelineOptions>,
): PipelineInput {
  const { environment } = openEnvironment(folder, name);
  const served = environment.models.find((each) => each.model.name === model.name);
  if (served === undefined) throw notServed(model, environment);
  if (!served.watch) throw notWatched(model, environment);
  const input = pipelineInput(served.model, {
    servers: serversOf(served, environment),
    nodeSelector: (accelerator) => selectorOf(accelerator, environment),
    ...(isSynced(served.source) && { syncMetrics: { port: SYNC_METRICS.port, path: SYNC_METRICS.path } }),
    ...storeOf(served),
    ...options,
  });
  const problems = nodeProblems(input, environment);
  if (problems.length > 0) throw new InputError(`pipeline of ${model.name} in ${name}`, problems);
  return input;
}

function storeOf({ source }: ServedModel): Pick<PipelineOptions, 'store' | 'region' | 'endpoint' | 'storeSecret'> {
  if (source.kind === 'gcs') return { store: source.uri };
  if (source.kind !== 's3') return {};
  return {
    store: source.uri,
    region: source.region,
    ...(source.endpoint !== undefined && { endpoint: source.endpoint }),
    ...(source.credentials.kind === 'secret' && { storeSecret: source.credentials.secretName }),
  };
}

/** The pods of a StatefulSet have a Service that stands for each of them; of a Deployment there is the one that chooses. */
function serversOf({ model, workload }: ServedModel, { servingNamespace }: Environment): string[] {
  const service = `${serverName(model.name)}${workload.kind === 'statefulset' ? '-peers' : ''}`;
  return [`http://${service}.${servingNamespace}.svc:${HTTP}`];
}

function selectorOf(accelerator: AcceleratorName, { pools }: Environment): Readonly<Record<string, string>> {
  const pool = pools.find((each) => each.accelerator === accelerator);
  return pool?.nodeSelector ?? { 'cloud.google.com/gke-accelerator': accelerator };
}

/** Steps that no node of the environment has room for. */
function nodeProblems({ resources, nodes, train }: PipelineInput, { pools }: Environment): Problem[] {
  const steps = [
    ...(['convert', 'build', 'validate'] as const).map((step) => [step, nodes.engine.accelerator] as const),
    ...(train === undefined ? [] : [['train', train.accelerator] as const]),
  ];
  return steps.flatMap(([step, accelerator]): Problem[] => {
    const { cpus = 0, memoryGib = 0, gpus = 0 } = resources[step] ?? {};
    const alike = pools.filter((pool) => pool.accelerator === accelerator);
    const fits = alike.some(
      ({ gpusPerNode, allocatable }) =>
        gpusPerNode >= gpus && allocatable.cpus >= cpus && allocatable.memoryGib >= memoryGib,
    );
    if (fits) return [];
    const offers = pools.map(
      (pool) =>
        `${pool.name}: ${pool.gpusPerNode} x ${pool.accelerator}, ${Math.floor(pool.allocatable.cpus)} CPUs, ${Math.floor(pool.allocatable.memoryGib)} GiB`,
    );
    return [
      {
        key: `step ${step}`,
        reason: `needs ${gpus} x ${accelerator}, ${cpus} CPUs and ${memoryGib} GiB of memory on one node, and no pool has that`,
        allowed: offers.join('; ') || 'there are no pools',
        fix:
          step === 'train'
            ? 'add such a pool, or leave the fine-tune out: --no-training'
            : 'add a pool with larger machines',
      },
    ];
  });
}

function notServed({ name }: Model, environment: Environment): InputError {
  return new InputError('command line', [
    {
      key: '--environment',
      value: environment.name,
      reason: `does not serve ${name}`,
      allowed: environment.models.map(({ model }) => model.name).join(', '),
      fix: `add it to serving.models of Pulumi.${environment.name}.yaml`,
    },
  ]);
}

/** What its last steps could not do: servers that load at their start alone take no release from a pipeline. */
function notWatched({ name }: Model, environment: Environment): InputError {
  return new InputError(`Pulumi.${environment.name}.yaml`, [
    {
      key: 'triton-stack:serving.models',
      value: name,
      reason: 'its servers load at their start alone: the pipeline could not bring a release into them, nor try it',
      allowed: 'watch: true',
      fix: 'set `watch: true` for it, and run pulumi up',
    },
  ]);
}
