import type { Finding } from '../../../policies/finding';
import type { Compared, ObjectChange, PlanDiff, ResourceChange } from '../../../preview/diff/plan-diff';
import type { Plan, PlannedResource } from '../../../preview/plan';

/**
 * A diff with one of everything that a page has to show, on top of a real plan of prod: written by hand, so that it
 * stays what it is whatever the repository changes.
 */
export function exampleDiff(plan: Plan): Required<Compared> {
  const findings = exampleFindings(plan);
  const { added, standing, waived } = findings;
  const shown: Plan = {
    ...plan,
    summary: {
      ...plan.summary,
      policies: {
        rules: ['deletion-protection', 'gpu-everywhere', 'image-digest', 'cost-ceiling', 'probes'],
        findings: [...added, ...standing, ...waived],
      },
    },
  };
  return { plan: shown, diff: diffOf(shown, findings) };
}

interface ExampleFindings {
  readonly added: readonly Finding[];
  readonly standing: readonly Finding[];
  readonly waived: readonly Finding[];
  readonly resolved: readonly Finding[];
}

function exampleFindings(plan: Plan): ExampleFindings {
  const pool = resource(plan, 'l4');
  const digest = (subject: string): Finding => ({
    rule: 'image-digest',
    severity: 'warning',
    subject,
    urn: urnOf(plan, subject),
    path: 'spec.template.spec.containers[0].image',
    message: 'nvcr.io/nvidia/tritonserver:25.10-py3 is named by tag alone',
    fix: 'npm run versions -- resolve',
  });
  return {
    added: [
      {
        rule: 'cost-ceiling',
        severity: 'error',
        subject: 'NodePool l4',
        urn: pool.urn,
        path: 'autoscaling.totalMaxNodeCount',
        message: '24 nodes of g2-standard-24 may cost $34,900 a month, and the ceiling is $30,000',
        fix: 'set pools.l4.max to 20, or raise policies.poolCeiling with who agreed to it',
      },
    ],
    standing: [digest('Deployment triton/triton-resnet50')],
    waived: [
      {
        rule: 'deletion-protection',
        severity: 'error',
        subject: 'Cluster gke',
        urn: resource(plan, 'gke').urn,
        message: 'deletionProtection is false',
        fix: 'set it to true',
        waiver: { owner: 'platform@acme.example', reason: 'the region is being left', until: '2027-01-31' },
      },
    ],
    resolved: [{ ...digest('StatefulSet triton/triton-llama-3-1-8b'), severity: 'error' }],
  };
}

function diffOf(plan: Plan, findings: ExampleFindings): PlanDiff {
  const [llama, resnet] = plan.summary.models;
  const cost = plan.summary.cost;
  if (llama?.memory?.kv === undefined || resnet === undefined || cost === undefined) throw new Error('no plan of prod');
  const { memory } = llama;
  return {
    environment: plan.environment,
    base: { name: 'origin/main', commit: '1f0c2d3b4a59687766554433221100ffeeddccbb' },
    resources: resourceChanges(plan),
    objects: objectChanges(),
    rollouts: [
      {
        chart: 'triton-llama-3-1-8b',
        kind: 'StatefulSet',
        namespace: 'triton',
        name: 'triton-llama-3-1-8b',
        pods: 2,
        gpusPerPod: 1,
        surgeGpus: 0,
        unavailable: 1,
        seconds: 448,
        longestSeconds: 670,
        because: ['spec.template.spec.containers[name=triton].image', 'spec.template.spec.nodeSelector'],
      },
      {
        chart: 'triton-resnet50',
        kind: 'Deployment',
        namespace: 'triton',
        name: 'triton-resnet50',
        pods: 2,
        gpusPerPod: 1,
        surgeGpus: 1,
        unavailable: 0,
        seconds: 122,
        longestSeconds: 364,
        because: ['spec.template.spec.containers[name=triton].image'],
      },
    ],
    models: [
      {
        name: llama.name,
        before: {
          ...llama,
          replicas: { min: 2, max: 8 },
          memory: { ...memory, weights: 14.96, kvCache: 4.31, kv: { tokens: 70_640, sequences: 13 } },
        },
        after: llama,
      },
      { name: 'bert-large', before: { ...resnet, name: 'bert-large' } },
    ],
    cost: {
      before: {
        ...cost,
        serving: cost.serving - 1.1,
        most: cost.most - 12.4,
        pools: cost.pools.map((pool) =>
          pool.name === 'l4' ? { ...pool, machineType: 'g2-standard-8', usdPerHour: 0.88, most: 16 } : pool,
        ),
      },
      after: cost,
    },
    versions: [
      { kind: 'image', name: 'nvcr.io/nvidia/tritonserver', before: ['25.09-py3'], after: ['25.10-py3'] },
      { kind: 'chart', name: 'gpu-operator', before: ['v26.6.1'], after: ['v26.7.0'] },
    ],
    policies: {
      added: findings.added,
      standing: [...findings.standing, ...findings.waived],
      resolved: findings.resolved,
    },
  };
}

