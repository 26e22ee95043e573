import type { Model } from '../models/model';
import { isDecoupled } from '../models/spec/backend';
import type { Destination } from './inference-server';
import { endpointDestination } from './model-source';

/** How models come into a running server: one of these. */
export type ModelControl =
  | {
      /** Everything in the repository is loaded at start, and nothing after that. */
      readonly kind: 'none';
    }
  | {
      /** The server looks for changed files itself, and loads what it finds: for volumes that are written elsewhere. */
      readonly kind: 'poll';
      /** Seconds between two looks. @default 60 */
      readonly seconds?: number;
    }
  | {
      /**
       * The model of the spec (and the members of an ensemble) is loaded at start, whatever else lies in the repository;
       * after that, what is asked for through the load API by someone who has the key.
       */
      readonly kind: 'explicit';
      /** @default a key of each pod's own */
      readonly key?: LoadKey;
      /** Looks for new files in the source, loads them, and goes back to the old ones where that fails. @default nobody looks */
      readonly watch?: ModelWatchOptions;
    };

/** The key that the load API asks for. */
export type LoadKey =
  | {
      /** Made at the pod's start, and known to the containers of that pod alone. */
      readonly kind: 'pod';
    }
  | {
      /** A Secret of the namespace: for tools outside of the pod. */
      readonly kind: 'secret';
      readonly secretName: string;
      /** @default key */
      readonly secretKey?: string;
    };

export interface ModelWatchOptions {
  /** Seconds between two looks. @default 60 */
  readonly everySeconds?: number;
}

/** Spans by OpenTelemetry's protocol over HTTP. */
export interface TracingOptions {
  /** `http://host:4318/v1/traces`. */
  readonly url: string;
  /** One request of so many is traced. @default 1000 */
  readonly rate?: number;
}

export interface MetricsOptions {
  /** Milliseconds between two readings of what is sampled (GPU, CPU, memory). @default 2000 */
  readonly intervalMillis?: number;
  /** Latencies as quantiles as well, of each pod's own. @default false */
  readonly summaries?: boolean;
  /** Time to the first response of decoupled models as histograms. @default true for decoupled models */
  readonly histograms?: boolean;
}

/** TLS of the gRPC port, by Triton itself: for routes that hand encrypted connections on. */
export type GrpcTls =
  | {
      /** A Secret of the namespace of type `kubernetes.io/tls`. */
      readonly kind: 'secret';
      readonly secretName: string;
    }
  | {
      /** OpenShift's service CA signs for the Service's name, and renews. Triton reads it at start alone. */
      readonly kind: 'openshift-service-ca';
    };

export interface LogOptions {
  /** `ISO8601` has the year and the time zone. @default ISO8601 */
  readonly format?: 'ISO8601' | 'default';
  /** Levels of detail beyond information. @default 0 */
  readonly verbose?: number;
}

/** What Triton's command line says, beside what follows from the model. */
export interface TritonOptions {
  /** @default none: a server serves what it started with */
  readonly control?: ModelControl;
  /** When a server is ready: with all of its models, or as soon as it answers. @default all-models */
  readonly readiness?: 'all-models' | 'server';
  /** @default Triton's own */
  readonly metrics?: MetricsOptions;
  /** @default none: what is in front of the server ends TLS */
  readonly grpcTls?: GrpcTls;
  /** @default none */
  readonly tracing?: TracingOptions;
  readonly log?: LogOptions;
  /** What the response cache of models that have one keeps, MiB of host memory. @default 256 */
  readonly responseCacheMib?: number;
  /** Further flags, such as `--model-load-thread-count=8`; not those that the construct has props for. @default none */
  readonly flags?: readonly string[];
}

/** The watch for new releases, where there is one. */
export function watchOf(control: ModelControl | undefined): ModelWatchOptions | undefined {
  return control?.kind === 'explicit' ? control.watch : undefined;
}

/** The entry of a Secret that the key of the load API is, where it is not the pod's own. */
export function keySecretOf(
  control: ModelControl | undefined,
): { readonly secretName: string; readonly key: string } | undefined {
  if (control?.kind !== 'explicit' || control.key?.kind !== 'secret') return undefined;
  const { secretName, secretKey = 'key' } = control.key;
  return { secretName, key: secretKey };
}

/** Seconds between two looks for new files. */
export const LOOK_SECONDS = 60;

/** The header that carries the key of the load API. */
export const LOAD_KEY_HEADER = 'triton-load-key';
/** The variable of the server's container that the key of a Secret stands in. */
export const LOAD_KEY_VARIABLE = 'TRITON_LOAD_KEY';
/** Where the key of a pod's own lies. */
export const LOAD_KEY_FILE = '/run/triton/load-key';

/** Where the certificate of the gRPC port is mounted. */
export const GRPC_TLS_MOUNT = '/etc/triton/grpc-tls';
const GRPC_TLS_FLAGS = [
  '--grpc-use-ssl=true',
  `--grpc-server-cert=${GRPC_TLS_MOUNT}/tls.crt`,
  `--grpc-server-key=${GRPC_TLS_MOUNT}/tls.key`,
];

/** Flags that follow from props. */
export function optionFlags(options: TritonOptions, model: Model): string[] {
  const { metrics, tracing, log } = options;
  const { histograms = isDecoupled(model.backend) } = metrics ?? {};
  return [
    ...(options.readiness === 'server' ? ['--strict-readiness=false'] : []),
    `--log-format=${log?.format ?? 'ISO8601'}`,
    ...(log?.verbose ? [`--log-verbose=${log.verbose}`] : []),
    ...(metrics?.intervalMillis === undefined ? [] : [`--metrics-interval-ms=${metrics.intervalMillis}`]),
    ...(metrics?.summaries ? ['--metrics-config=summary_latencies=true'] : []),
    ...(histograms ? ['--metrics-config=histogram_latencies=true'] : []),
    ...(tracing === undefined ? [] : tracingFlags(tracing, model)),
    ...(options.grpcTls === undefined ? [] : GRPC_TLS_FLAGS),
  ];
}

/** Which models are loaded, and when. */
export function controlFlags(control: ModelControl = { kind: 'none' }, model: Model): string[] {
  switch (control.kind) {
    case 'none':
      return ['--model-control-mode=none'];
    case 'poll':
      return ['--model-control-mode=poll', `--repository-poll-secs=${control.seconds ?? LOOK_SECONDS}`];
    case 'explicit':
      return ['--model-control-mode=explicit', `--load-model=${model.name}`];
  }
}

/** What is for operators: it loads models, maps memory, and changes settings (Triton's documentation, docs/customization_guide/inference_protocols.md). */
const OPERATORS_APIS = 'model-repository,shared-memory,trace,logging';

/** The flags that close what is for operators, in both protocols, to everyone without the key. */
export function loadKeyFlags(key: string): string[] {
  const restriction = `${OPERATORS_APIS}:${LOAD_KEY_HEADER}=${key}`;
  return [`--http-restricted-api=${restriction}`, `--grpc-restricted-protocol=${restriction}`];
}

/** Triton's documentation, docs/user_guide/trace.md. */
function tracingFlags({ url, rate = 1000 }: TracingOptions, { name }: Model): string[] {
  return [
    'mode=opentelemetry',
    'level=TIMESTAMPS',
    `rate=${rate}`,
    `opentelemetry,url=${url}`,
    `opentelemetry,resource=service.name=${name}`,
  ].map((setting) => `--trace-config=${setting}`);
}

/** What the options make the server connect to. */
export function optionDestinations({ tracing }: TritonOptions): Destination[] {
  return tracing === undefined ? [] : [endpointDestination(tracing.url)];
}
