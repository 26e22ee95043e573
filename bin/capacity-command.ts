import type { Command } from 'commander';
import { z } from 'zod';
import { type Capacity, type CapacityDemand, capacity } from '../models/capacity/capacity';
import { type CapacityCost, type CapacityNodes, capacityCost, smallestNodes } from '../models/capacity/capacity-cost';
import { missingServiceRate } from '../models/capacity/how-to-measure';
import type { MeasuredCapacity } from '../models/capacity/measured';
import type { ServicePoint } from '../models/capacity/service-curve';
import type { Unpriced } from '../models/cost';
import type { Model } from '../models/model';
import { parseAll } from '../models/parse';
import { gpuDemand } from '../models/placement';
import { InputError } from '../models/problem';
import { queueMetric } from '../models/queue-metric';
import { isLanguageModel } from '../models/spec/backend';
import { openEnvironment } from '../preview/open-environment';
import { type ServedPlace, servedPlace } from '../preview/served-place';
import { renderCapacity } from './capacity-report';
import { type Output, styleOf } from './command';

/** The command's options, as they were written. */
export interface CapacityOptions {
  readonly rps: string;
  readonly serviceSeconds?: string;
  readonly tokensPerSecond?: string;
  readonly outputTokens?: string;
  readonly firstTokenSeconds?: string;
  readonly cv?: string;
  readonly arrivalCv?: string;
  readonly waitSeconds?: string;
  readonly spike?: string;
  readonly nodeSeconds?: string;
  readonly fetchSeconds?: string;
  readonly loadSeconds?: string;
  readonly environment?: string;
  readonly region?: string;
  readonly json?: true;
}

/** A capacity, and what it costs where that is known. */
export interface PricedCapacity {
  readonly capacity: Capacity;
  readonly measured: MeasuredCapacity;
  /** What its replicas are scaled on. @default none: the backend tells nobody how many requests are in it */
  readonly deployed?: { readonly name: string; readonly target: number; readonly declared: boolean };
  readonly nodes?: CapacityNodes;
  /** Of the replicas that keep the promise, and of the warm floor. Left out where no nodes are known. */
  readonly cost?: { readonly replicas: CapacityCost | Unpriced; readonly floor: CapacityCost | Unpriced };
}

/** Adds `capacity` to the commands of `npm run model`. */
export function addCapacityCommand(
  program: Command,
  out: Output,
  modelOf: (name: string) => Model,
  folder: string,
): void {
  program
    .command('capacity')
    .description('show replicas, waits, cost, autoscaling target and warm floor for a load, and what a spike does')
    .argument('<name>', 'a model of the catalogue')
    .requiredOption('--rps <requests>', 'requests a second, of all replicas together')
    .option(
      '--service-seconds <points>',
      'measured: N:S,... seconds S of a request (a batch) while N are computed together',
    )
    .option('--tokens-per-second <tokens>', 'measured: of one replica with all slots taken, with --output-tokens')
    .option('--output-tokens <tokens>', 'of an answer, on average')
    .option('--first-token-seconds <seconds>', 'measured: from the end of waiting to the first token, all slots taken')
    .option('--cv <number>', 'coefficient of variation of the work of requests (default: 1)')
    .option('--arrival-cv <number>', 'coefficient of variation of the times between requests (default: 1)')
    .option('--wait-seconds <seconds>', 'that 95 of 100 requests may wait (default: by what the model promises)')
    .option('--spike <times>', 'how many times as many requests come (default: 10)')
    .option('--node-seconds <seconds>', 'until a new node can start a pod')
    .option('--fetch-seconds <seconds>', "until the model's files are on it")
    .option('--load-seconds <seconds>', 'from the start of the server until it is ready')
    .option(
      '--environment <name>',
      'whose scale, store, pools and prices to take (default: the model, the smallest machine)',
    )
    .option('--region <region>', 'whose prices to take without an environment (default: us-central1)')
    .option('--json', 'as one JSON object on standard output')
    .action((name: string, options: CapacityOptions) => {
      const priced = pricedCapacity(modelOf(name), options, folder);
      out.write(options.json ? `${JSON.stringify(priced, null, 2)}\n` : renderCapacity(priced, styleOf(out)));
    });
}

const positive = z.number().gt(0);
const numbers = z.strictObject({
  '--rps': positive,
  '--tokens-per-second': positive.optional(),
  '--output-tokens': positive.optional(),
  '--first-token-seconds': positive.optional(),
  '--cv': z.number().min(0).max(10).optional(),
  '--arrival-cv': z.number().min(0).max(10).optional(),
  '--wait-seconds': positive.optional(),
  '--spike': z.number().min(1).optional(),
  '--node-seconds': z.number().min(0).optional(),
  '--fetch-seconds': z.number().min(0).optional(),
  '--load-seconds': z.number().min(0).optional(),
});

