import { describe, expect, it } from 'vitest';
import type { ModelSpec } from '../../models/model';
import { InputError } from '../../models/problem';
import { promptClasses } from '../../models/spec/promise';
import { engineModel, tensorModel } from '../support/models';

/** What is wrong with a promise of a model with prompts of 512 and answers of 128 tokens. */
function problems(promise: unknown, changes: Partial<ModelSpec> = {}): string[] {
  try {
    engineModel({ ...changes, promise } as Partial<ModelSpec>);
    return [];
  } catch (error) {
    return (error as InputError).problems.map(({ key, reason }) => `${key} ${reason}`);
  }
}

describe('a promise', () => {
  it('is kept as it is given', () => {
    const promise = {
      firstToken: { p95Seconds: 1.5 },
      interToken: { p95Seconds: 0.06 },
      tokensPerSecond: 100,
      promptClasses: [{ name: 'chat', inputTokens: 512, outputTokens: 128, firstToken: { p95Seconds: 1 } }],
    };
    expect(engineModel({ promise }).promise).toEqual(promise);
    expect(promptClasses(promise, { maxInput: 512, maxOutput: 128 })).toEqual(promise.promptClasses);
  });

  it('is of times that can be', () => {
    expect(problems({ firstToken: { p95Seconds: 0 } })).toEqual([
      expect.stringContaining('promise.firstToken.p95Seconds'),
    ]);
    expect(problems({ firstTokn: { p95Seconds: 1 } })).toEqual(['promise.firstTokn there is no such key']);
    expect(problems({ firstToken: { p95Seconds: 30 } }, { deadlineSeconds: 30 })).toEqual([
      'promise.firstToken.p95Seconds the whole answer is due after 30 s (deadlineSeconds)',
    ]);
  });

  it('is of prompts that the model takes', () => {
    const long = { name: 'long', inputTokens: 513, outputTokens: 129 };
    expect(problems({ promptClasses: [long, { ...long, inputTokens: 1, outputTokens: 1 }] })).toEqual([
      'promise.promptClasses[0].inputTokens is more than backend.maxInput',
      'promise.promptClasses[0].outputTokens is more than backend.maxOutput',
      'promise.promptClasses[1].name stands there twice',
    ]);
  });

  it('is made by language models alone', () => {
    expect(() => tensorModel('resnet', { promise: {} })).toThrow(InputError);
  });
});

describe('classes of prompts', () => {
  it('are a sixteenth, a quarter and the whole of the longest', () => {
    expect(promptClasses(undefined, { maxInput: 4096, maxOutput: 1024 })).toEqual([
      { name: 'short', inputTokens: 256, outputTokens: 128 },
      { name: 'medium', inputTokens: 1024, outputTokens: 128 },
      { name: 'long', inputTokens: 4096, outputTokens: 128 },
    ]);
  });

  it('are fewer where they would be the same', () => {
    expect(promptClasses({}, { maxInput: 1, maxOutput: 8 })).toEqual([
      { name: 'short', inputTokens: 1, outputTokens: 8 },
    ]);
  });
});
