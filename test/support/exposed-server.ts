import type { InferenceServer } from '../../constructs/inference-server';
import { commonLabels } from '../../constructs/naming';
import { placeOn } from '../../models/placement';
import { gpuPool, tensorModel } from './models';

/** A server of the kind that Triton is, in part as given. */
export function exposedServer(changes: Partial<InferenceServer> = {}): InferenceServer {
  const name = 'triton-resnet50';
  const selector = { 'app.kubernetes.io/name': 'triton', 'app.kubernetes.io/instance': 'resnet50' };
  return {
    name,
    labels: commonLabels('resnet50'),
    selector,
    platform: 'kubernetes',
    placement: placeOn(tensorModel('resnet50'), gpuPool()),
    scaleTarget: { apiVersion: 'apps/v1', kind: 'Deployment', name },
    scale: { min: 1, max: 2 },
    queueMetric: undefined,
    deadlineSeconds: 90.5,
    startSeconds: 1200,
    api: { kind: 'kserve-v2', model: 'resnet50' },
    ports: { http: 8000, grpc: 8001, metrics: 8002 },
    metrics: { port: 'metrics', path: '/metrics' },
    egress: [{ kind: 'anywhere', port: 443 }],
    ...changes,
  };
}
