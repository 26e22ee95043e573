import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { compile, main } from '../../bin/pipeline-cli';
import { catalog } from '../../models/catalog';
import type { Model } from '../../models/model';
import { type PipelineInput, pipelineInput } from '../../models/pipeline/pipeline-input';
import { Captured } from '../support/captured';
import { ROOT } from '../support/environment-file';
import { pipelineTool } from '../support/python-tools';
import { carried, type Ir, readIr } from './ir';

const llama = catalog.get('llama-3.1-8b') as Model;
const PLACES = {
  store: 's3://acme-models/llama-3.1-8b',
  servers: ['http://triton-llama-3-1-8b-peers.triton.svc:8000'],
};
const python = () => pipelineTool('python');

/** The project's environments, with servers that load what is published while they run. */
const folder = mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
for (const name of ['dev', 'openshift']) {
  const text = readFileSync(join(ROOT, `Pulumi.${name}.yaml`), 'utf8');
  const watched = text.replace('- model: llama-3.1-8b\n', '- model: llama-3.1-8b\n        watch: true\n');
  writeFileSync(join(folder, `Pulumi.${name}.yaml`), watched);
}

async function run(...args: string[]) {
  const out = new Captured();
  const err = new Captured();
  const code = await main(args, { out, err, folder, python: python() });
  return { code, out: out.text, err: err.text };
}

/** The tasks between the start of a run and its end. */
function tasksOf({ spec }: Ir) {
  const inner = Object.values(spec.components).find(({ dag }) => dag !== undefined);
  return { ...inner?.dag?.tasks, ...spec.root.dag.tasks };
}

describe('what a pipeline is made from', () => {
  it('has the flags of the engine build, and nothing of its own beside them', () => {
    const { convert, build, nodes, resources, train } = pipelineInput(llama, PLACES);
    expect(convert.command.slice(1)).toEqual(
      expect.arrayContaining(['/app/examples/quantization/quantize.py', '{model}', '--qformat', 'fp8']),
    );
    expect(build.command).toEqual(expect.arrayContaining(['{checkpoint}', '{engine}', '--max_seq_len', '5120']));
    expect(nodes.engine.accelerator).toBe('nvidia-l4');
    expect(nodes.engine.reason).toContain('8.9');
    // 8.03 B parameters of 16 bytes are 120 GiB.
    expect(train).toMatchObject({ accelerator: 'nvidia-a100-80gb', gpus: 4 });
    expect(resources.train?.gpus).toBe(4);
    expect(resources.build?.gpus).toBe(1);
  });

  it('leaves out a fine-tune that no machine is large enough for', () => {
    const large = pipelineInput(catalog.get('llama-3.1-70b') as Model, PLACES);
    expect(large.train).toBeUndefined();
    expect(large.resources.train).toBeUndefined();
    expect(large.resources.build?.gpus).toBe(4);
    expect(large.validate.command.slice(0, 3)).toEqual(['mpirun', '-n', '4']);
  });

  it('takes store, servers and nodes of an environment', async () => {
    const { code, out, err } = await run('render', 'llama-3.1-8b', '--environment', 'openshift', '--no-training');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const input = JSON.parse(out) as PipelineInput;
    expect(input.deploy).toMatchObject({ store: 's3://acme-models/llama-3.1-8b', region: 'us-east-1' });
    expect(input.deploy.servers).toEqual(['http://triton-llama-3-1-8b.triton.svc:8000']);
    expect(input.deploy.syncMetrics).toEqual({ port: 8003, path: '/metrics.txt' });
    expect(Object.keys(input.nodes.engine.nodeSelector)).toEqual(['nvidia.com/gpu.product']);
  });

  it.each([
    [['render', 'llama-3.1-9b'], 'did you mean llama-3.1-8b?'],
    [['render', 'resnet50'], 'has no engine to build'],
    [['render', 'llama-3.1-8b'], 'nowhere to publish to'],
    [['render', 'llama-3.1-8b', '--store', 'ftp://x'], 's3://bucket/path or gs://bucket/path'],
    [['render', 'llama-3.1-8b', '--store', 's3://models/x', '--server', 'triton:8000'], 'is no HTTP address'],
    [['render', 'llama-3.1-8b', '--store', 's3://models/x', '--registry', 'wandb=http://x'], 'names no registry'],
    [['render', 'llama-3.1-8b', '--environment', 'nowhere'], 'nowhere'],
    [['render', 'llama-3.1-70b', '--environment', 'dev'], 'does not serve llama-3.1-70b'],
    [['render', 'llama-3.1-8b', '--environment', 'dev'], 'leave the fine-tune out: --no-training'],
    [['redner'], 'unknown command'],
  ])('refuses %j', async (args, reason) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(reason);
  });

  it('refuses an environment whose servers load at their start alone', async () => {
    const err = new Captured();
    const args = ['render', 'llama-3.1-8b', '--environment', 'openshift', '--no-training'];
    expect(await main(args, { out: new Captured(), err, folder: ROOT })).toBe(2);
    expect(err.text).toContain('set `watch: true` for it');
  });

  it('names the models that have an engine', async () => {
    expect((await run('list')).out.split('\n')).toEqual(['llama-3.1-8b', 'llama-3.1-70b', '']);
  });
});

