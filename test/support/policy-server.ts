import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import * as analyzer from '@pulumi/pulumi/proto/analyzer_pb.js';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb.js';
import { Struct } from 'google-protobuf/google/protobuf/struct_pb.js';
import { type PolicyResource, SECRET, UNKNOWN } from '../../policies/resource';
import { ROOT } from './environment-file';

const require = createRequire(import.meta.url);
const RUN = require.resolve('@pulumi/pulumi/cmd/run-policy-pack');
const { AnalyzerClient } = require('@pulumi/pulumi/proto/analyzer_grpc_pb.js');

/** What the engine is told of one violation. */
export interface Told {
  readonly rule: string;
  readonly level: 'advisory' | 'mandatory' | 'disabled' | 'remediate';
  readonly urn: string;
  readonly message: string;
}

const START_MS = 240_000;
/** pulumi, proto/pulumi/analyzer.proto, EnforcementLevel. */
const LEVELS = ['advisory', 'mandatory', 'disabled', 'remediate'] as const;

// Pulumi's wire format (pulumi, sdk/go/common/resource/plugin/rpc.go).
const UNKNOWN_STRING = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET_SIGNATURE = '1b47061264138c4ac30d75fd1eb44270';

/** The process that the engine starts for `--policy-pack policies`, spoken to as the engine speaks to it. */
export class PolicyServer {
  private constructor(
    private readonly process: ChildProcess,
    // biome-ignore lint/suspicious/noExplicitAny: generated without types
    private readonly client: any,
  ) {}

  /**
   * @param config - the stack's values by their full keys; undefined where the engine has none
   * @throws with what the process says, where it ends
   */
  static async start(stack: string, config?: Readonly<Record<string, unknown>>): Promise<PolicyServer> {
    const { PULUMI_CONFIG: _, ...env } = process.env;
    const texts = Object.entries(config ?? {}).map(([key, value]) => [key, JSON.stringify(value)]);
    // As pulumi-analyzer-policy does: in the folder of the pack, with the engine's address and the pack's own.
    const child = spawn(process.execPath, [RUN, '127.0.0.1:1', '.'], {
      cwd: join(ROOT, 'policies'),
      env: {
        ...env,
        PULUMI_STACK: stack,
        PULUMI_NODEJS_STACK: stack,
        PULUMI_PROJECT: 'triton-stack',
        PULUMI_NODEJS_PROJECT: 'triton-stack',
        ...(config !== undefined && { PULUMI_CONFIG: JSON.stringify(Object.fromEntries(texts)) }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const port = await new Promise<string>((done, failed) => {
      let said = '';
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        failed(new Error(`no port after ${START_MS} ms: ${said}`));
      }, START_MS);
      child.stderr.on('data', (text) => {
        said += text;
      });
      child.stdout.once('data', (text) => {
        clearTimeout(timer);
        done(String(text).trim());
      });
      // After the last of what it says.
      child.once('close', (code) => {
        clearTimeout(timer);
        failed(new Error(`exit code ${code}: ${said}`));
      });
    });
    return new PolicyServer(child, new AnalyzerClient(`127.0.0.1:${port}`, credentials.createInsecure()));
  }

  stop(): void {
    this.client.close();
    this.process.kill('SIGKILL');
  }

  /** Names and levels of all policies. */
  async info(): Promise<Record<string, Told['level']>> {
    const info: analyzer.AnalyzerInfo = await this.call('getAnalyzerInfo', new Empty());
    return Object.fromEntries(
      info.getPoliciesList().map((each) => [each.getName(), LEVELS[each.getEnforcementlevel()] as Told['level']]),
    );
  }

  /** What `--policy-pack-config` says of levels. */
  async configure(levels: Readonly<Record<string, Told['level']>>): Promise<void> {
    const request = new analyzer.ConfigureAnalyzerRequest();
    for (const [name, level] of Object.entries(levels)) {
      const config = new analyzer.PolicyConfig();
      config.setEnforcementlevel(LEVELS.indexOf(level) as never);
      config.setProperties(Struct.fromJavaScript({}));
      request.getPolicyconfigMap().set(name, config);
    }
    await this.call('configure', request);
  }

  /** All that is told of these resources: of each as it is registered, then of all of them. */
  async judge(resources: readonly PolicyResource[]): Promise<Told[]> {
    const told: Told[] = [];
    for (const resource of resources) {
      // The engine's two passes: first remediations, then what is left is looked at.
      const remediated: analyzer.RemediateResponse = await this.call('remediate', analyzeRequest(resource));
      if (remediated.getRemediationsList().length > 0) throw new Error(`${resource.urn} was changed`);
      told.push(...diagnostics(await this.call('analyze', analyzeRequest(resource))));
    }
    const request = new analyzer.AnalyzeStackRequest();
    request.setResourcesList(resources.map(stackResource));
    return [...told, ...diagnostics(await this.call('analyzeStack', request))];
  }

  private call<T>(method: string, request: unknown): Promise<T> {
    return new Promise((done, failed) => {
      this.client[method](request, (error: Error | null, response: T) =>
        error === null ? done(response) : failed(error),
      );
    });
  }
}

function diagnostics(response: analyzer.AnalyzeResponse): Told[] {
  return response.getDiagnosticsList().map((each) => ({
    rule: each.getPolicyname(),
    level: LEVELS[each.getEnforcementlevel()] as Told['level'],
    urn: each.getUrn(),
    message: each.getMessage(),
  }));
}

function analyzeRequest({ urn, type, name, props, protect = false }: PolicyResource): analyzer.AnalyzeRequest {
  const request = new analyzer.AnalyzeRequest();
  request.setUrn(urn);
  request.setType(type);
  request.setName(name);
  request.setProperties(Struct.fromJavaScript(wire(props) as never));
  request.setOptions(optionsOf(protect));
  return request;
}

function stackResource({ urn, type, name, props, protect = false }: PolicyResource): analyzer.AnalyzerResource {
  const resource = new analyzer.AnalyzerResource();
  resource.setUrn(urn);
  resource.setType(type);
  resource.setName(name);
  resource.setProperties(Struct.fromJavaScript(wire(props) as never));
  resource.setOptions(optionsOf(protect));
  return resource;
}

function optionsOf(protect: boolean): analyzer.AnalyzerResourceOptions {
  const options = new analyzer.AnalyzerResourceOptions();
  options.setProtect(protect);
  return options;
}

/** A value as the engine sends it. */
function wire(value: unknown): unknown {
  if (value === UNKNOWN) return UNKNOWN_STRING;
  if (value === SECRET) return { [SIGNATURE]: SECRET_SIGNATURE, value: 'hunter2' };
  if (Array.isArray(value)) return value.map(wire);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .map(([key, part]) => [key, wire(part)]),
  );
}
