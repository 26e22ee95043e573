import { z } from 'zod';
import type { ModelSpec } from '../model';
import type { Problem } from '../problem';
import { type Backend, isLanguageModel } from './backend';

/** A time that 95 of 100 requests keep. */
export interface Percentile {
  readonly p95Seconds: number;
}

/** Prompts of one length, which are measured and judged apart from others. */
export interface PromptClass {
  /** Lowercase letters, digits and `-`. */
  readonly name: string;
  /** Tokens of the prompt. */
  readonly inputTokens: number;
  /** Tokens of the answer that is asked for. */
  readonly outputTokens: number;
  /** Time to the first token of these prompts. @default that of the promise */
  readonly firstToken?: Percentile;
}

/** What a language model owes those who use it. What is left out is measured, and not judged. */
export interface ServicePromise {
  /** From the request to the first token of its answer. */
  readonly firstToken?: Percentile;
  /** From one token of an answer to the next. */
  readonly interToken?: Percentile;
  /** Tokens a second at least, of all requests in flight together. */
  readonly tokensPerSecond?: number;
  /** @default a sixteenth, a quarter and the whole of the longest prompt */
  readonly promptClasses?: readonly PromptClass[];
}

const percentile = z.strictObject({ p95Seconds: z.number().gt(0).max(3600) });

export const promiseSchema = z.strictObject({
  firstToken: percentile.optional(),
  interToken: percentile.optional(),
  tokensPerSecond: z.number().gt(0).optional(),
  promptClasses: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z][a-z0-9-]{0,20}$/),
        inputTokens: z.int().min(1),
        outputTokens: z.int().min(1),
        firstToken: percentile.optional(),
      }),
    )
    .min(1)
    .optional(),
});

/** A promise that the model cannot be held to. */
export function promiseProblems({ promise, backend, deadlineSeconds }: ModelSpec): Problem[] {
  if (promise === undefined) return [];
  if (!isLanguageModel(backend)) {
    return [
      {
        key: 'promise',
        reason: `is about tokens, and a model of backend ${backend.kind} gives none`,
        allowed: 'deadlineSeconds',
        fix: 'remove it',
      },
    ];
  }
  const times = [promise.firstToken, ...(promise.promptClasses ?? []).map(({ firstToken }) => firstToken)];
  const late = times.find((time) => time !== undefined && time.p95Seconds >= (deadlineSeconds ?? Infinity));
  return [
    ...(late === undefined
      ? []
      : [
          {
            key: 'promise.firstToken.p95Seconds',
            value: late.p95Seconds,
            reason: `the whole answer is due after ${deadlineSeconds} s (deadlineSeconds)`,
            allowed: `less than ${deadlineSeconds}`,
          },
        ]),
    ...classProblems(promise.promptClasses ?? [], backend),
  ];
}

function classProblems(classes: readonly PromptClass[], backend: Lengths): Problem[] {
  return classes.flatMap(({ name, inputTokens, outputTokens }, index): Problem[] => {
    const key = `promise.promptClasses[${index}]`;
    const problems: Problem[] = [];
    if (classes.findIndex((other) => other.name === name) !== index) {
      problems.push({ key: `${key}.name`, value: name, reason: 'stands there twice' });
    }
    for (const [part, value, most, bound] of [
      ['inputTokens', inputTokens, backend.maxInput, 'backend.maxInput'],
      ['outputTokens', outputTokens, backend.maxOutput, 'backend.maxOutput'],
    ] as const) {
      if (value <= most) continue;
      problems.push({ key: `${key}.${part}`, value, reason: `is more than ${bound}`, allowed: `1 to ${most}` });
    }
    return problems;
  });
}

type Lengths = Pick<Extract<Backend, { maxInput: number }>, 'maxInput' | 'maxOutput'>;

/** Longest answer that is asked for where no class says so: enough gaps between tokens for a percentile. */
const ANSWER_TOKENS = 128;

/** The classes that a model's prompts are measured by. */
export function promptClasses(promise: ServicePromise | undefined, { maxInput, maxOutput }: Lengths): PromptClass[] {
  if (promise?.promptClasses !== undefined) return [...promise.promptClasses];
  const outputTokens = Math.min(maxOutput, ANSWER_TOKENS);
  const classes = [
    { name: 'short', inputTokens: Math.max(1, Math.floor(maxInput / 16)), outputTokens },
    { name: 'medium', inputTokens: Math.max(1, Math.floor(maxInput / 4)), outputTokens },
    { name: 'long', inputTokens: maxInput, outputTokens },
  ];
  return classes.filter(({ inputTokens }, index) => classes[index - 1]?.inputTokens !== inputTokens);
}
