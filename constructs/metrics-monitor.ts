import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import type { InferenceServer } from './inference-server';

/** Has the Prometheus operator scrape a server's pods, one by one, since the queue is each pod's own. */
export class MetricsMonitor extends Construct {
  constructor(scope: Construct, id: string, server: InferenceServer) {
    super(scope, id);
    new ApiObject(this, 'monitor', {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PodMonitor',
      metadata: { name: server.name, labels: { ...server.labels } },
      spec: {
        selector: { matchLabels: { ...server.selector } },
        podMetricsEndpoints: [{ ...server.metrics, interval: '10s', scrapeTimeout: '5s' }],
      },
    });
  }
}
