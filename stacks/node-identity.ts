import { IAMMember } from '@pulumi/gcp/projects/iammember.js';
import { Account } from '@pulumi/gcp/serviceaccount/account.js';
import { interpolate, type Output } from '@pulumi/pulumi';
import { Component, type ComponentOptions } from './component';
import type { GkeEnvironment } from './environment/environment';

/** What the kubelet and its agents need (GKE documentation, "Use a least privilege IAM service account"), and images. */
const ROLES = ['roles/container.defaultNodeServiceAccount', 'roles/artifactregistry.reader'] as const;

/** The service account of the nodes, in place of Compute Engine's default one, which may edit the whole project. */
export class NodeIdentity extends Component {
  readonly email: Output<string>;

  constructor(environment: GkeEnvironment, opts: ComponentOptions) {
    super('identity:Nodes', 'node-identity', opts);
    const { project } = environment.platform;
    const account = new Account(
      'nodes',
      { accountId: `triton-${environment.name}-nodes`, displayName: `GKE nodes of triton-${environment.name}` },
      this.child,
    );
    this.email = account.email;
    for (const role of ROLES) {
      const name = role.replace(/^roles\//, '');
      new IAMMember(name, { project, role, member: interpolate`serviceAccount:${account.email}` }, this.child);
    }
    this.registerOutputs({});
  }
}