function resourceChanges(plan: Plan): ResourceChange[] {
  const common = (name: string, group: string) => {
    const { urn, type } = resource(plan, name);
    return { urn, type, name, group };
  };
  const old = resource(plan, 'data').urn;
  return [
    {
      ...common('l4', 'pools'),
      action: 'replace',
      gist: '0-24 x g2-standard-12, 1 nvidia-l4, zones a b c',
      fields: [
        { path: 'autoscaling.totalMaxNodeCount', before: 16, after: 24 },
        { path: 'nodeConfig.machineType', before: 'g2-standard-8', after: 'g2-standard-12', replaces: true },
      ],
      consequences: [{ kind: 'restart', text: 'Its nodes come anew: 4 pods with 4 GPUs move to the new ones.' }],
    },
    {
      ...common('data', 'buckets'),
      urn: old.replace(/::data$/, '::scratch'),
      name: 'scratch',
      action: 'delete',
      gist: 'gs://acme-ml-prod-prod-scratch, US-CENTRAL1',
      fields: [],
      consequences: [{ kind: 'data-loss', text: 'What gs://acme-ml-prod-prod-scratch holds is deleted with it.' }],
    },
    {
      ...common('gpu-operator', 'gpu-operator'),
      urn: resource(plan, 'gpu-operator', 'kubernetes:helm.sh/v3:Release').urn,
      type: 'kubernetes:helm.sh/v3:Release',
      action: 'update',
      gist: 'chart gpu-operator v26.7.0, namespace gpu-operator',
      fields: [
        { path: 'values.driver.enabled', before: true },
        {
          path: 'values.toolkit.env',
          after: [{ name: 'CONTAINERD_SOCKET', value: '/run/containerd/containerd.sock' }],
        },
        { path: 'version', before: 'v26.6.1', after: 'v26.7.0' },
      ],
      consequences: [],
    },
  ];
}

const SCRIPT = [
  '--- before',
  '+++ after',
  '@@ -12,6 +12,7 @@',
  ' set -eu',
  '-transfers=8',
  '+transfers=16',
  '+checkers=32',
  ' release=$(cat "$MANIFEST")',
].join('\n');

function objectChanges(): ObjectChange[] {
  const llama = { chart: 'triton-llama-3-1-8b', namespace: 'triton', name: 'triton-llama-3-1-8b' };
  return [
    {
      ...llama,
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: 'triton-llama-3-1-8b-sync-2243a8e3',
      formerName: 'triton-llama-3-1-8b-sync-77aa0191',
      action: 'rename',
      gist: 'store.sh, sync.sh',
      fields: [{ path: 'data["sync.sh"]', text: SCRIPT }],
      consequences: [],
    },
    {
      ...llama,
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      action: 'update',
      gist: '2-12, triton_trtllm_active_requests > 48 a pod',
      fields: [{ path: 'spec.maxReplicas', before: 8, after: 12 }],
      consequences: [],
    },
    {
      ...llama,
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      action: 'update',
      gist: '1 GPU, 9.5 CPU, 34.5 GiB, volume of 32Gi',
      fields: [
        {
          path: 'spec.template.spec.containers[name=triton].image',
          before: 'nvcr.io/nvidia/tritonserver:25.09-trtllm-python-py3',
          after: 'nvcr.io/nvidia/tritonserver:25.10-trtllm-python-py3',
        },
        { path: 'spec.template.spec.containers[name=triton].resources.limits.cpu', before: '7.5', after: '9.5' },
      ],
      consequences: [{ kind: 'restart', text: '2 pods with 2 GPUs start anew, one at a time.' }],
    },
    {
      chart: 'triton-resnet50',
      namespace: 'triton',
      name: 'triton-resnet50',
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PodMonitor',
      action: 'create',
      gist: 'every 10s',
      fields: [],
      consequences: [],
    },
  ];
}

function resource(plan: Plan, name: string, type?: string): PlannedResource {
  const found = plan.resources.find((each) => each.name === name && (type === undefined || each.type === type));
  if (found === undefined) throw new Error(`the plan has no ${name}`);
  return found;
}

/** The URN of `Kind namespace/name`. */
function urnOf(plan: Plan, subject: string): string {
  const [kind, name] = subject.split(' ');
  const found = plan.resources.find((each) => each.type.endsWith(`:${kind}`) && each.name === name);
  if (found === undefined) throw new Error(`the plan has no ${subject}`);
  return found.urn;
}