function pricedCapacity(wanted: Model, options: CapacityOptions, folder: string): PricedCapacity {
  const given = numbersOf(options);
  const place = options.environment === undefined ? undefined : placeIn(folder, options.environment, wanted);
  const model = place?.model ?? wanted;
  const measured = measuredOf(model, options, given);
  const nodes = place === undefined ? smallestNodes(model, options.region) : place.nodes;
  const demand: CapacityDemand = {
    ratePerSecond: given['--rps'],
    measured,
    ...defined({
      arrivalCv: given['--arrival-cv'],
      waitSeconds: given['--wait-seconds'],
      spike: given['--spike'],
      scale: place?.scale,
    }),
    known: {
      ...place?.known,
      ...defined({
        nodeSeconds: given['--node-seconds'],
        fetchSeconds: given['--fetch-seconds'],
        loadSeconds: given['--load-seconds'],
      }),
    },
  };
  const result = capacity(model, demand);
  const metric = queueMetric(model, Math.max(1, gpuDemand(model).total));
  return {
    capacity: result,
    measured,
    ...(metric !== undefined && {
      deployed: { name: metric.name, target: metric.target, declared: model.capacity !== undefined },
    }),
    ...(nodes !== undefined && {
      nodes,
      cost: {
        replicas: capacityCost(result.replicas, nodes, place?.prices),
        floor: capacityCost(result.floor.replicas, nodes, place?.prices),
      },
    }),
  };
}

function numbersOf(options: CapacityOptions): z.infer<typeof numbers> {
  const named: [string, string | undefined][] = [
    ['--rps', options.rps],
    ['--tokens-per-second', options.tokensPerSecond],
    ['--output-tokens', options.outputTokens],
    ['--first-token-seconds', options.firstTokenSeconds],
    ['--cv', options.cv],
    ['--arrival-cv', options.arrivalCv],
    ['--wait-seconds', options.waitSeconds],
    ['--spike', options.spike],
    ['--node-seconds', options.nodeSeconds],
    ['--fetch-seconds', options.fetchSeconds],
    ['--load-seconds', options.loadSeconds],
  ];
  // What is no number stays as it was written, for the message.
  const read = named.flatMap(([key, text]) => {
    if (text === undefined) return [];
    const number = text.trim() === '' ? Number.NaN : Number(text);
    return [[key, Number.isNaN(number) ? text : number] as const];
  });
  return parseAll('command line', numbers, Object.fromEntries(read) as z.infer<typeof numbers>);
}

const STATED = {
  slots: '--service-seconds 1:A,N:B, or --tokens-per-second T --output-tokens N',
  batches: '--service-seconds 1:A,N:B',
};

/** @throws InputError where nobody says how long a replica takes, or it is said in two ways */
export function measuredOf(model: Model, options: CapacityOptions, given: z.infer<typeof numbers>): MeasuredCapacity {
  const stated = defined({ cv: given['--cv'], firstTokenSeconds: given['--first-token-seconds'] });
  const nothing = [options.serviceSeconds, options.tokensPerSecond, options.outputTokens].every((each) => !each);
  // What the model declares holds where the command says nothing else.
  if (nothing && model.capacity !== undefined) return { ...model.capacity, ...stated };
  return { measured: 'stated on the command line', service: serviceOf(model, options, given), ...stated };
}

function serviceOf(model: Model, options: CapacityOptions, given: z.infer<typeof numbers>): ServicePoint[] {
  const { backend } = model;
  const tokens = given['--tokens-per-second'];
  const answer = given['--output-tokens'];
  const refuse = (key: string, reason: string, fix: string) => new InputError('command line', [{ key, reason, fix }]);
  if (options.serviceSeconds !== undefined) {
    if (tokens === undefined) return pointsOf(options.serviceSeconds);
    throw refuse('--tokens-per-second', '--service-seconds says it already', 'remove one of them');
  }
  if (tokens === undefined && answer === undefined) {
    throw missingServiceRate(model, STATED[isLanguageModel(backend) ? 'slots' : 'batches']);
  }
  if (!isLanguageModel(backend)) {
    throw refuse('--tokens-per-second', `a model of backend ${backend.kind} gives no tokens`, 'give --service-seconds');
  }
  if (tokens === undefined) throw refuse('--output-tokens', 'says nothing alone', 'add --tokens-per-second');
  if (answer === undefined) {
    throw refuse('--tokens-per-second', 'is no rate of requests', 'add --output-tokens: of an answer, on average');
  }
  // Little's law: with all slots taken, a request takes as long as the replica needs for the tokens of all of them.
  return [{ requests: backend.maxBatch, seconds: (backend.maxBatch * answer) / tokens }];
}

/** `0.5`, or `1:5.4,24:11.4`. */
function pointsOf(text: string): ServicePoint[] {
  const points = text.split(',').map((part) => {
    const [first = '', second] = part.split(':');
    return second === undefined
      ? { requests: 1, seconds: Number(first) }
      : { requests: Number(first), seconds: Number(second) };
  });
  const rising = points.every(({ requests }, index) => requests > (points[index - 1]?.requests ?? 0));
  const right = points.every(({ requests, seconds }) => Number.isInteger(requests) && seconds > 0 && seconds < 3600);
  if (rising && right) return points;
  throw new InputError('command line', [
    {
      key: '--service-seconds',
      value: text,
      reason: 'is no list of service times',
      allowed: 'seconds of one request alone (0.5), or by rising numbers that are computed together (1:5.4,24:11.4)',
    },
  ]);
}

/** The model as an environment serves it, and what is known of it there. */
function placeIn(folder: string, name: string, { name: wanted }: Model): ServedPlace & { readonly model: Model } {
  const { environment } = openEnvironment(folder, name);
  const served = environment.models.find(({ model }) => model.name === wanted);
  if (served === undefined) {
    throw new InputError('command line', [
      {
        key: '--environment',
        value: name,
        reason: `does not serve ${wanted}`,
        allowed: `an environment that does; ${name} serves ${environment.models.map((each) => each.model.name).join(', ')}`,
      },
    ]);
  }
  return { model: served.model, ...servedPlace(environment, served) };
}

/** Without the keys that have no value. */
function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
