import type { PipelinesSettings } from '../../charts/kubeflow/settings';
import { openEnvironment } from '../../preview/build-plan';
import { monitoringNamespace } from '../../stacks/environment/environment';
import { pipelinesSettings } from '../../stacks/environment/kubeflow';
import { type Config, environmentFolder, environmentText, type Shipped, shippedConfig } from './environment-file';

/** Name of the environments that are made here. */
export const TRIED = 'try';

interface Flavour {
  readonly from: Shipped;
  readonly kubeflow: Config;
}

/** Kubeflow in every form that an environment can have it. */
export const FLAVOURS: Readonly<Record<string, Flavour>> = {
  'GKE with a MySQL in the cluster': { from: 'dev', kubeflow: { kind: 'pipelines' } },
  'GKE with Cloud SQL': { from: 'prod', kubeflow: { kind: 'pipelines', database: { kind: 'cloud-sql' } } },
  'Kubernetes with SeaweedFS': {
    from: 'local',
    kubeflow: { kind: 'pipelines', database: { kind: 'in-cluster', storageGb: 5, storageClass: 'fast' } },
  },
  'Kubernetes with S3': {
    from: 'local',
    kubeflow: {
      kind: 'pipelines',
      artifacts: { kind: 's3', bucket: 'runs', region: 'eu-west-1', secretName: 'runs-keys' },
    },
  },
  OpenShift: {
    from: 'openshift',
    kubeflow: {
      kind: 'pipelines',
      artifacts: { kind: 'seaweedfs', storageGb: 20 },
      access: { kind: 'route', host: 'kubeflow.apps.example.com', allowFrom: ['10.0.0.0/8'] },
    },
  },
};

/** A folder with the environment's file, without models: they are served by other tests. */
export function flavourFolder({ from, kubeflow }: Flavour): string {
  const config = { ...shippedConfig(from), kubeflow, serving: { models: [] } };
  return environmentFolder(TRIED, environmentText(config));
}

/** What the objects of the flavour's Kubeflow follow from. */
export function flavourSettings(flavour: Flavour): PipelinesSettings {
  return settingsIn(flavourFolder(flavour));
}

export function settingsIn(folder: string): PipelinesSettings {
  const { environment } = openEnvironment(folder, TRIED);
  const { kubeflow } = environment;
  if (kubeflow.kind !== 'pipelines') throw new Error(`${folder} has no Kubeflow Pipelines of its own`);
  return pipelinesSettings(environment, kubeflow, monitoringNamespace(environment));
}
