import { describe, expect, it } from 'vitest';
import { configProblems } from '../../../models/repository/check-config';
import { parseConfig } from '../../../models/repository/model-config';
import { BAD_CONFIGS, MEMBER } from '../../support/config-cases';

const check = (text: string, folder = 'model') => configProblems(parseConfig(text, 'config.pbtxt'), folder);

describe('configProblems', () => {
  it.each(BAD_CONFIGS.map((each) => [each.name, each] as const))('finds %s', (_name, { text, key }) => {
    expect(check(text).map((problem) => problem.key)).toContain(key);
  });

  it('takes one that works', () => {
    expect(check(MEMBER)).toEqual([]);
  });

  it.each([
    ['platform: "tensorrt_llm"\n', 'backend: "tensorrtllm"'],
    ['backend: "onnx"\n', 'backend: "onnxruntime"'],
    ['backend: "onnxruntim"\n', 'did you mean onnxruntime?'],
  ])('knows what was meant by %j', (text, fix) => {
    expect(check(text).map((problem) => problem.fix)).toContain(fix);
  });

  it('leaves backends alone that it does not know', () => {
    expect(check('backend: "our_own_backend"\n')).toEqual([]);
  });
});
