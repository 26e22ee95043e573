import { z } from 'zod';
import { ACCELERATORS } from '../../models/accelerator';
import { modelNameSchema, releaseSchema, scaleSchema } from '../../models/model';
import { wording } from '../../models/parse';
import { priceOverridesSchema } from '../../models/price-book';
import { MONITORING_NAMESPACE, policiesSchema } from '../../policies/settings';

const count = z.int().min(0);
const positive = z.int().min(1);

const dnsLabel = z
  .string()
  .max(63)
  .regex(
    /^[a-z]([a-z0-9-]*[a-z0-9])?$/,
    wording({ reason: 'is not a DNS label', allowed: 'lowercase letters, digits and "-", a letter first' }),
  );

/** Pool names become part of node pool names, of which GKE allows 40 characters. */
const poolName = dnsLabel.max(30);

const cidr = z.cidrv4(
  wording({ reason: 'is not an IPv4 range', allowed: 'an address and a prefix length, for example 10.0.0.0/20' }),
);

// Cloud Resource Manager documentation, "Project ID requirements".
const projectId = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
    wording({ reason: 'is not a project ID', allowed: '6 to 30 lowercase letters, digits and "-", a letter first' }),
  );

const region = z
  .string()
  .regex(/^[a-z]+-[a-z]+\d+$/, wording({ reason: 'is not a region', allowed: 'a region such as us-central1' }));
const zone = z
  .string()
  .regex(/^[a-z]+-[a-z]+\d+-[a-z]$/, wording({ reason: 'is not a zone', allowed: 'a zone such as us-central1-a' }));

const FORBIDDEN_IN_BUCKETS = /^goog|google|g00gle|go0gle|^\d+\.\d+\.\d+\.\d+$|\.\.|[._-]$/;

/** Cloud Storage documentation, "Bucket naming guidelines". */
export const bucketName = z
  .string()
  .min(3)
  .max(63)
  .refine(
    (name) => /^[a-z0-9][a-z0-9._-]*$/.test(name) && !name.includes('.') && !FORBIDDEN_IN_BUCKETS.test(name),
    wording({
      reason: 'is a name that Cloud Storage refuses, or one that it asks proof of a domain for',
      allowed:
        '3 to 63 lowercase letters, digits, "-" and "_", a letter or digit at both ends, without "goog" in front, "google" anywhere, or dots',
    }),
  );

const gkePlatform = z.strictObject({
  kind: z.literal('gke'),
  project: projectId,
  /** `gcloud projects describe PROJECT --format='value(projectNumber)'`; part of the workload identity principals. */
  projectNumber: positive,
  region,
  releaseChannel: z.enum(['RAPID', 'REGULAR', 'STABLE', 'EXTENDED']).default('REGULAR'),
  /** Off in environments that come and go. */
  deletionProtection: z.boolean().default(true),
  /** A Cloud KMS key that encrypts Secrets in etcd: `projects/P/locations/L/keyRings/R/cryptoKeys/K`. */
  databaseEncryptionKey: z
    .string()
    .regex(
      /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/,
      wording({
        reason: 'is not the name of a Cloud KMS key',
        allowed: 'projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY',
      }),
    )
    .optional(),
});

const existingPlatform = z.strictObject({
  kind: z.literal('existing'),
  flavour: z.enum(['kubernetes', 'openshift']),
  /** The kubeconfig context that names the cluster. */
  context: z.string().min(1),
});

const network = z.strictObject({
  /** Primary range of the subnet: a node's address each. */
  nodes: cidr,
  /** Secondary range: a /24 a node, for up to 110 pods each. */
  pods: cidr,
  /** Secondary range of Services. */
  services: cidr,
});

const systemPool = z.strictObject({
  machineType: z.string().default('e2-standard-4'),
  min: positive.default(1),
  max: positive.default(3),
  diskGb: z.int().min(30).default(100),
});

/** Who owns the driver and the device plugin of GPU nodes: one of these, so that there are never two. */
const gpuStack = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('gpu-operator'),
    /** `cos`: Google's installer puts the driver on the node. `ubuntu`: the operator runs it in a container. */
    nodeImage: z.enum(['cos', 'ubuntu']),
  }),
  z.strictObject({ kind: z.literal('gke-managed'), driver: z.enum(['default', 'latest']).default('default') }),
]);

const gkePool = z.strictObject({
  accelerator: z.enum(ACCELERATORS),
  machineType: z.string(),
  /** Several: one zone alone runs out of GPUs. */
  zones: z.array(zone).min(1),
  /** Nodes at least, over all zones. */
  min: count.default(0),
  /** Nodes at most, over all zones. */
  max: positive,
  /** Cheaper nodes that are taken away with 30 seconds' notice. */
  spot: z.boolean().default(false),
  diskGb: z.int().min(50).default(200),
  /** Labels of nodes beside those that the stack sets. */
  labels: z.record(z.string(), z.string()).default({}),
});

