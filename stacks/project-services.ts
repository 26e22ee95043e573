import { Service } from '@pulumi/gcp/projects/service.js';
import { Component, type ComponentOptions } from './component';
import type { GkeEnvironment } from './environment/environment';

const APIS = [
  'binaryauthorization',
  'cloudresourcemanager',
  'compute',
  'container',
  'iam',
  'logging',
  'monitoring',
  'storage',
] as const;

/** The Google Cloud APIs that the stack calls. They stay on when the stack goes: others may use them. */
export class ProjectServices extends Component {
  constructor(environment: GkeEnvironment, opts: ComponentOptions) {
    super('project:Services', 'apis', opts);
    const { project } = environment.platform;
    for (const api of [...APIS, ...optionalApis(environment)]) {
      new Service(api, { project, service: `${api}.googleapis.com`, disableOnDestroy: false }, this.child);
    }
    this.registerOutputs({});
  }
}

function optionalApis({ platform, kubeflow }: GkeEnvironment): string[] {
  const pipelines = kubeflow.kind === 'pipelines' ? kubeflow : undefined;
  return [
    ...(platform.databaseEncryptionKey === undefined ? [] : ['cloudkms']),
    ...(pipelines?.database.kind === 'cloud-sql' ? ['servicenetworking', 'sqladmin'] : []),
    ...(pipelines?.access.kind === 'iap' ? ['iap'] : []),
  ];
}
