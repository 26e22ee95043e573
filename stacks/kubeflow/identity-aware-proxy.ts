import { GlobalAddress } from '@pulumi/gcp/compute/globalAddress.js';
import { ManagedSslCertificate } from '@pulumi/gcp/compute/managedSslCertificate.js';
import { WebTypeComputeIamMember } from '@pulumi/gcp/iap/webTypeComputeIamMember.js';
import type { Output } from '@pulumi/pulumi';
import { Component, type ComponentOptions } from '../component';
import type { GkeEnvironment } from '../environment/environment';
import type { IapAccess } from '../environment/kubeflow';

/** The address, the certificate and the people of the load balancer in front of the UI; GKE makes the balancer itself. */
export class IdentityAwareProxy extends Component {
  /** Where the host's DNS record has to point: the certificate waits for it. */
  readonly address: Output<string>;

  constructor(environment: GkeEnvironment, access: IapAccess, opts: ComponentOptions) {
    super('kubeflow:IdentityAwareProxy', 'kubeflow-iap', opts);
    const { project } = environment.platform;
    const address = new GlobalAddress(
      'kubeflow-ui',
      { name: access.addressName, addressType: 'EXTERNAL', ipVersion: 'IPV4' },
      this.child,
    );
    this.address = address.address;
    new ManagedSslCertificate(
      'kubeflow-ui',
      { name: access.certificateName, managed: { domains: [access.host] } },
      this.child,
    );
    for (const member of access.members) {
      // Of all backends of the project that ask: GKE names its own, and only once it has made them.
      new WebTypeComputeIamMember(member, { project, role: 'roles/iap.httpsResourceAccessor', member }, this.child);
    }
    this.registerOutputs({ address: this.address });
  }
}
