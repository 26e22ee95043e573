import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CustomResource, secret } from '@pulumi/pulumi';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { versions } from '../../models/versions';
import { buildPlan } from '../../preview/build-plan';
import { cloudGist } from '../../preview/gist';
import { SECRET as HIDDEN, type Plan, type PlannedResource, UNKNOWN } from '../../preview/plan';
import { record } from '../../preview/record';
import { platformOverlays } from '../../stacks/kubeflow/overlay/platform-overlays';
import { Tokens } from '../../stacks/tokens';
import {
  type Config,
  environmentFolder,
  environmentText,
  ROOT,
  type Shipped,
  shippedConfig,
} from '../support/environment-file';

const DIRECTORY = 'kubernetes:kustomize/v2:Directory';
const PASSWORD = 'random:index/randomPassword:RandomPassword';
const SECRET = 'kubernetes:core/v1:Secret';

async function planOf(from: Shipped, kubeflow: Config): Promise<Plan> {
  return buildPlan(environmentFolder('try', environmentText({ ...shippedConfig(from), kubeflow })), 'try');
}

async function problems(from: Shipped, kubeflow: Config): Promise<string> {
  return planOf(from, kubeflow).then(
    () => 'none',
    (error: Error) => error.message,
  );
}

function only(plan: Plan, type: string, name: string): PlannedResource {
  const found = plan.resources.filter((each) => each.type === type && each.name === name);
  expect(found.map(({ urn }) => urn)).toHaveLength(1);
  return found[0] as PlannedResource;
}

const none = (plan: Plan, type: string, name: string) =>
  expect(plan.resources.filter((each) => each.type === type && each.name === name)).toEqual([]);

/** Whether one resource waits for another, be it through others. */
function waits(plan: Plan, from: PlannedResource, to: PlannedResource): boolean {
  const byUrn = new Map(plan.resources.map((each) => [each.urn, each]));
  const seen = new Set<string>();
  const visit = (urn: string): boolean => {
    if (urn === to.urn) return true;
    if (seen.has(urn)) return false;
    seen.add(urn);
    return byUrn.get(urn)?.dependencies.some((each) => visit(each)) ?? false;
  };
  return from.dependencies.some((each) => visit(each));
}

describe('registration', () => {
  it('has a resource for each stage, below one component, in order', async () => {
    const plan = await planOf('dev', { kind: 'pipelines' });
    const component = only(plan, 'triton-stack:kubeflow:Pipelines', 'kubeflow');
    const stage = (name: string) => only(plan, DIRECTORY, `kubeflow-${name}`);
    for (const name of ['definitions', 'database', 'pipelines']) expect(stage(name).parent).toBe(component.urn);
    none(plan, DIRECTORY, 'kubeflow-store');

    const namespace = only(plan, 'kubernetes:core/v1:Namespace', 'kubeflow');
    const secret = only(plan, SECRET, 'kubeflow/mysql-secret');
    const quota = only(plan, 'kubernetes:core/v1:ResourceQuota', 'kubeflow/step-gpus');
    const budget = only(plan, 'kubernetes:policy/v1:PodDisruptionBudget', 'kubeflow/ml-pipeline-ui');
    expect(namespace.inputs).toMatchObject({
      metadata: {
        labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'triton-stack/client': 'true' },
      },
    });
    expect(waits(plan, secret, namespace)).toBe(true);
    expect(waits(plan, stage('database'), secret)).toBe(true);
    expect(waits(plan, stage('database'), stage('definitions'))).toBe(false);
    for (const each of [stage('database'), stage('definitions'), quota]) {
      expect(waits(plan, stage('pipelines'), each)).toBe(true);
    }
    expect(waits(plan, budget, stage('pipelines'))).toBe(true);
    expect(waits(plan, namespace, only(plan, 'gcp:container/nodePool:NodePool', 'system'))).toBe(true);
  });

  it('says what would be fetched, and from which commit', async () => {
    const plan = await planOf('dev', { kind: 'pipelines' });
    const { kubeflowPipelines: kfp, argoWorkflows: argo } = versions.upstream;
    expect(cloudGist(only(plan, DIRECTORY, 'kubeflow-pipelines'))).toBe(
      `fetches kubeflow/pipelines @ ${kfp.commit.slice(0, 10)}, argoproj/argo-workflows @ ${argo.commit.slice(0, 10)}`,
    );
    expect(cloudGist(only(plan, DIRECTORY, 'kubeflow-database'))).toBe(
      `fetches kubeflow/pipelines @ ${kfp.commit.slice(0, 10)}`,
    );
  });

  it('leaves a kustomization where the engine finds it, beside the program', async () => {
    const plan = await planOf('dev', { kind: 'pipelines' });
    const { directory } = only(plan, DIRECTORY, 'kubeflow-pipelines').inputs;
    const file = join(ROOT, 'stacks', String(directory), 'kustomization.yaml');
    const { resources } = load(readFileSync(file, 'utf8')) as { resources: string[] };
    expect(resources[0]).toMatch(/^https:\/\/github\.com\/kubeflow\/pipelines\/\/.*\?ref=[0-9a-f]{40}&/);
  });

  it('takes another folder when the kustomization is another', async () => {
    const folder = async (storageGb: number) => {
      const plan = await planOf('dev', { kind: 'pipelines', database: { kind: 'in-cluster', storageGb } });
      return only(plan, DIRECTORY, 'kubeflow-database').inputs.directory;
    };
    expect(await folder(20)).not.toBe(await folder(30));
  });
});

