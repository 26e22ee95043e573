import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubernetesObject } from '../../preview/plan';
import { customKind, Definitions, UPSTREAM_VARIABLE } from '../../sandbox/definitions';
import { ROOT } from '../support/environment-file';
import { quiet, TestSandbox, UP_MS } from '../support/test-sandbox';

const upstream = process.env[UPSTREAM_VARIABLE];
const definitions = Definitions.open(ROOT, quiet());

const FROM_MODULES = [
  'gateway.networking.k8s.io/GRPCRoute',
  'gateway.networking.k8s.io/HTTPRoute',
  'karpenter.sh/NodePool',
  'keda.sh/ScaledObject',
  'monitoring.coreos.com/PodMonitor',
  'monitoring.coreos.com/PrometheusRule',
  'route.openshift.io/Route',
  'security.openshift.io/SecurityContextConstraints',
];
const FROM_UPSTREAM = [
  'argoproj.io/Application',
  'argoproj.io/Rollout',
  'gateway.envoyproxy.io/BackendTrafficPolicy',
  'inference.networking.k8s.io/InferencePool',
  'kueue.x-k8s.io/ClusterQueue',
  'leaderworkerset.x-k8s.io/LeaderWorkerSet',
  'monitoring.googleapis.com/PodMonitoring',
  'nvidia.com/ClusterPolicy',
];

describe('definitions of custom resources', () => {
  it('come out of Go modules', () => {
    expect(definitions.names).toEqual(expect.arrayContaining(FROM_MODULES));
    expect(definitions.of('route.openshift.io/Route')?.kind).toBe('CustomResourceDefinition');
    expect(definitions.of('route.openshift.io/Rout')).toBeUndefined();
  });

  if (upstream === undefined)
    console.log(`Skipped: definitions of ${FROM_UPSTREAM.join(', ')}: ${UPSTREAM_VARIABLE} is not set`);
  it.skipIf(upstream === undefined)('come from upstream where no module has them', () => {
    expect(existsSync(`${upstream}/crds`)).toBe(true);
    expect(definitions.names).toEqual(expect.arrayContaining(FROM_UPSTREAM));
  });

  it.each([
    ['v1', 'Pod', undefined],
    ['apps/v1', 'Deployment', undefined],
    ['networking.k8s.io/v1', 'NetworkPolicy', undefined],
    ['admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy', undefined],
    ['gateway.networking.k8s.io/v1', 'HTTPRoute', 'gateway.networking.k8s.io/HTTPRoute'],
    ['kueue.x-k8s.io/v1beta1', 'ClusterQueue', 'kueue.x-k8s.io/ClusterQueue'],
  ])('are needed for what Kubernetes does not bring: %s %s', (apiVersion, kind, name) => {
    expect(customKind({ apiVersion, kind, metadata: { name: 'any' } })).toBe(name);
  });
});

describe('on a real API server', () => {
  let on: TestSandbox;
  beforeAll(async () => {
    on = TestSandbox.empty();
    await on.sandbox.up({ name: 'openshift', folder: ROOT, bare: true }, quiet());
  }, UP_MS);
  afterAll(() => on?.down(), UP_MS);

  it(
    'all of them are established',
    async () => {
      const all = definitions.names.map((name) => definitions.of(name)).filter((each) => each !== undefined);
      await on.kubectl.apply(all, { manager: 'triton-sandbox' });
      await on.untilUsable(all);
      const held = await on.kubectl.list('customresourcedefinitions');
      expect(held.length).toBe(new Set(all.map(({ metadata }) => metadata.name)).size);
    },
    UP_MS,
  );

  it('holds a security context constraint to the schema of OpenShift', async () => {
    const scc: KubernetesObject = {
      apiVersion: 'security.openshift.io/v1',
      kind: 'SecurityContextConstraints',
      metadata: { name: 'triton' },
      allowHostDirVolumePlugin: false,
      allowHostIPC: false,
      allowHostNetwork: false,
      allowHostPID: false,
      allowHostPorts: false,
      allowPrivilegedContainer: false,
      allowedCapabilities: [],
      defaultAddCapabilities: [],
      requiredDropCapabilities: ['ALL'],
      readOnlyRootFilesystem: true,
      priority: null,
      runAsUser: { type: 'MustRunAsRange' },
      seLinuxContext: { type: 'MustRunAs' },
      fsGroup: { type: 'MustRunAs' },
      supplementalGroups: { type: 'RunAsAny' },
      volumes: ['configMap', 'emptyDir', 'projected', 'secret'],
    };
    await on.kubectl.apply([scc]);
    const { allowHostNetwork, ...incomplete } = scc;
    const refused = await on.kubectl.tryApply([
      { ...incomplete, apiVersion: scc.apiVersion, kind: scc.kind, metadata: { name: 'other' } },
    ]);
    expect({ allowHostNetwork, status: refused.status }).toEqual({ allowHostNetwork: false, status: 1 });
    expect(refused.stderr).toContain('allowHostNetwork: Required value');
  });
});
