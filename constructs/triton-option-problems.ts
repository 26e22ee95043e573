import type { Model } from '../models/model';
import type { Problem } from '../models/problem';
import { isSynced, type ModelSource, type NodeCacheSource, type RepositorySource } from './model-source';
import { modelNames } from './mounted-source';
import { toolOf } from './sync/sync-environment';
import { enginesOf } from './triton-command';
import type { ModelControl, TracingOptions, TritonOptions } from './triton-options';

/** Flags that follow from the model or have a prop, with that prop. */
const OWNED: Readonly<Record<string, string>> = {
  'model-repository': 'source',
  'model-store': 'source',
  'model-control-mode': 'control',
  'repository-poll-secs': 'control',
  'load-model': 'control',
  'http-restricted-api': 'control',
  'grpc-restricted-protocol': 'control',
  'strict-readiness': 'readiness',
  'log-format': 'log',
  'log-verbose': 'log',
  'metrics-interval-ms': 'metrics',
  'metrics-config': 'metrics',
  'trace-config': 'tracing',
  'grpc-use-ssl': 'grpcTls',
  'grpc-server-cert': 'grpcTls',
  'grpc-server-key': 'grpcTls',
  'cache-config': 'responseCacheMib',
  'exit-timeout-secs': "the model's deadlineSeconds",
  'rate-limit': "the model's instances",
  'http-port': 'nothing: probes, Service and policies name the ports',
  'grpc-port': 'nothing: probes, Service and policies name the ports',
  'metrics-port': 'nothing: probes, Service and policies name the ports',
  'allow-http': 'nothing: probes ask by HTTP',
  'allow-grpc': 'nothing: the Service has the port',
  'http-address': 'nothing: probes and clients come from outside of the pod',
  'grpc-address': 'nothing: clients come from outside of the pod',
  'allow-metrics': 'nothing: the autoscaler lives on metrics',
};

/** What cannot work among the options. */
export function optionProblems(options: TritonOptions, model: Model, source: ModelSource): Problem[] {
  return [
    ...controlProblems(options.control, model, source),
    ...secondsProblems(options),
    ...tracingProblems(options.tracing),
    ...(options.flags ?? []).flatMap(flagProblems),
  ];
}

function tracingProblems(tracing: TracingOptions | undefined): Problem[] {
  if (tracing === undefined || /^https?:\/\/[\w.-]+(:\d+)?\/\S+$/.test(tracing.url)) return [];
  return [
    {
      key: 'tracing.url',
      value: tracing.url,
      reason: "is not the address of a collector's OTLP endpoint over HTTP",
      allowed: 'http://collector.NAMESPACE.svc:4318/v1/traces',
      fix: 'correct it',
    },
  ];
}

function flagProblems(flag: string): Problem[] {
  const [, name] = /^--([a-z0-9-]+)(=|$)/.exec(flag) ?? [];
  if (name === undefined) {
    return [
      { key: 'flags', value: flag, reason: 'is no flag of tritonserver', allowed: '--name=value', fix: 'correct it' },
    ];
  }
  const prop = OWNED[name];
  if (prop === undefined) return [];
  return [{ key: 'flags', value: flag, reason: `--${name} is set already`, fix: `remove it; what says it: ${prop}` }];
}

/** Whether the source is a volume that is mounted with all that is on it, and refreshed. */
function isShared(source: ModelSource): source is RepositorySource | NodeCacheSource {
  return source.kind === 'node-cache' || (source.kind === 'model-repository' && source.storage === 'shared');
}

/** What lies on a shared volume beside the server's own models, and would be loaded with them. */
function sharedProblems(control: ModelControl | undefined, model: Model, source: ModelSource): Problem[] {
  if (!isShared(source) || control?.kind === 'explicit') return [];
  const own = modelNames(model);
  const others = (source.models ?? []).filter((name) => !own.includes(name));
  if (others.length === 0) return [];
  return [
    {
      key: 'control',
      value: control?.kind ?? 'none',
      reason: `loads all that lies in the repository, and that is ${others.join(', ')} as well`,
      allowed: 'explicit',
      fix: `control: { kind: 'explicit' }, or a ${source.kind === 'node-cache' ? 'NodeModelCache' : 'ModelRepository'} of its own`,
    },
  ];
}

function secondsProblems(options: TritonOptions): Problem[] {
  const { control } = options;
  const given = [
    { key: 'control.seconds', value: control?.kind === 'poll' ? control.seconds : undefined },
    {
      key: 'control.watch.everySeconds',
      value: control?.kind === 'explicit' ? control.watch?.everySeconds : undefined,
    },
  ];
  return given
    .filter(({ value }) => value !== undefined && !(Number.isInteger(value) && value >= 1))
    .map(({ key, value }) => ({
      key,
      value,
      reason: 'is no time between two looks',
      allowed: 'whole seconds from 1',
      fix: 'correct it',
    }));
}

function controlProblems(control: ModelControl | undefined, model: Model, source: ModelSource): Problem[] {
  const problems = sharedProblems(control, model, source);
  if (control === undefined || control.kind === 'none') return problems;
  const synced = isSynced(source);
  const fixed = source.kind !== 'claim' && !isShared(source);
  if (enginesOf(model).some(({ ranks }) => ranks > 1)) {
    problems.push({
      key: 'control',
      value: control.kind,
      reason: `${model.name} runs in several processes, of which only the first would load something new`,
      fix: 'control none: publish, and restart the pods',
    });
  }
  if (control.kind === 'poll' && fixed) {
    problems.push({
      key: 'control',
      value: control.kind,
      reason: `nothing changes the files of a running pod with a source of kind ${source.kind}`,
      fix: "control: { kind: 'explicit', watch: {} } with s3 or gcs, or a volume that is written elsewhere",
    });
  }
  if (control.kind === 'explicit' && control.watch !== undefined && !synced) {
    problems.push({
      key: 'control.watch',
      reason: `there is nothing to fetch with a source of kind ${source.kind}`,
      allowed: 'sources s3 and gcs',
      fix: 'leave it out',
    });
  }
  if (control.kind === 'explicit' && control.watch !== undefined && synced && toolOf(source) === 'aws-cli') {
    problems.push({
      key: 'source.tool',
      value: 'aws-cli',
      reason: 'has no wget in its image, with which the watch speaks to the server',
      allowed: 'rclone',
      fix: 'leave it out, or control.watch',
    });
  }
  return problems;
}