describe('passwords', () => {
  it('are generated, and nowhere to be read', async () => {
    const plan = await planOf('local', { kind: 'pipelines' });
    const generated = plan.resources.filter(({ type }) => type === PASSWORD).map(({ name }) => name);
    expect(generated.sort()).toEqual([
      'kubeflow-mysql',
      'kubeflow-store-access',
      'kubeflow-store-secret',
      'kubeflow-ui-signing',
    ]);
    for (const { type, name, inputs } of plan.resources) {
      if (type === PASSWORD) expect({ name, ...inputs }).toMatchObject({ name, length: 32, special: false });
    }
    const store = only(plan, SECRET, 'kubeflow/mlpipeline-minio-artifact');
    expect(waits(plan, only(plan, DIRECTORY, 'kubeflow-store'), store)).toBe(true);
    expect(store.uses).toMatchObject({
      stringData: [expect.stringContaining('kubeflow-store-access'), expect.stringContaining('kubeflow-store-secret')],
    });
  });

  it('are filled in where their tokens stand, and stay secret', async () => {
    class Probe extends CustomResource {}
    const { resources } = await record({ stack: 'try', config: {} }, () => {
      const tokens = new Tokens();
      const token = tokens.of('a password', secret('hunter2'));
      expect(token).toBe('<token-0 of a password>');
      expect(() => new Tokens().fill(token)).toThrow('stands for nothing');
      new Probe('test:index:Probe', 'probe', tokens.fill({ deep: [{ password: token }], plain: [1, null, 'text'] }));
    });
    const probe = resources.find(({ name }) => name === 'probe');
    expect(probe?.inputs).toEqual({ deep: [{ password: HIDDEN }], plain: [1, null, 'text'] });
    expect(JSON.stringify(resources)).not.toContain('hunter2');
  });
});

describe('Cloud SQL', () => {
  it('has a private address alone, is protected, and is reached through a proxy with an identity', async () => {
    const plan = await planOf('prod', { kind: 'pipelines', database: { kind: 'cloud-sql' } });
    const instance = only(plan, 'gcp:sql/databaseInstance:DatabaseInstance', 'kubeflow');
    expect(instance.options).toMatchObject({ protect: true });
    expect(instance.inputs).toMatchObject({
      name: 'triton-try-kubeflow',
      databaseVersion: 'MYSQL_8_0',
      deletionProtection: true,
      settings: {
        tier: 'db-custom-2-7680',
        availabilityType: 'REGIONAL',
        deletionProtectionEnabled: true,
        ipConfiguration: { ipv4Enabled: false, sslMode: 'ENCRYPTED_ONLY' },
        backupConfiguration: { enabled: true, binaryLogEnabled: true },
      },
    });
    expect(JSON.stringify(instance.inputs)).not.toContain('authorizedNetworks');
    const user = only(plan, 'gcp:sql/user:User', 'kubeflow');
    expect(user.inputs.password).toBe(UNKNOWN);
    expect(waits(plan, user, only(plan, PASSWORD, 'kubeflow-database'))).toBe(true);
    none(plan, DIRECTORY, 'kubeflow-database');
    const proxy = only(plan, 'kubernetes:apps/v1:Deployment', 'kubeflow/cloud-sql-proxy');
    expect(JSON.stringify(proxy.inputs)).toContain('acme-ml-prod:us-central1:triton-try-kubeflow');
    expect(waits(plan, proxy, user)).toBe(true);
    expect(waits(plan, only(plan, DIRECTORY, 'kubeflow-pipelines'), proxy)).toBe(true);
    const client = only(plan, 'gcp:projects/iAMMember:IAMMember', 'cloud-sql-proxy');
    expect(client.inputs.member).toMatch(/\/subject\/ns\/kubeflow\/sa\/cloud-sql-proxy$/);
    for (const api of ['sqladmin', 'servicenetworking']) only(plan, 'gcp:projects/service:Service', api);
    expect(waits(plan, instance, only(plan, 'gcp:servicenetworking/connection:Connection', 'google-services'))).toBe(
      true,
    );
  });
});