const existingPool = z.strictObject({
  accelerator: z.enum(ACCELERATORS),
  gpusPerNode: z.int().min(1).max(16),
  nodes: positive,
  /** CPU cores of one node that are free for pods. */
  cpus: z.number().min(1),
  /** GiB of one node that are free for pods. */
  memoryGib: z.number().min(1),
  /** Labels that name the nodes. Left out: `nvidia.com/gpu.product`, as GPU feature discovery sets it. */
  nodeSelector: z.record(z.string(), z.string()).optional(),
});

const buckets = z.strictObject({
  models: bucketName.optional(),
  artifacts: bucketName.optional(),
  data: bucketName.optional(),
  /** `US`, `EU`, or a region. Left out: the cluster's region. */
  location: z.string().optional(),
  /** Days that a replaced or deleted object can be had back. */
  keepDays: z.int().min(1).max(3650).default(30),
});

const s3Credentials = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('web-identity'),
    roleArn: z
      .string()
      .regex(
        /^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/,
        wording({ reason: 'is not the ARN of an IAM role', allowed: 'arn:aws:iam::ACCOUNT:role/NAME' }),
      ),
    audience: z.string().min(1).optional(),
  }),
  z.strictObject({ kind: z.literal('secret'), secretName: dnsLabel }),
]);

const s3Store = z.strictObject({
  kind: z.literal('s3'),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, wording({ reason: 'is not the name of a bucket' })),
  region: z.string().min(1),
  endpoint: z
    .url({
      protocol: /^https?$/,
      error: wording({ reason: 'is not the address of a store', allowed: 'https://HOST or http://HOST:PORT' }),
    })
    .optional(),
  credentials: s3Credentials,
});
const claimStore = z.strictObject({ kind: z.literal('claim'), claimName: dnsLabel });

/** Where the model repositories lie. Without GKE's workload identity, Cloud Storage would need a static key. */
const existingModelStore = z.discriminatedUnion('kind', [s3Store, claimStore]);
const gkeModelStore = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('environment-bucket') }),
  s3Store,
  claimStore,
]);

/** Labels that the stack sets itself. */
const STACK_LABELS = ['environment', 'managed-by', 'role'];

/** Google Cloud documentation, "Organize resources using labels", requirements for labels. */
const LABEL = { key: /^[a-z][a-z0-9_-]{0,62}$/, value: /^[a-z0-9_-]{0,63}$/ };

/** Labels of what costs money, which the bill carries. */
const resourceLabels = z.record(z.string(), z.string()).superRefine((labels, context) => {
  for (const [key, value] of Object.entries(labels)) {
    const refuse = (reason: string, allowed: string) =>
      context.addIssue({
        code: 'custom',
        path: [key],
        message: wording({ reason, allowed, fix: 'mend it, or remove it' }),
      });
    if (STACK_LABELS.includes(key)) refuse('is a label that the stack sets', 'labels of your own');
    else if (!LABEL.key.test(key) || !LABEL.value.test(value)) {
      refuse(
        'is no label of Google Cloud',
        'up to 63 lowercase letters, digits, "_" and "-"; a key starts with a letter',
      );
    }
  }
});

/** Where Kubeflow Pipelines keeps its runs. */
const kubeflowDatabase = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('in-cluster'),
    storageGb: positive.default(20),
    /** Left out: the cluster's default class. */
    storageClass: dnsLabel.optional(),
  }),
  z.strictObject({
    kind: z.literal('cloud-sql'),
    /** Cloud SQL documentation, "Instance settings", machine types of Enterprise edition. */
    tier: z
      .string()
      .regex(
        /^db-(custom-\d+-\d+|n1-(standard|highmem)-\d+|g1-small|f1-micro)$/,
        wording({
          reason: 'is no machine type of Cloud SQL',
          allowed: 'db-custom-CPUS-MEBIBYTES, db-n1-standard-1, ..., db-g1-small, db-f1-micro',
        }),
      )
      .default('db-custom-2-7680'),
    diskGb: z.int().min(10).default(20),
    /** A second instance in another zone, ready to take over. */
    highAvailability: z.boolean().default(true),
  }),
]);

/** Where runs keep their artifacts. */
const kubeflowArtifacts = z.discriminatedUnion('kind', [
  /** The environment's bucket for artifacts, by workload identity. */
  z.strictObject({ kind: z.literal('environment-bucket') }),
  /** A SeaweedFS in the cluster, with generated keys. */
  z.strictObject({
    kind: z.literal('seaweedfs'),
    storageGb: positive.default(50),
    /** Left out: the cluster's default class. */
    storageClass: dnsLabel.optional(),
  }),
  z.strictObject({
    kind: z.literal('s3'),
    bucket: s3Store.shape.bucket,
    region: s3Store.shape.region,
    endpoint: s3Store.shape.endpoint,
    /** A Secret in the namespace kubeflow with `accesskey` and `secretkey`: steps have no other way to an S3 store. */
    secretName: dnsLabel,
  }),
]);

/** IAM documentation, "Principal identifiers": those that can sign in. */
const iamMember = z
  .string()
  .regex(
    /^(user|group|domain):\S+$/,
    wording({ reason: 'is nobody who can sign in', allowed: 'user:EMAIL, group:EMAIL, domain:DOMAIN' }),
  );

