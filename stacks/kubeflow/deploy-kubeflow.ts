import type { Provider as KubernetesProvider } from '@pulumi/kubernetes/provider.js';
import type { Output, Resource } from '@pulumi/pulumi';
import type { ComponentOptions } from '../component';
import { type Environment, type GkeEnvironment, monitoringNamespace } from '../environment/environment';
import { pipelinesSettings } from '../environment/kubeflow';
import type { Network } from '../network';
import { CLOUD_SQL_USER, CloudSql } from './cloud-sql';
import { IdentityAwareProxy } from './identity-aware-proxy';
import { KubeflowPipelines } from './kubeflow-pipelines';
import { KubeflowPlatform } from './kubeflow-platform';

/** What Google runs for Kubeflow, where the environment asks for it. */
export interface GoogleParts {
  readonly database?: CloudSql;
  readonly iap?: IdentityAwareProxy;
}

/** What a stack exports of Kubeflow. */
export interface KubeflowOutputs {
  /** Where the DNS record of the UI's host has to point. */
  readonly kubeflowAddress?: Output<string>;
  /** Of the platform's owner: a secret. */
  readonly kubeflowPassword?: Output<string>;
}

/** The parts of Kubeflow that are Google's services. */
export function googleParts(
  environment: GkeEnvironment,
  { network, cluster }: { readonly network: Network; readonly cluster: Resource },
  opts: ComponentOptions,
): GoogleParts {
  const { kubeflow } = environment;
  if (kubeflow.kind !== 'pipelines') return {};
  const { database, access } = kubeflow;
  return {
    ...(database.kind === 'cloud-sql' && { database: new CloudSql({ environment, database, network, cluster }, opts) }),
    ...(access.kind === 'iap' && { iap: new IdentityAwareProxy(environment, access, opts) }),
  };
}

/** Kubeflow as the environment asks for it. */
export function deployKubeflow(
  environment: Environment,
  options: { readonly providers: KubernetesProvider[]; readonly dependsOn?: Resource[] },
  { database, iap }: GoogleParts,
): KubeflowOutputs {
  const { kubeflow } = environment;
  switch (kubeflow.kind) {
    case 'none':
      return {};
    case 'platform': {
      const { owner, gpuQuota } = kubeflow;
      const { password } = new KubeflowPlatform({ platform: environment.flavour, owner, gpuQuota }, options);
      return { kubeflowPassword: password };
    }
    case 'pipelines': {
      const settings = pipelinesSettings(environment, kubeflow, monitoringNamespace(environment));
      const dependsOn = [...(options.dependsOn ?? []), ...(iap === undefined ? [] : [iap])];
      new KubeflowPipelines(
        {
          settings,
          ...(database !== undefined && {
            database: { username: CLOUD_SQL_USER, password: database.password, ready: database.ready },
          }),
        },
        { ...options, dependsOn },
      );
      return iap === undefined ? {} : { kubeflowAddress: iap.address };
    }
  }
}
