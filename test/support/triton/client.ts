import { setTimeout } from 'node:timers/promises';

/** Longest wait for an answer, unless a call says otherwise. Loading starts a process and imports numpy. */
const CALL_MS = 180_000;

/** A tensor as in the open inference protocol; `data` is flat, in row-major order. */
export interface Tensor {
  readonly name: string;
  /** Without `TYPE_`; text is `BYTES`. */
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | string | boolean)[];
}

export interface Answer {
  /** Of HTTP. */
  readonly status: number;
  /** In the server's words, when it refused. */
  readonly error?: string;
}

export interface Inference extends Answer {
  /** By name; empty when it was refused. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** What /generate answers: the outputs by name beside `model_name` and `model_version`. */
export type Generated = Readonly<Record<string, unknown>>;

export interface Stream extends Answer {
  /** One for each response, in order. An `error` among them is the server's. */
  readonly events: readonly Generated[];
}

export interface ModelState {
  readonly name: string;
  readonly version?: string;
  /** Absent for a model that was never loaded. */
  readonly state?: 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING';
  readonly reason?: string;
}

export interface CallOptions {
  /** Of the request: `priority`, `timeout` in microseconds, `sequence_id`. @default none */
  readonly parameters?: Readonly<Record<string, number | string | boolean>>;
  /** Milliseconds until the call is given up, which throws. @default 180,000 */
  readonly timeoutMs?: number;
}

/** Triton's HTTP interface. A refusal is an answer; what throws is a server that does not answer. */
export class TritonClient {
  constructor(
    /** http://host:port */
    readonly http: string,
    readonly metricsUrl: string,
  ) {}

  /** Whether it takes requests. */
  async live(): Promise<boolean> {
    return (await this.health('live')) === 200;
  }

  /** Whether all models that were asked for are there. */
  async ready(): Promise<boolean> {
    return (await this.health('ready')) === 200;
  }

  /**
   * Loads a model, or loads it again when its files changed.
   * @param config a whole configuration instead of the file's, in the JSON form of the message
   */
  async load(name: string, config?: object): Promise<Answer> {
    const { answer } = await this.call(`/v2/repository/models/${name}/load`, {
      ...(config && { parameters: { config: JSON.stringify(config) } }),
    });
    return answer;
  }

  /**
   * Returns when the model has left, which the server does not wait for: a load that meets an unload ends Triton 2.51 with
   * a segmentation fault, or hangs it, once in a hundred times.
   */
  async unload(name: string): Promise<Answer> {
    const { answer } = await this.call(`/v2/repository/models/${name}/unload`, {});
    const deadline = Date.now() + CALL_MS;
    while (
      (await this.index()).some((model) => model.name === name && (model.state ?? 'UNAVAILABLE') !== 'UNAVAILABLE')
    ) {
      if (Date.now() > deadline) throw new Error(`${name} has not left within ${CALL_MS / 1000} s`);
      await setTimeout(20);
    }
    return answer;
  }

  /** All models of the repository. */
  async index(): Promise<readonly ModelState[]> {
    const { body } = await this.call('/v2/repository/index', {});
    return body as ModelState[];
  }

  /** The configuration that serves, with what the server filled in. */
  async config(name: string): Promise<Readonly<Record<string, unknown>>> {
    const { body } = await this.call(`/v2/models/${name}/config`);
    return body as Record<string, unknown>;
  }

  /** A decoupled model refuses it (501). */
  async infer(name: string, inputs: readonly Tensor[], options: CallOptions = {}): Promise<Inference> {
    const { parameters, timeoutMs } = options;
    const request = { inputs, ...(parameters && { parameters }) };
    const { answer, body } = await this.call(`/v2/models/${name}/infer`, request, timeoutMs);
    const tensors = (body as { outputs?: Tensor[] }).outputs ?? [];
    return { ...answer, outputs: Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor])) };
  }

  /** @param inputs by name; a name that is no input is a parameter of the request */
  async generate(
    name: string,
    inputs: Readonly<Record<string, unknown>>,
    { parameters, timeoutMs }: CallOptions = {},
  ): Promise<Answer & { readonly outputs: Generated }> {
    const request = { ...inputs, ...(parameters && { parameters }) };
    const { answer, body } = await this.call(`/v2/models/${name}/generate`, request, timeoutMs);
    const outputs = body as Generated;
    // A model that gives several responses is refused with status 200.
    return { ...answer, ...(typeof outputs.error === 'string' && { error: outputs.error }), outputs };
  }

  /** Waits for the last event. */
  async generateStream(
    name: string,
    inputs: Readonly<Record<string, unknown>>,
    { parameters, timeoutMs }: CallOptions = {},
  ): Promise<Stream> {
    const request = { ...inputs, ...(parameters && { parameters }) };
    const { status, text } = await this.send(`${this.http}/v2/models/${name}/generate_stream`, request, timeoutMs);
    const lines = text.split('\n').filter((line) => line.startsWith('data: '));
    const events = lines.map((line) => JSON.parse(line.slice('data: '.length)) as Generated);
    return { status, ...(status !== 200 && { error: errorOf(text) }), events };
  }

  /** In Prometheus' text form. */
  async metrics(): Promise<string> {
    const { text } = await this.send(this.metricsUrl);
    return text;
  }

  private async health(what: 'live' | 'ready'): Promise<number | undefined> {
    try {
      const { status } = await this.send(`${this.http}/v2/health/${what}`, undefined, 2000);
      return status;
    } catch {
      return undefined;
    }
  }

  private async call(path: string, request?: object, timeoutMs?: number): Promise<{ answer: Answer; body: unknown }> {
    const { status, text } = await this.send(`${this.http}${path}`, request, timeoutMs);
    if (status !== 200) return { answer: { status, error: errorOf(text) }, body: {} };
    return { answer: { status }, body: text === '' ? {} : JSON.parse(text) };
  }

  /** POST with a body, GET without. */
  protected async send(
    url: string,
    request?: object,
    timeoutMs = CALL_MS,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(url, {
      // A server that is told to stop waits for connections that are kept.
      headers: { connection: 'close' },
      ...(request && { method: 'POST', body: JSON.stringify(request) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, text: await response.text() };
  }
}

/** The sentence in an answer such as `{"error":"..."}`, also as an event. */
function errorOf(text: string): string {
  try {
    return (JSON.parse(text.replace(/^data: /, '')) as { error: string }).error;
  } catch {
    return text;
  }
}