/** How people reach the UI, which itself asks nobody who they are. */
const kubeflowAccess = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('port-forward') }),
  /** Google's load balancer with Identity-Aware Proxy. */
  z.strictObject({
    kind: z.literal('iap'),
    host: z.hostname(),
    /** Of the OAuth client, from the project's page of credentials. */
    clientId: z.string().min(1),
    /** A Secret in the namespace kubeflow with the client's secret under `key`. */
    clientSecretName: dnsLabel,
    members: z.array(iamMember).min(1),
  }),
  /** OpenShift's router. */
  z.strictObject({
    kind: z.literal('route'),
    /** Left out: the router chooses. */
    host: z.hostname().optional(),
    /** Networks that people are in: the router asks nobody who they are. */
    allowFrom: z.array(cidr).min(1),
  }),
]);

const kubeflow = z.discriminatedUnion('kind', [
  /** Kubeflow Pipelines on its own. */
  z.strictObject({
    kind: z.literal('pipelines'),
    database: kubeflowDatabase.prefault({ kind: 'in-cluster' }),
    /** Left out: the environment's bucket on GKE, SeaweedFS elsewhere. */
    artifacts: kubeflowArtifacts.optional(),
    access: kubeflowAccess.default({ kind: 'port-forward' }),
    /** GPUs that all steps together may hold. Left out: those that servers at their least leave. */
    gpuQuota: count.optional(),
  }),
  /** The whole platform: Central Dashboard, Istio, dex, profiles, notebooks, trainer, and pipelines of several users. */
  z.strictObject({
    kind: z.literal('platform'),
    /** Who signs in first, and owns the first profile. */
    owner: z.email(),
    /** GPUs that the owner's profile may hold. Left out: those that servers at their least leave. */
    gpuQuota: count.optional(),
  }),
  z.strictObject({ kind: z.literal('none') }),
]);

/** Who scrapes the servers and answers the autoscaler. */
const installedMonitoring = z.strictObject({
  kind: z.literal('prometheus'),
  namespace: dnsLabel.default(MONITORING_NAMESPACE),
  /** GB of disk for 15 days of metrics. */
  diskGb: positive.default(50),
});
const openshiftMonitoring = z.strictObject({ kind: z.literal('openshift') });
/** Prometheus with its operator and an adapter for the autoscaler are there already: nothing is installed. */
const presentMonitoring = z.strictObject({
  kind: z.literal('existing'),
  /** The namespace that scrapes the servers. */
  namespace: dnsLabel.default(MONITORING_NAMESPACE),
});

const workload = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('deployment') }),
  z.strictObject({ kind: z.literal('statefulset'), storageClass: dnsLabel.optional() }),
]);

const servedModel = z.strictObject({
  /** A model of the catalogue. */
  model: z.string(),
  /** The name it is served under. Left out: the model's. */
  name: modelNameSchema.optional(),
  /** Replicas. Left out: the model's. */
  scale: scaleSchema.optional(),
  /** A published release. Left out: the model's, or the one that was published or promoted last. */
  release: releaseSchema.optional(),
  /** Whether servers load what is published while they run. Left out: at their start alone. */
  watch: z.boolean().default(false),
  workload: workload.default({ kind: 'deployment' }),
  /** OpenShift only: the Route's host. Left out: the router chooses. */
  host: z.hostname().optional(),
});

const serving = z.strictObject({
  namespace: dnsLabel.default('triton'),
  /** None at first: a repository has to be published before its server can start. */
  models: z.array(servedModel),
});

const shared = {
  kubeflow: kubeflow.default({ kind: 'none' }),
  serving,
  /** What the rules of `policies/` go by. */
  policies: policiesSchema.prefault({}),
};

export const platformSchema = z.discriminatedUnion('kind', [gkePlatform, existingPlatform]);

export const gkeSchema = z.strictObject({
  platform: gkePlatform,
  network,
  systemPool: systemPool.prefault({}),
  gpuStack,
  pools: z.record(poolName, gkePool),
  buckets: buckets.prefault({}),
  /** Labels of cluster, nodes and buckets beside those that the stack sets: whom the bill is for. */
  labels: resourceLabels.default({}),
  modelStore: gkeModelStore.default({ kind: 'environment-bucket' }),
  monitoring: installedMonitoring.prefault({ kind: 'prometheus' }),
  /** Prices of your contract. Left out: list prices. */
  prices: priceOverridesSchema.optional(),
  ...shared,
});

export const existingSchema = z.strictObject({
  platform: existingPlatform,
  pools: z.record(poolName, existingPool),
  modelStore: existingModelStore,
  monitoring: z.discriminatedUnion('kind', [installedMonitoring, openshiftMonitoring, presentMonitoring]),
  ...shared,
});

export type GkeConfig = z.output<typeof gkeSchema>;
export type ExistingConfig = z.output<typeof existingSchema>;
export type GkePoolConfig = z.output<typeof gkePool>;
export type ExistingPoolConfig = z.output<typeof existingPool>;
export type KubeflowConfig = z.output<typeof kubeflow>;
export type ServedModelConfig = z.output<typeof servedModel>;
