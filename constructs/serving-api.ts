/** What clients speak to a server. */
export type ServingApi =
  | {
      /** Triton's: version 2 of KServe's predict protocol, over HTTP and gRPC. */
      readonly kind: 'kserve-v2';
      /** The model that clients ask for. What else the server holds (members of an ensemble) is not theirs to call. */
      readonly model: string;
    }
  | {
      /** OpenAI's, over HTTP, as NIM serves it. */
      readonly kind: 'openai';
    };

/** A part of an API that is there for clients. */
export interface ServedPath {
  readonly path: string;
  /** `prefix` by whole elements: `/v1/models` and `/v1/models/x`, and not `/v1/modelsx`. */
  readonly match: 'exact' | 'prefix';
}

/**
 * Where NIM answers requests (NVIDIA documentation, "NIM LLM API Reference"). `/v1` as a whole would be its metrics too,
 * and the loading of adapters.
 */
const OPENAI_INFERENCE = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/messages',
  '/v1/embeddings',
  '/v1/models',
] as const;

/** The prefixes that requests for inference go to. */
export function inferencePrefixes(api: ServingApi): readonly string[] {
  return api.kind === 'openai' ? OPENAI_INFERENCE : [`/v2/models/${api.model}`];
}

/**
 * All that is there for clients: inference, health, and what the server says of itself. Triton has more below `/v2` that
 * is for operators: `/v2/repository` loads models, `/v2/logging` and `/v2/trace` change settings, `/v2/cudasharedmemory`
 * maps memory (triton-inference-server/server, src/http_server.cc).
 */
export function servedPaths(api: ServingApi): ServedPath[] {
  const inference = inferencePrefixes(api).map((path) => ({ path, match: 'prefix' }) as const);
  if (api.kind === 'openai') return [...inference, { path: '/v1/health', match: 'prefix' }];
  return [...inference, { path: '/v2/health', match: 'prefix' }, { path: '/v2', match: 'exact' }];
}

/** Answers 200 where the server can serve. */
export function readyPath({ kind }: ServingApi): string {
  return kind === 'openai' ? '/v1/health/ready' : '/v2/health/ready';
}

/** The service of KServe's protocol over gRPC. */
export const GRPC_SERVICE = 'inference.GRPCInferenceService';

/**
 * The gRPC methods that are there for clients, without those that load models, map memory and change settings
 * (triton-inference-server/server, src/grpc/grpc_server.cc).
 */
export const GRPC_METHODS: readonly { readonly service: string; readonly method: string }[] = [
  ...[
    'ModelInfer',
    'ModelStreamInfer',
    'ModelReady',
    'ModelMetadata',
    'ModelConfig',
    'ServerLive',
    'ServerReady',
    'ServerMetadata',
  ].map((method) => ({ service: GRPC_SERVICE, method })),
  { service: 'grpc.health.v1.Health', method: 'Check' },
];

/** The paths that {@link GRPC_METHODS} are called by, all of them exact. */
export const GRPC_PATHS: readonly string[] = GRPC_METHODS.map(({ service, method }) => `/${service}/${method}`);
