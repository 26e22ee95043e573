import type { Model } from '../models/model';
import type { Placement } from '../models/placement';
import { shutdown } from '../models/shutdown';
import { allModels, worldSize } from '../models/spec/backend';
import { type Image, tensorRtLlmImage, versions } from '../models/versions';
import { MODELS_MOUNT, REPOSITORY_FOLDER } from './sync/model-sync';
import {
  controlFlags,
  keySecretOf,
  LOAD_KEY_FILE,
  LOAD_KEY_VARIABLE,
  loadKeyFlags,
  type ModelControl,
  optionFlags,
  type TritonOptions,
} from './triton-options';

/** The ports that Triton listens on. */
export const TRITON_PORTS = { http: 8000, grpc: 8001, metrics: 8002 } as const;

/** What the response cache keeps, MiB: Triton takes it from host memory at start. */
export const RESPONSE_CACHE_MIB = 256;

/** The models that a server of this one holds: its members where it is an ensemble. */
export function members(model: Model): Model[] {
  return allModels(model).filter(({ backend }) => backend.kind !== 'ensemble');
}

/** The image that has all backends of the model. */
export function serverImage(model: Model): Image {
  const backends = members(model).map(({ backend }) => backend);
  const engine = backends.find((backend) => backend.kind === 'tensorrtllm' || backend.kind === 'llmapi');
  if (engine !== undefined) return tensorRtLlmImage(engine.release);
  return backends.some(({ kind }) => kind === 'vllm') ? versions.images.tritonVllm : versions.images.triton;
}

/**
 * The server's command line. An engine of several ranks is one server a rank under MPI, of which the first serves: the
 * form of `launch_triton_server.py` in triton-inference-server/tensorrtllm_backend.
 */
export function serverCommand(model: Model, { pool }: Placement, options: TritonOptions = {}): string[] {
  const all = members(model);
  const limited = all.some(
    ({ backend }) => 'instances' in backend && backend.instances?.some((each) => each.rateLimiter),
  );
  const cached = allModels(model).some(({ responseCache }) => responseCache);
  const server = [
    'tritonserver',
    `--model-repository=${MODELS_MOUNT}/${REPOSITORY_FOLDER}`,
    ...controlFlags(options.control, model),
    `--http-port=${TRITON_PORTS.http}`,
    `--grpc-port=${TRITON_PORTS.grpc}`,
    `--metrics-port=${TRITON_PORTS.metrics}`,
    `--exit-timeout-secs=${shutdown(model, pool.spot).exitTimeoutSeconds}`,
    ...(limited ? ['--rate-limit=execution_count'] : []),
    ...(cached ? [`--cache-config=local,size=${(options.responseCacheMib ?? RESPONSE_CACHE_MIB) * 1024 * 1024}`] : []),
    ...optionFlags(options, model),
    ...(options.flags ?? []),
  ];
  const engines = enginesOf(model);
  const ranks = Math.max(1, ...engines.map((engine) => engine.ranks));
  if (ranks === 1) return withLoadKey(server, options.control);
  // The first rank loads everything, the others the engines alone.
  const engineOnly = [
    ...server.map((flag) => (flag === '--model-control-mode=none' ? '--model-control-mode=explicit' : flag)),
    ...engines.map(({ name }) => `--load-model=${name}`),
  ];
  // Kubernetes makes one dollar sign of two in a command.
  const leader = ['/bin/sh', '-c', `echo $$$$ > ${LEADER_FILE} && ${execWithKey(RANDOM_KEY)}`, 'leader', ...server];
  // Open MPI would give each of two ranks one core.
  const command = ['mpirun', '--bind-to', 'none'];
  for (let rank = 0; rank < ranks; rank++) {
    if (rank > 0) command.push(':');
    command.push('-n', '1', ...(rank === 0 ? leader : engineOnly), '--disable-auto-complete-config');
    command.push(`--backend-config=python,shm-region-prefix-name=prefix${rank}_`);
  }
  return command;
}

/** A key that nobody is told: what it locks is locked for all. */
const RANDOM_KEY = `od -An -tx1 -N32 /dev/urandom | tr -d ' \\n'`;

/** Closes what is for operators, which is open to everyone who reaches a port. */
function withLoadKey(server: readonly string[], control: ModelControl | undefined): string[] {
  // Kubernetes puts the variable's value in its place.
  if (keySecretOf(control) !== undefined) return [...server, ...loadKeyFlags(`$(${LOAD_KEY_VARIABLE})`)];
  const key = control?.kind === 'explicit' ? `cat ${LOAD_KEY_FILE}` : RANDOM_KEY;
  return ['/bin/sh', '-c', execWithKey(key), 'triton', ...server];
}

/** Shell that becomes the server, with a key that a command prints. */
function execWithKey(command: string): string {
  const flags = loadKeyFlags('$key').map((flag) => `"${flag}"`);
  return `key="$(${command})" && exec "$@" ${flags.join(' ')}`;
}

/** The engines among a server's models, with the processes that each runs in. */
export function enginesOf(model: Model): { readonly name: string; readonly ranks: number }[] {
  return members(model).flatMap(({ name, backend }) =>
    backend.kind === 'tensorrtllm' ? [{ name, ranks: worldSize(backend) }] : [],
  );
}

/** Where the first rank under MPI leaves its process id. */
const LEADER_FILE = '/tmp/leader.pid';

/**
 * What happens before SIGTERM: a while in which clients learn that the pod goes.
 *
 * Under MPI the first rank is then asked to finish, and waited for: mpirun itself passes SIGTERM on to all ranks and kills
 * them a second later (Open MPI 4.1, odls_base_sigkill_timeout), and ranks that serve nobody end at once.
 */
export function preStop(model: Model, { pool }: Placement): string[] {
  const seconds = String(shutdown(model, pool.spot).preStopSeconds);
  if (enginesOf(model).every(({ ranks }) => ranks === 1)) return ['sleep', seconds];
  const drain = `read -r leader < ${LEADER_FILE} && kill -TERM "$leader" && while kill -0 "$leader" 2>/dev/null; do sleep 1; done`;
  return ['/bin/sh', '-c', `sleep ${seconds}; ${drain}`];
}
