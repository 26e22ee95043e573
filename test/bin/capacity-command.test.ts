import { describe, expect, it } from 'vitest';
import type { PricedCapacity } from '../../bin/capacity-command';
import { main } from '../../bin/model-cli';
import { Captured } from '../support/captured';

async function run(...args: string[]) {
  const out = new Captured();
  const err = new Captured();
  const code = await main(['capacity', ...args], { out, err });
  return { code, out: out.text, err: err.text };
}

const LLAMA = ['llama-3.1-8b', '--rps', '8'];
const SERVICE = ['--service-seconds', '1:6,64:24'];

describe('model capacity', () => {
  it('shows it within 80 columns', async () => {
    const { code, out, err } = await run(...LLAMA, ...SERVICE, '--environment', 'prod', '--spike', '2');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    for (const title of ['Replicas', 'Autoscaling target', 'Warm floor', 'A spike of 2 times']) {
      expect(out).toContain(title);
    }
    expect(out).toContain('g2-standard-12, us-central1, on-demand');
  });

  it('says that a service rate is missing and how to measure it, and makes none up', async () => {
    const { code, out, err } = await run(...LLAMA);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.replaceAll(/\s+/g, ' ')).toContain('genai-perf profile -m llama-3.1-8b');
    expect((await run('resnet50', '--rps', '8')).err.replaceAll(/\s+/g, ' ')).toContain(
      'perf_analyzer -m resnet50 -b 1',
    );
  });

  it('takes tokens a second for the same rate', async () => {
    const args = ['--json', '--tokens-per-second', '800', '--output-tokens', '200'];
    const { capacity } = JSON.parse((await run(...LLAMA, ...args)).out) as PricedCapacity;
    expect(capacity.queue.mostPerSecond).toBeCloseTo(4, 12);
  });

  it('takes scale, pool and machine from the environment', async () => {
    const inProd = JSON.parse(
      (await run(...LLAMA, ...SERVICE, '--json', '--environment', 'prod')).out,
    ) as PricedCapacity;
    expect(inProd).toMatchObject({
      capacity: { scale: { min: 2, max: 12 } },
      nodes: { machineType: 'g2-standard-12', purchase: 'on-demand' },
      cost: { replicas: { nodes: inProd.capacity.replicas } },
    });
  });

  it('prices nothing on a cluster that others pay for', async () => {
    const { out } = await run(...LLAMA, ...SERVICE, '--json', '--environment', 'openshift');
    expect(JSON.parse(out)).not.toHaveProperty('cost');
  });

  it.each([
    [[...LLAMA, '--service-seconds', '64:24,1:6'], '--service-seconds'],
    [[...LLAMA, '--service-seconds', '0'], '--service-seconds'],
    [[...LLAMA, '--service-seconds', '1:x'], '--service-seconds'],
    [['llama-3.1-8b', '--rps', 'many', ...SERVICE], '--rps'],
    [['llama-3.1-8b', '--rps', '0', ...SERVICE], '--rps'],
    [[...LLAMA, ...SERVICE, '--spike', '0.5'], '--spike'],
    [[...LLAMA, '--tokens-per-second', '800'], 'add --output-tokens'],
    [[...LLAMA, '--output-tokens', '800'], 'add --tokens-per-second'],
    [[...LLAMA, ...SERVICE, '--tokens-per-second', '800'], 'remove one of them'],
    [['resnet50', '--rps', '1', '--tokens-per-second', '800', '--output-tokens', '1'], 'gives no tokens'],
    [['resnet50-image', '--rps', '1', '--service-seconds', '1'], 'ask about the member'],
    [[...LLAMA, ...SERVICE, '--environment', 'staging2'], 'staging2'],
  ])('refuses %j', async (args, part) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.replaceAll(/\s+/g, ' ')).toContain(part);
  });
});
