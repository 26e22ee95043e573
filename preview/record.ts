import { createRequire } from 'node:module';
import { runtime } from '@pulumi/pulumi';
import messages, {
  type RegisterResourceOutputsRequest,
  type RegisterResourceRequest,
  type RegisterResourceResponse,
} from '@pulumi/pulumi/proto/resource_pb.js';
import { getMonitor } from '@pulumi/pulumi/runtime/settings.js';
import { Struct } from 'google-protobuf/google/protobuf/struct_pb.js';
import { type PlannedResource, type ResourceOptions, SECRET, UNKNOWN, WRITTEN_SECRET } from './plan';

/** The name that the project has in Pulumi.yaml. */
export const PROJECT = 'triton-stack';

/** What a program registered: resources in the order in which they came, and what it exports. */
export interface Recording {
  readonly resources: readonly PlannedResource[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

export interface RecordOptions {
  readonly stack: string;
  /** Configuration by full key; structured values as objects. */
  readonly config: Readonly<Record<string, unknown>>;
}

// Pulumi's wire format marks what a plain value cannot say (sdk/nodejs/runtime/rpc.ts).
const UNKNOWN_SENTINEL = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
const SIGNATURE_KEY = '4dabf18193072939515e22adb298388d';
const SECRET_SIGNATURE = '1b47061264138c4ac30d75fd1eb44270';
const OUTPUT_SIGNATURE = 'd0e6a833031e9bbcd3f4e8bde6ca49a4';

type Answer<T> = (error: Error | null, response: T) => void;

/** The two calls of the SDK's monitor that are answered here. */
interface Monitor {
  registerResource(request: RegisterResourceRequest, answer: Answer<RegisterResourceResponse>): void;
  registerResourceOutputs(request: RegisterResourceOutputsRequest, answer: Answer<object>): void;
}

// The module itself, whose functions can be replaced.
const debuggable = createRequire(import.meta.url)('@pulumi/pulumi/runtime/debuggable.js') as {
  debuggablePromise<T>(promise: Promise<T>): Promise<T>;
};

/** Parts of arguments that the cloud fills in, by type: what lies beside known values is not unknown by itself. */
const FILLED_IN: Readonly<Record<string, readonly string[]>> = {
  'gcp:container/cluster:Cluster': ['controlPlaneEndpointsConfig', 'dnsEndpointConfig', 'endpoint'],
};

/**
 * Runs a Pulumi program in this process, under the SDK's mocks, and records what it registers.
 *
 * Outputs that equal an argument are known; all others are unknown, as in a first preview by the engine. Pulumi keeps
 * its state in the process: recordings wait for each other.
 *
 * @throws whatever the program throws
 */
export function record(options: RecordOptions, program: () => unknown): Promise<Recording> {
  const recording = before.then(() => recordAlone(options, program));
  before = recording.catch(() => undefined);
  return recording;
}

/** Ends when no recording is under way. */
let before: Promise<unknown> = Promise.resolve();

async function recordAlone(options: RecordOptions, program: () => unknown): Promise<Recording> {
  const { stackTraceLimit, prepareStackTrace } = Error;
  const { fromJavaScript } = Struct;
  const { debuggablePromise } = debuggable;
  // The SDK takes a stack trace for every resource and promise: a third of the time of a large plan.
  Error.stackTraceLimit = 0;
  Error.prepareStackTrace = () => undefined;
  // Nothing is sent anywhere: the wire format would be made only to be read again.
  Struct.fromJavaScript = inProcess;
  // Keeps account of every promise, to tell of those that never end: nothing here waits for a network.
  debuggable.debuggablePromise = (promise) => promise;
  try {
    return await recordOnce(options, program);
  } catch {
    // Once more for the error's own stack trace.
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
    return await recordOnce(options, program);
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
    Struct.fromJavaScript = fromJavaScript;
    debuggable.debuggablePromise = debuggablePromise;
  }
}

/** A message part that hands back the value that it was made of. */
function inProcess(value: Record<string, unknown>): Struct {
  return Object.assign(new Struct(), { toJavaScript: () => value });
}

async function recordOnce(options: RecordOptions, program: () => unknown): Promise<Recording> {
  const resources: PlannedResource[] = [];
  await runtime.setMocks(
    {
      // Nothing is made up: what the cloud would answer beyond the arguments is unknown.
      newResource: ({ inputs }) => ({ id: undefined, state: inputs }),
      call: ({ token }) => {
        throw new Error(`the program calls ${token}: an offline plan has no answer to it`);
      },
    },
    PROJECT,
    options.stack,
    true,
  );
  runtime.setAllConfig(
    Object.fromEntries(Object.entries(options.config).map(([key, value]) => [key, configText(value)])),
  );
  const monitor = getMonitor() as unknown as Monitor;
  const urns = new UrnFactory(options.stack);
  let outputs: Record<string, unknown> = {};
  // The mock monitor hands on a resource's type, name and arguments alone. Answering in its place keeps parents and
  // dependencies as well, and spares a second translation of every argument.
  monitor.registerResource = (request, answer) => {
    const urn = urns.of(request);
    const inputs = request.getObject()?.toJavaScript() ?? {};
    resources.push({
      urn,
      type: request.getType(),
      name: request.getName(),
      parent: request.getParent(),
      dependencies: [...request.getDependenciesList()].sort(),
      inputs: withoutSecrets(request.getType(), readable(inputs) as Record<string, unknown>),
      ...usesOf(request),
      ...optionsOf(request),
    });
    const response = new messages.RegisterResourceResponse();
    response.setUrn(urn);
    response.setObject(state(request, inputs));
    // The SDK words a debug message with every answer, printed or not.
    response.toString = () => urn;
    answer(null, response);
  };
  monitor.registerResourceOutputs = (request, answer) => {
    if (request.getUrn() === urns.stack) outputs = request.getOutputs()?.toJavaScript() ?? {};
    answer(null, {});
  };
  await runtime.runInPulumiStack(async () => program());
  await runtime.disconnect();
  return { resources, outputs: readable(outputs) as Record<string, unknown> };
}

function usesOf(request: RegisterResourceRequest): { readonly uses?: Record<string, readonly string[]> } {
  const uses = [...request.getPropertydependenciesMap().entries()]
    .map(([argument, dependencies]) => [argument, [...dependencies.getUrnsList()].sort()] as const)
    .filter(([, urns]) => urns.length > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return uses.length === 0 ? {} : { uses: Object.fromEntries(uses) };
}

function optionsOf(request: RegisterResourceRequest): { readonly options?: ResourceOptions } {
  const aliases = [
    ...request.getAliasurnsList(),
    ...request.getAliasesList().map((alias) => alias.getUrn() || (alias.getSpec()?.getName() ?? '')),
  ].filter((alias) => alias !== '');
  const options: ResourceOptions = {
    ...(request.getProtect() === true && { protect: true }),
    ...(request.getRetainondelete() === true && { retainOnDelete: true }),
    ...(request.getDeletebeforereplace() && { deleteBeforeReplace: true }),
    ...listed('ignoreChanges', request.getIgnorechangesList()),
    ...listed('replaceOnChanges', request.getReplaceonchangesList()),
    ...listed('aliases', aliases),
  };
  return Object.keys(options).length === 0 ? {} : { options };
}

function listed(key: keyof ResourceOptions, values: readonly string[]): ResourceOptions {
  return values.length === 0 ? {} : { [key]: [...values].sort() };
}

/** What a resource is known to be before it is created: its arguments. */
function state(request: RegisterResourceRequest, inputs: Record<string, unknown>) {
  const object = request.getObject();
  const path = FILLED_IN[request.getType()];
  if (object === undefined || path === undefined) return object;
  const known = structuredClone(inputs);
  let part = known;
  for (const key of path.slice(0, -1)) part = part[key] as Record<string, unknown>;
  part[path.at(-1) as string] = UNKNOWN_SENTINEL;
  return inProcess(known);
}

function configText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Makes URNs as the engine does: they carry the types of all parents. */
class UrnFactory {
  readonly stack: string;
  private readonly prefix: string;

  constructor(stack: string) {
    this.prefix = `urn:pulumi:${stack}::${PROJECT}::`;
    this.stack = `${this.prefix}pulumi:pulumi:Stack::${PROJECT}-${stack}`;
  }

  of(request: RegisterResourceRequest): string {
    const parent = request.getParent();
    const parentType = parent === '' || parent === this.stack ? '' : `${qualifiedType(parent)}$`;
    return `${this.prefix}${parentType}${request.getType()}::${request.getName()}`;
  }
}

function qualifiedType(urn: string): string {
  return urn.split('::')[2] ?? '';
}

const KUBERNETES_SECRET = 'kubernetes:core/v1:Secret';

/** Arguments that may be shown: what a Secret holds is none of it, though nobody may have said that it is secret. */
function withoutSecrets(type: string, inputs: Record<string, unknown>): Record<string, unknown> {
  if (type !== KUBERNETES_SECRET) return inputs;
  const hidden = (values: unknown) =>
    Object.fromEntries(
      Object.entries(values as object).map(([key, value]) => [
        key,
        value === SECRET || value === UNKNOWN || value === '' ? value : WRITTEN_SECRET,
      ]),
    );
  return Object.fromEntries(
    Object.entries(inputs).map(([key, value]) => [key, key === 'data' || key === 'stringData' ? hidden(value) : value]),
  );
}

/** A value with the marks of the wire format in words, and keys in order. */
export function readable(value: unknown): unknown {
  if (value === UNKNOWN_SENTINEL) return UNKNOWN;
  if (Array.isArray(value)) return value.map(readable);
  if (value === null || typeof value !== 'object') return value;
  const object = value as Record<string, unknown>;
  if (object[SIGNATURE_KEY] === SECRET_SIGNATURE) return SECRET;
  if (object[SIGNATURE_KEY] === OUTPUT_SIGNATURE) return 'value' in object ? readable(object.value) : UNKNOWN;
  return Object.fromEntries(
    Object.keys(object)
      .sort()
      .map((key) => [key, readable(object[key])]),
  );
}
