import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { InferenceServer } from './inference-server';

/**
 * Lets a drain take one pod of a server at a time. By `maxUnavailable`, not `minAvailable`: with one replica the latter
 * would block node upgrades for ever.
 */
export class DisruptionBudget extends Construct {
  constructor(scope: Construct, id: string, server: InferenceServer) {
    super(scope, id);
    new k8s.KubePodDisruptionBudget(this, 'pdb', {
      metadata: { name: server.name, labels: { ...server.labels } },
      spec: {
        maxUnavailable: k8s.IntOrString.fromNumber(1),
        selector: { matchLabels: { ...server.selector } },
        // A pod that is not ready serves nobody: it may go at any time, or a broken server would block the drain.
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      },
    });
  }
}