describe('a compiled pipeline', () => {
  let text: string;
  let ir: Ir;
  beforeAll(() => {
    text = compile(python(), pipelineInput(llama, { ...PLACES, loadKey: { secretName: 'load-key', key: 'key' } }));
    ir = readIr(text);
  });
  const executor = (step: string) => ir.spec.deploymentSpec.executors[`exec-${step}`]?.container;
  const pod = (step: string) => ir.platform.platforms.kubernetes.deploymentSpec.executors[`exec-${step}`];

  it('is the golden, but for the code that steps carry', async () => {
    const { spec, platform } = ir;
    const executors = Object.fromEntries(
      Object.entries(spec.deploymentSpec.executors).map(([label, { container }]) => {
        const rest = { ...container, args: undefined, command: carried(container).files };
        return [label, { container: JSON.parse(JSON.stringify(rest)) }];
      }),
    );
    const short = { ...spec, deploymentSpec: { executors } };
    const golden = [short, platform].map((each) => dump(each, { lineWidth: 120, noRefs: true, sortKeys: true }));
    await expect(golden.join('---\n')).toMatchFileSnapshot('__goldens__/llama-3.1-8b.yaml');
  });

  it('is the same each time, or no step would find its result again', () => {
    const again = compile(
      python(),
      pipelineInput(llama, { ...PLACES, loadKey: { secretName: 'load-key', key: 'key' } }),
    );
    expect(again).toBe(text);
  });

  it('has each step carry what it imports alone', () => {
    expect(carried(executor('train') as never).files).not.toContain('steps/smoke.py');
    expect(carried(executor('smoke') as never).files).toEqual(
      expect.arrayContaining(['steps/__init__.py', 'steps/smoke.py', 'steps/rollout.py', 'steps/triton.py']),
    );
  });

  it('has steps before a change keep what they are made of', () => {
    const changed = { ...llama, deadlineSeconds: 30 } as Model;
    const other = readIr(compile(python(), pipelineInput(changed, PLACES)));
    for (const step of ['fetch', 'prepare', 'train', 'convert', 'build', 'validate']) {
      expect(other.spec.deploymentSpec.executors[`exec-${step}`]).toEqual(
        ir.spec.deploymentSpec.executors[`exec-${step}`],
      );
    }
  });

  it('runs what the engine is built and tried with on the GPUs that will serve, and nothing else on GPUs', () => {
    for (const step of ['convert', 'build', 'validate']) {
      expect(executor(step)?.resources.accelerator).toMatchObject({
        resourceType: 'nvidia.com/gpu',
        resourceCount: '1',
      });
      expect(pod(step)?.nodeSelector?.labels).toEqual({ 'cloud.google.com/gke-accelerator': 'nvidia-l4' });
      expect(pod(step)?.tolerations).toEqual([
        expect.objectContaining({ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }),
      ]);
    }
    expect(pod('train')?.nodeSelector?.labels).toEqual({ 'cloud.google.com/gke-accelerator': 'nvidia-a100-80gb' });
    for (const step of ['fetch', 'prepare', 'deploy', 'smoke', 'clean-up']) {
      expect(executor(step)?.resources.accelerator).toBeUndefined();
      expect(pod(step)?.nodeSelector).toBeUndefined();
    }
  });

  it('bounds every step in time and memory, and tries again with pauses that double', () => {
    const tasks = tasksOf(ir);
    const steps = Object.keys(tasks).filter((name) => !name.startsWith('exit-handler'));
    expect(steps.sort()).toEqual(
      ['build', 'clean-up', 'convert', 'deploy', 'fetch', 'prepare', 'smoke', 'train', 'validate'].sort(),
    );
    for (const step of steps) {
      expect(Number(pod(step)?.activeDeadlineSeconds)).toBeGreaterThan(0);
      expect(executor(step)?.resources.resourceMemoryLimit).toMatch(/Gi$/);
      const retry = tasks[step]?.retryPolicy;
      if (step === 'smoke') expect(retry).toBeUndefined();
      else expect(retry).toMatchObject({ backoffDuration: '30s', backoffFactor: 2 });
    }
  });

  it('takes no result again of what has effects', () => {
    const tasks = tasksOf(ir);
    const cached = Object.keys(tasks).filter((name) => tasks[name]?.cachingOptions?.enableCache === true);
    expect(cached.sort()).toEqual(['build', 'convert', 'fetch', 'prepare', 'train', 'validate']);
  });

  it('cleans up at the end, however it ends', () => {
    expect(ir.spec.root.dag.tasks['clean-up']?.triggerPolicy?.strategy).toBe('ALL_UPSTREAM_TASKS_COMPLETED');
  });

  it('hands keys to what needs them alone', () => {
    expect(pod('deploy')?.secretAsEnv).toEqual([expect.objectContaining({ secretName: 'load-key' })]);
    expect(pod('train')?.secretAsEnv).toBeUndefined();
    expect(pod('fetch')?.secretAsEnv).toBeUndefined();
    const gated = readIr(compile(python(), pipelineInput(llama, { ...PLACES, hubSecret: 'hub' })));
    const { executors } = gated.platform.platforms.kubernetes.deploymentSpec;
    expect(executors['exec-fetch']?.secretAsEnv).toEqual([expect.objectContaining({ secretName: 'hub' })]);
    expect(JSON.stringify(executors).match(/HF_TOKEN/g)).toHaveLength(2);
  });

  it('is what the command writes', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'triton-stack-test-')), 'pipeline.yaml');
    const args = ['--store', PLACES.store, '--server', ...PLACES.servers, '--load-key', 'load-key', '--out', file];
    expect(await run('compile', 'llama-3.1-8b', ...args)).toEqual({ code: 0, out: '', err: '' });
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('says why the compiler fails', () => {
    const input = pipelineInput(llama, PLACES);
    expect(() => compile(python(), { ...input, resources: {} })).toThrow(
      /pipelines\/compile.py failed:\n[\s\S]*KeyError/,
    );
  });

  it('has as many bytes as a cluster takes, or is refused', () => {
    const input = pipelineInput(llama, PLACES);
    const long = { ...input, deploy: { ...input.deploy, config: '#'.repeat(800_000) } };
    expect(() => compile(python(), long)).toThrow(/is more than a cluster keeps/);
  });
});
