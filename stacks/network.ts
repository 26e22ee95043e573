import { Network as VpcNetwork } from '@pulumi/gcp/compute/network.js';
import { Router } from '@pulumi/gcp/compute/router.js';
import { RouterNat } from '@pulumi/gcp/compute/routerNat.js';
import { Subnetwork } from '@pulumi/gcp/compute/subnetwork.js';
import { Component, type ComponentOptions } from './component';
import type { GkeEnvironment } from './environment/environment';

/** Names of the subnet's secondary ranges. */
export const RANGES = { pods: 'pods', services: 'services' } as const;

/** A VPC-native network: one subnet with ranges for pods and services, and NAT for nodes without public addresses. */
export class Network extends Component {
  readonly vpc: VpcNetwork;
  readonly subnet: Subnetwork;
  /** What nodes reach the registries through: pools wait for it. */
  readonly nat: RouterNat;

  constructor(environment: GkeEnvironment, opts: ComponentOptions) {
    super('network:Network', 'network', opts);
    const { name, network, platform } = environment;
    const { region } = platform;
    this.vpc = new VpcNetwork(
      'vpc',
      { name: `triton-${name}`, autoCreateSubnetworks: false, routingMode: 'REGIONAL' },
      this.child,
    );
    this.subnet = new Subnetwork(
      'subnet',
      {
        name: `triton-${name}`,
        network: this.vpc.id,
        region,
        ipCidrRange: network.nodes,
        secondaryIpRanges: [
          { rangeName: RANGES.pods, ipCidrRange: network.pods },
          { rangeName: RANGES.services, ipCidrRange: network.services },
        ],
        // Nodes without public addresses reach Cloud Storage and Artifact Registry inside Google's network.
        privateIpGoogleAccess: true,
        logConfig: { aggregationInterval: 'INTERVAL_10_MIN', flowSampling: 0.5, metadata: 'INCLUDE_ALL_METADATA' },
      },
      this.child,
    );
    const router = new Router('router', { name: `triton-${name}`, network: this.vpc.id, region }, this.child);
    this.nat = new RouterNat(
      'nat',
      {
        name: `triton-${name}`,
        router: router.name,
        region,
        natIpAllocateOption: 'AUTO_ONLY',
        sourceSubnetworkIpRangesToNat: 'LIST_OF_SUBNETWORKS',
        subnetworks: [{ name: this.subnet.id, sourceIpRangesToNats: ['ALL_IP_RANGES'] }],
        logConfig: { enable: true, filter: 'ERRORS_ONLY' },
      },
      this.child,
    );
    this.registerOutputs({});
  }
}
