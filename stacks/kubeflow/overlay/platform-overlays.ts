import { NAMES } from '../../../charts/kubeflow/settings';
import type { Platform } from '../../../constructs/platform';
import { versions } from '../../../models/versions';
import {
  atGithub,
  DEPENDS_ON,
  imageOverride,
  KUSTOMIZATION,
  type KustomizePatch,
  type Locate,
  merge,
  type Overlay,
  remove,
} from './kustomization';

const { images, upstream } = versions;
const { kubeflowManifests: manifests } = upstream;

/** A stage of the platform. */
export interface PlatformStage extends Overlay {
  /** Stages that have to be ready before. */
  readonly after: readonly string[];
}

/** Namespaces that hold generated passwords before anything of theirs runs. */
export const LOGIN_NAMESPACES = ['auth', 'oauth2-proxy'] as const;

/** What a stage is: folders of upstream's, and what is taken away or changed. */
interface Stage {
  readonly folders: readonly string[];
  readonly after?: readonly string[];
  readonly patches?: readonly KustomizePatch[];
  readonly images?: Overlay['kustomization']['images'];
}

/** In order: what a stage refers to is in one before it. */
const STAGES = (platform: Platform): Readonly<Record<string, Stage>> => ({
  certificates: {
    folders: ['common/cert-manager/overlays/kubeflow'],
    // Its own webhook looks at it.
    patches: [
      merge('cert-manager.io/v1', 'ClusterIssuer', 'kubeflow-self-signing-issuer', {
        metadata: {
          name: 'kubeflow-self-signing-issuer',
          annotations: { [DEPENDS_ON]: 'apps/namespaces/cert-manager/Deployment/cert-manager-webhook' },
        },
      }),
    ],
  },
  'istio-definitions': { folders: ['common/istio/istio-crds/base', 'common/istio/istio-namespace/base'] },
  istio: {
    // GKE's nodes have no /opt/cni/bin to write to (upstream's README).
    folders: [`common/istio/istio-install/overlays/${platform === 'gke' ? 'gke' : 'oauth2-proxy'}`],
    after: ['istio-definitions'],
  },
  namespaces: {
    folders: ['common/kubeflow-namespace/base', 'common/kubeflow-roles/base'],
    patches: aggregated('kubeflow-admin', 'kubeflow-edit', 'kubeflow-view'),
  },
  login: {
    folders: ['common/oauth2-proxy/overlays/m2m-dex-only', 'common/dex/overlays/oauth2-proxy'],
    after: ['istio'],
    patches: [
      ...LOGIN_NAMESPACES.map((name) => remove('v1', 'Namespace', name)),
      // user@example.com with the password 12341234; a client secret and a cookie secret that are public.
      remove('v1', 'ConfigMap', 'dex'),
      remove('v1', 'Secret', 'dex-passwords'),
      remove('v1', 'Secret', 'dex-oidc-client'),
      remove('v1', 'Secret', 'oauth2-proxy'),
    ],
  },
  gateway: {
    folders: ['common/istio/kubeflow-istio-resources/base'],
    after: ['istio', 'namespaces'],
    patches: aggregated('kubeflow-istio-admin'),
  },
  profiles: {
    folders: ['applications/profiles/pss', 'applications/admission-webhook/upstream/overlays/cert-manager'],
    after: ['certificates', 'gateway'],
    patches: aggregated('admission-webhook-kubeflow-poddefaults-admin', 'admission-webhook-kubeflow-poddefaults-edit'),
  },
  pipelines: {
    folders: ['applications/pipeline/overlays'],
    after: ['certificates', 'profiles', 'login'],
    patches: [
      ...aggregated('kubeflow-pipelines-edit', 'kubeflow-pipelines-view'),
      remove('v1', 'Secret', NAMES.databaseSecret),
      remove('v1', 'Secret', NAMES.storeSecret),
      merge('apps/v1', 'Deployment', 'mysql', {
        spec: {
          template: {
            spec: {
              containers: [
                {
                  name: 'mysql',
                  env: [
                    { name: 'MYSQL_ALLOW_EMPTY_PASSWORD', $patch: 'delete' },
                    {
                      name: 'MYSQL_ROOT_PASSWORD',
                      valueFrom: { secretKeyRef: { name: NAMES.databaseSecret, key: 'password' } },
                    },
                  ],
                },
              ],
            },
          },
        },
      }),
    ],
    images: [imageOverride('mysql', images.mysql)],
  },
  workbenches: {
    folders: [
      'applications/centraldashboard/overlays/oauth2-proxy',
      'applications/jupyter/jupyter-web-app/upstream/overlays/istio',
      'applications/jupyter/notebook-controller/upstream/overlays/kubeflow',
      'applications/volumes-web-app/upstream/overlays/istio',
      'applications/pvcviewer-controller/upstream/base',
    ],
    after: ['profiles', 'login'],
    patches: aggregated('notebook-controller-kubeflow-notebooks-admin'),
  },
  trainer: {
    folders: ['applications/trainer/overlays'],
    // Its namespace has Istio put a sidecar into pods: those that are there before have none.
    after: ['certificates', 'namespaces', 'istio'],
    patches: [
      ...aggregated('kubeflow-trainer-admin'),
      // Trainer's own webhook looks at them.
      {
        target: { group: 'trainer.kubeflow.org', kind: 'ClusterTrainingRuntime', name: '.*' },
        patch: JSON.stringify([
          {
            op: 'add',
            path: '/metadata/annotations',
            value: {
              [DEPENDS_ON]: 'apps/namespaces/kubeflow-system/Deployment/kubeflow-trainer-controller-manager',
            },
          },
        ]),
      },
    ],
  },
});

/** The cluster fills the rules of these roles in: upstream's empty list of them would be a conflict at the next change. */
function aggregated(...names: readonly string[]): KustomizePatch[] {
  return names.map((name) => merge('rbac.authorization.k8s.io/v1', 'ClusterRole', name, { rules: null }));
}

/**
 * The whole platform from upstream's manifests, in stages that wait for each other, in place of upstream's loop around
 * `kubectl apply`. Left out: Katib, KServe, Knative, Spark and TensorBoards, which nothing here asks for.
 *
 * @param locate - where upstream's folders are @default at GitHub
 */
export function platformOverlays(platform: Platform, locate: Locate = atGithub): PlatformStage[] {
  return Object.entries(STAGES(platform)).map(([name, { folders, after = [], patches, images: renamed }]) => ({
    name: `platform-${name}`,
    after: after.map((each) => `platform-${each}`),
    sources: [manifests],
    kustomization: {
      ...KUSTOMIZATION,
      resources: folders.map((folder) => locate(manifests, folder)),
      ...(renamed !== undefined && { images: renamed }),
      ...(patches !== undefined && { patches }),
    },
  }));
}
