import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../models/model';
import { BUILD_FAILURES, buildFixes } from '../../models/pipeline/build-fixes';
import type { TensorRtLlmBackend } from '../../models/spec/backend';
import { ROOT } from '../support/environment-file';
import { engineModel } from '../support/models';
import { pipelineTool } from '../support/python-tools';

interface Failure {
  readonly name: string;
  readonly meaning: string;
  readonly patterns: readonly { readonly text: string; readonly source: string }[];
  readonly advice: string;
}

const RUNBOOK = readFileSync(join(ROOT, 'docs', 'runbooks', 'engine-build.md'), 'utf8');
const sections = new Map(
  RUNBOOK.split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text] as const),
);
/** On one line, without marks of code: as words are compared. */
const plain = (text: string) => text.replaceAll('`', '').replace(/\s+/g, ' ');

describe('failures of builds', () => {
  let failures: readonly Failure[];
  beforeAll(() => {
    const script =
      'import dataclasses, json; from steps.build_failures import FAILURES; print(json.dumps([dataclasses.asdict(f) for f in FAILURES]))';
    const { stdout, stderr } = spawnSync(pipelineTool('python'), ['-B', '-c', script], {
      cwd: join(ROOT, 'pipelines'),
      encoding: 'utf8',
    });
    if (stdout === '') throw new Error(stderr);
    failures = JSON.parse(stdout);
  });

  it('are the same in the steps, in the fixes and in the runbook', () => {
    expect(failures.map(({ name }) => name)).toEqual([...BUILD_FAILURES]);
    expect([...sections.keys()]).toEqual([...BUILD_FAILURES, 'Anything else']);
  });

  it.each(BUILD_FAILURES)('%s: what it is, its patterns with their sources, and what helps', (name) => {
    const { meaning, patterns, advice } = failures.find((each) => each.name === name) as Failure;
    const section = sections.get(name) ?? '';
    expect(plain(section).toLowerCase()).toContain(plain(meaning).toLowerCase());
    expect(plain(section)).toContain(plain(advice));
    const rows = [...section.matchAll(/^\| `(.+)` \| (?:\[(.+?)\]\((\S+)\)|(.+?)) \|$/gm)];
    expect(rows.map(([, text, thread, , file]) => ({ text, source: thread ?? file }))).toEqual([...patterns]);
    for (const [, , thread, url] of rows) {
      if (thread === undefined) continue;
      const [repository, number] = thread.split(' #');
      expect(url).toBe(`https://github.com/${repository}/issues/${number}`);
    }
  });

  const fixesOf = (model: Model) => buildFixes(model, model.backend as TensorRtLlmBackend);
  const changesOf = (model: Model, failure: string) =>
    fixesOf(model).find((each) => each.failure === failure)?.changes ?? [];

  it('are answered by what takes less memory, with how much less', () => {
    const [first] = changesOf(engineModel({}, LARGE), 'gpu-memory');
    expect(first).toMatch(/^backend\.maxNumTokens: \d+ \(\d+\.\d GiB less on each GPU\)$/);
  });

  it('are answered by wider types alone where those fit', () => {
    expect(changesOf(engineModel({}, { precision: 'fp8', kvCache: 'fp8' }), 'accuracy')).toEqual([
      'backend.kvCache: bf16',
      'backend.precision: bf16, backend.kvCache: bf16',
    ]);
    // 30 GiB of weights in 16 bits do not fit an L4.
    expect(changesOf(engineModel({}, { ...LARGE, precision: 'fp8', kvCache: 'fp8' }), 'accuracy')).toEqual([
      'backend.kvCache: bf16',
    ]);
    expect(changesOf(engineModel({}, { precision: 'bf16' }), 'accuracy')).toEqual([]);
  });

  it('are answered by a type in 16 bits that the model has not yet', () => {
    expect(changesOf(engineModel({}, { precision: 'fp8' }), 'unsupported')[0]).toBe('backend.precision: bf16');
    expect(changesOf(engineModel({}, { precision: 'bf16' }), 'unsupported')[0]).toBe('backend.precision: fp16');
  });
});

/** 16 B parameters, with passes that take memory. */
const LARGE = {
  architecture: { layers: 60, hidden: 4096, ffn: 14_336, heads: 32, kvHeads: 8, headDim: 128, vocab: 128_256 },
  precision: 'int4-awq',
  maxBatch: 64,
  maxInput: 2048,
  maxOutput: 256,
};