describe('the way to the UI', () => {
  const iap = {
    kind: 'iap',
    host: 'kubeflow.example.com',
    clientId: '1-a.apps.googleusercontent.com',
    clientSecretName: 'oauth',
    members: ['group:ml@example.com'],
  };

  it('asks who somebody is on Google Cloud', async () => {
    const plan = await planOf('dev', { kind: 'pipelines', access: iap });
    const policy = only(plan, 'kubernetes:networking.gke.io/v1:GCPBackendPolicy', 'kubeflow/ml-pipeline-ui');
    expect(policy.inputs.spec).toMatchObject({
      default: { iap: { enabled: true, clientID: iap.clientId, oauth2ClientSecret: { name: 'oauth' } } },
    });
    const gateway = only(plan, 'kubernetes:gateway.networking.k8s.io/v1:Gateway', 'kubeflow/ml-pipeline-ui');
    expect(waits(plan, gateway, only(plan, 'gcp:compute/globalAddress:GlobalAddress', 'kubeflow-ui'))).toBe(true);
    const member = only(plan, 'gcp:iap/webTypeComputeIamMember:WebTypeComputeIamMember', 'group:ml@example.com');
    expect(member.inputs.role).toBe('roles/iap.httpsResourceAccessor');
    expect(plan.outputs).toHaveProperty('kubeflowAddress');
    // The environment has to name what is reached from outside.
    expect(plan.summary.policies.findings.map(({ rule, subject }) => `${rule} ${subject}`)).toContain(
      'public-endpoint Gateway kubeflow/ml-pipeline-ui',
    );
  });

  it('lets in the named networks alone on OpenShift', async () => {
    const access = { kind: 'route', allowFrom: ['10.0.0.0/8', '192.168.1.0/24'] };
    const plan = await planOf('openshift', { kind: 'pipelines', access });
    const route = only(plan, 'kubernetes:route.openshift.io/v1:Route', 'kubeflow/ml-pipeline-ui');
    expect(route.inputs).toMatchObject({
      metadata: { annotations: { 'haproxy.router.openshift.io/ip_allowlist': '10.0.0.0/8 192.168.1.0/24' } },
      spec: { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' } },
    });
  });
});

describe('GPUs of steps', () => {
  const quota = async (kubeflow: Config) => {
    const plan = await planOf('dev', kubeflow);
    const { spec } = only(plan, 'kubernetes:core/v1:ResourceQuota', 'kubeflow/step-gpus').inputs;
    return (spec as { hard: Record<string, string> }).hard['requests.nvidia.com/gpu'];
  };

  it('are those that servers at their least leave, or as many as are said', async () => {
    // 5 L4 and 1 A100, of which two servers take one each.
    expect(await quota({ kind: 'pipelines' })).toBe('4');
    expect(await quota({ kind: 'pipelines', gpuQuota: 0 })).toBe('0');
  });
});

describe('the whole platform', () => {
  const platform = { kind: 'platform', owner: 'ada@example.com' };
  const stage = (plan: Plan, name: string) => only(plan, DIRECTORY, `kubeflow-platform-${name}`);

  it('is registered in stages, each after those that it needs', async () => {
    const plan = await planOf('dev', platform);
    const component = only(plan, 'triton-stack:kubeflow:Platform', 'kubeflow');
    for (const [later, earlier] of [
      ['istio', 'istio-definitions'],
      ['login', 'istio'],
      ['gateway', 'namespaces'],
      ['profiles', 'certificates'],
      ['profiles', 'gateway'],
      ['pipelines', 'profiles'],
      ['pipelines', 'login'],
      ['workbenches', 'login'],
      ['trainer', 'certificates'],
      ['trainer', 'istio'],
    ] as const) {
      expect(stage(plan, later).parent).toBe(component.urn);
      expect({ later, earlier, waits: waits(plan, stage(plan, later), stage(plan, earlier)) }).toMatchObject({
        waits: true,
      });
    }
    expect(waits(plan, stage(plan, 'certificates'), stage(plan, 'istio'))).toBe(false);
    const profile = only(plan, 'kubernetes:kubeflow.org/v1:Profile', 'kubeflow-ada-example-com');
    expect(profile.inputs.spec).toEqual({
      owner: { kind: 'User', name: 'ada@example.com' },
      resourceQuotaSpec: { hard: { 'requests.nvidia.com/gpu': '4' } },
    });
    expect(waits(plan, profile, stage(plan, 'profiles'))).toBe(true);
    expect(cloudGist(stage(plan, 'istio'))).toBe(
      `fetches kubeflow/manifests @ ${versions.upstream.kubeflowManifests.commit.slice(0, 10)}`,
    );
  });

  it('knows nobody but its owner, by generated passwords that are there before what reads them', async () => {
    const plan = await planOf('dev', platform);
    const dex = only(plan, 'kubernetes:core/v1:ConfigMap', 'auth/dex');
    expect(JSON.stringify(dex.inputs)).toContain('ada@example.com');
    expect(JSON.stringify(plan.resources)).not.toContain('user@example.com');
    for (const [name, reader] of [
      ['auth/dex-passwords', 'login'],
      ['auth/dex-oidc-client', 'login'],
      ['oauth2-proxy/oauth2-proxy', 'login'],
      ['kubeflow/mysql-secret', 'pipelines'],
      ['kubeflow/mlpipeline-minio-artifact', 'pipelines'],
    ] as const) {
      const held = only(plan, SECRET, name);
      expect(waits(plan, stage(plan, reader), held)).toBe(true);
      for (const value of Object.values(held.inputs.stringData as object)) expect([UNKNOWN, HIDDEN]).toContain(value);
    }
    expect(plan.outputs).toHaveProperty('kubeflowPassword');
    expect(plan.resources.filter(({ name }) => name === 'artifacts-pipelines')).toEqual([]);
  });

  it('takes away what upstream knows everybody by, in the kustomizations themselves', () => {
    const text = (name: string) =>
      JSON.stringify(platformOverlays('gke').find((each) => each.name === `platform-${name}`)?.kustomization);
    for (const name of ['dex-passwords', 'dex-oidc-client', 'oauth2-proxy']) {
      expect(text('login')).toContain(JSON.stringify(`"kind":"Secret","metadata":{"name":"${name}"}`).slice(1, -1));
    }
    for (const name of ['mysql-secret', 'mlpipeline-minio-artifact']) {
      expect(text('pipelines')).toContain(JSON.stringify(`"kind":"Secret","metadata":{"name":"${name}"}`).slice(1, -1));
    }
    expect(text('istio')).toContain('overlays/gke');
    expect(JSON.stringify(platformOverlays('kubernetes'))).not.toContain('overlays/gke');
  });
});

describe('what cannot be', () => {
  it.each<[Shipped, Config, string]>([
    ['local', { kind: 'pipelines', database: { kind: 'cloud-sql' } }, 'is a service of Google'],
    ['local', { kind: 'pipelines', artifacts: { kind: 'environment-bucket' } }, 'makes no bucket on a cluster'],
    ['dev', { kind: 'pipelines', artifacts: { kind: 'seaweedfs' } }, 'would need keys'],
    ['dev', { kind: 'pipelines', access: { kind: 'route', allowFrom: ['10.0.0.0/8'] } }, 'is of OpenShift'],
    ['local', { kind: 'pipelines', access: { kind: 'route', allowFrom: ['10.0.0.0/8'] } }, 'leave it at port-forward'],
    ['openshift', { kind: 'pipelines', access: { kind: 'route' } }, 'kubeflow.access.allowFrom'],
    ['dev', { kind: 'pipelines', gpuQuota: 7 }, 'the pools have 6 GPUs'],
    ['dev', { kind: 'platform', owner: 'a@example.com', gpuQuota: 7 }, 'the pools have 6 GPUs'],
    ['dev', { kind: 'platform', owner: 'nobody' }, 'kubeflow.owner'],
    ['openshift', { kind: 'platform', owner: 'a@example.com' }, 'Red Hat'],
    ['dev', { kind: 'pipelines', database: { kind: 'cloud-sql', tier: 'huge' } }, 'is no machine type of Cloud SQL'],
  ])('is refused with the reason: %s %j', async (from, kubeflow, message) => {
    expect(await problems(from, kubeflow)).toContain(message);
  });

  it('is told all at once', async () => {
    const message = await problems('local', {
      kind: 'pipelines',
      database: { kind: 'cloud-sql' },
      access: {
        kind: 'iap',
        host: 'a.example.com',
        clientId: 'a',
        clientSecretName: 'a',
        members: ['user:a@example.com'],
      },
      artifacts: { kind: 'environment-bucket' },
      gpuQuota: 1000,
    });
    for (const key of ['database.kind', 'access.kind', 'artifacts.kind', 'gpuQuota']) {
      expect(message).toContain(`triton-stack:kubeflow.${key}`);
    }
  });
});
