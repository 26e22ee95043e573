import { execFileSync } from 'node:child_process';
import { App, Chart } from 'cdk8s';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../constructs/after-mapping';
import { type MetricsCollector, MetricsMonitor } from '../../../constructs/metrics-monitor';
import { ModelSource } from '../../../constructs/model-source';
import { ServerNetworkPolicy } from '../../../constructs/server-network-policy';
import { TritonServer } from '../../../constructs/triton-server';
import type { TritonServerProps } from '../../../constructs/triton-server-props';
import { placeOn } from '../../../models/placement';
import { ModelVolume } from '../../support/model-volume';
import { engineModel, gpuPool } from '../../support/models';
import { Published } from '../../support/published';
import { pythonTool } from '../../support/python-tools';
import { S3Server } from '../../support/s3-server';

/** The official client's parser of the format that Prometheus scrapes. */
const PARSE = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families as parse
print(json.dumps({f.name: [f.type, len(f.documentation) > 0, len(f.samples)] for f in parse(sys.stdin.read())}))
`;

function objectsOf(changes: Partial<TritonServerProps> = {}, collector?: MetricsCollector): Manifest[] {
  const chart = new Chart(new App(), 'chart', { namespace: 'triton' });
  const model = engineModel();
  const server = new TritonServer(chart, 'server', {
    model,
    placement: placeOn(model, gpuPool()),
    source: ModelSource.gcs({ uri: 'gs://bucket/models' }),
    platform: 'gke',
    ...changes,
  });
  new ServerNetworkPolicy(chart, 'policy', { server, monitoringNamespace: 'monitoring' });
  new MetricsMonitor(chart, 'prometheus', { server, ...(collector !== undefined && { collector }) });
  return chart.toJson();
}

/** Containers of the pods, ports that whoever scrapes may reach, and what is scraped. */
function seen(objects: readonly Manifest[]) {
  const one = (kind: string) => objects.find((object) => object.kind === kind) as Manifest;
  const scrapers = one('NetworkPolicy').spec.ingress.at(-1);
  return {
    containers: one('Deployment').spec.template.spec.containers.map(({ name }: Manifest) => name),
    reached: scrapers.ports.map(({ port }: Manifest) => port),
    scraped: one('PodMonitor').spec.podMetricsEndpoints.map(({ port, path }: Manifest) => `${port}${path}`),
    service: one('Service').spec.ports.map(({ port }: Manifest) => port),
  };
}

describe('the metrics of a sync', () => {
  it('are served by a container of the pod, which the monitor alone knows', () => {
    expect(seen(objectsOf())).toEqual({
      containers: ['triton', 'sync-metrics'],
      reached: [8002, 8003],
      scraped: ['metrics/metrics', 'sync-metrics/metrics.txt'],
      service: [8000, 8001, 8002],
    });
  });

  it.each<[string, Partial<TritonServerProps>]>([
    ['where nobody wants them', { syncMetrics: false }],
    ['where nothing is synced', { source: ModelSource.claim({ claimName: 'models' }) }],
  ])('are not there %s', (_name, changes) => {
    expect(seen(objectsOf(changes))).toEqual({
      containers: ['triton'],
      reached: [8002],
      scraped: ['metrics/metrics'],
      service: [8000, 8001, 8002],
    });
  });

  it('go by port and path to the collectors of GKE, too', () => {
    const monitoring = objectsOf({}, 'gke-managed').find(({ kind }) => kind === 'PodMonitoring') as Manifest;
    expect(monitoring.spec.endpoints.at(-1)).toEqual({ port: 'sync-metrics', path: '/metrics.txt', interval: '60s' });
  });

  describe('as the script writes them', () => {
    let server: S3Server;
    let volume: ModelVolume;
    beforeAll(async () => {
      server = await S3Server.start();
      const uri = 's3://models/metrics';
      const credentials = { kind: 'secret', secretName: 'keys' } as const;
      const source = ModelSource.s3({ uri, region: 'us-east-1', endpoint: server.endpoint, credentials });
      volume = new ModelVolume(source, server.keys);
      await new Published(uri, server).publish({ 'm/1/model.py': 'x' }, { version: '1.0' });
      expect((await volume.sync()).code).toBe(0);
    });
    afterAll(async () => {
      volume?.remove();
      await server?.stop();
    });

    it('are what Prometheus reads', () => {
      const input = volume.read('metrics/metrics.txt');
      const parsed = execFileSync(pythonTool('python'), ['-c', PARSE], { input, encoding: 'utf8', timeout: 240_000 });
      expect(JSON.parse(parsed)).toEqual({
        model_sync_result: ['gauge', true, 11],
        model_sync_duration_seconds: ['gauge', true, 1],
        model_sync_last_run_timestamp_seconds: ['gauge', true, 1],
        model_sync_last_success_timestamp_seconds: ['gauge', true, 1],
        model_sync_release_info: ['gauge', true, 1],
        model_sync_fetch_seconds: ['gauge', true, 1],
        model_sync_fetch_bytes: ['gauge', true, 1],
      });
    });
  });
});
