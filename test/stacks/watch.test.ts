import { describe, expect, it } from 'vitest';
import type { InputError } from '../../models/problem';
import { buildPlan } from '../../preview/build-plan';
import { environmentFolder } from '../support/environment-file';

/** A cluster that is there already, which serves a model as given. */
const text = (served: string, store = 'kind: s3, bucket: acme-models, region: us-east-1', credentials = true) => `
config:
  triton-stack:platform: { kind: existing, flavour: kubernetes, context: test }
  triton-stack:pools:
    l4: { accelerator: nvidia-l4, gpusPerNode: 1, nodes: 4, cpus: 14, memoryGib: 56 }
    a100: { accelerator: nvidia-a100-80gb, gpusPerNode: 4, nodes: 2, cpus: 46, memoryGib: 600 }
  triton-stack:modelStore: { ${store}${credentials ? ', credentials: { kind: secret, secretName: keys }' : ''} }
  triton-stack:monitoring: { kind: existing, namespace: monitoring }
  triton-stack:serving:
    models:
      - ${served}
`;

async function plan(served: string, ...store: [string?, boolean?]) {
  return buildPlan(environmentFolder('watched', text(served, ...store)), 'watched');
}

async function problem(served: string, ...store: [string?, boolean?]): Promise<string> {
  try {
    await plan(served, ...store);
    return '';
  } catch (error) {
    return (error as InputError).problems.map(({ key, reason }) => `${key} ${reason}`).join('\n');
  }
}

describe('servers that watch', () => {
  const llama = '{ model: llama-3.1-8b, scale: { min: 1, max: 2 }';

  it('load what is published while they run', async () => {
    const { charts } = await plan(`${llama}, watch: true }`);
    const manifests = JSON.stringify(charts);
    expect(manifests).toContain('--model-control-mode=explicit');
    expect(manifests).toContain('"name":"model-watch"');
  });

  it('are those that ask for it alone', async () => {
    const manifests = JSON.stringify((await plan(`${llama} }`)).charts);
    expect(manifests).toContain('--model-control-mode=none');
    expect(manifests).not.toContain('"name":"model-watch"');
  });

  it('need something that comes', async () => {
    const key = 'triton-stack:serving.models[0].watch';
    expect(await problem(`${llama}, watch: true, release: '1.0' }`)).toContain(`${key} all pods serve release 1.0`);
    expect(await problem(`${llama}, watch: true }`, 'kind: claim, claimName: models', false)).toContain(
      `${key} there is nothing to fetch from a source of kind claim`,
    );
    expect(await problem('{ model: llama-3.1-70b, scale: { min: 1, max: 1 }, watch: true }')).toContain(
      `${key} llama-3.1-70b runs in several processes`,
    );
  });
});
