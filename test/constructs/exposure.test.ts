import { App, Chart, JsonPatch } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../constructs/after-mapping';
import type { GatewayRouteProps } from '../../constructs/gateway-listener';
import { GrpcRoute } from '../../constructs/grpc-route';
import { HttpRoute } from '../../constructs/http-route';
import type { InferenceServer } from '../../constructs/inference-server';
import type { IngressController } from '../../constructs/ingress-controller';
import { OpenShiftRoute, type OpenShiftRouteProps } from '../../constructs/openshift-route';
import { SccUse } from '../../constructs/scc-use';
import { ServerIngress, type ServerIngressProps } from '../../constructs/server-ingress';
import { InputError } from '../../models/problem';
import { exposedServer } from '../support/exposed-server';

const openai = { api: { kind: 'openai' }, ports: { http: 8000 } } as const;
const openshift = exposedServer({ platform: 'openshift' });

/** What a construct renders. */
function rendered(build: (chart: Chart) => void): Manifest[] {
  const chart = new Chart(new App(), 'test', { namespace: 'triton' });
  build(chart);
  return chart.toJson();
}

function only(objects: readonly Manifest[], kind: string): Manifest {
  const found = objects.filter((object) => object.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as Manifest;
}

/** The keys that an InputError names. */
function refusedKeys(build: () => unknown): string[] {
  try {
    build();
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ key }) => key);
    throw error;
  }
  return [];
}

const ingress = (controller: IngressController, changes: Partial<ServerIngressProps> = {}) =>
  rendered((chart) => {
    new ServerIngress(chart, 'ingress', { server: exposedServer(), host: 'm.example.com', controller, ...changes });
  });
const nginx = { kind: 'ingress-nginx', tls: { kind: 'secret', secretName: 'm-tls' } } as const;
const gkeManaged = { kind: 'gke', tls: { kind: 'managed' } } as const;
const gke = exposedServer({ platform: 'gke' });

describe('an Ingress', () => {
  it('exposes what is there for clients, and not what is there for operators', () => {
    const [rule] = only(ingress(nginx), 'Ingress').spec.rules;
    expect(rule.host).toBe('m.example.com');
    expect(rule.http.paths.map(({ path, pathType }: Manifest) => `${pathType} ${path}`)).toEqual([
      'Prefix /v2/models/resnet50',
      'Prefix /v2/health',
      'Exact /v2',
    ]);
    expect(rule.http.paths[0].backend.service).toEqual({ name: 'triton-resnet50', port: { name: 'http' } });
    const nim = only(ingress(nginx, { server: exposedServer(openai) }), 'Ingress');
    const paths = nim.spec.rules[0].http.paths.map(({ path }: Manifest) => path);
    expect(paths).toContain('/v1/chat/completions');
    expect(paths).not.toContain('/v1');
  });

  it('waits as long as an answer may take, and takes tensors', () => {
    const { metadata, spec } = only(ingress(nginx), 'Ingress');
    expect(spec.ingressClassName).toBe('nginx');
    expect(metadata.annotations).toMatchObject({
      'nginx.ingress.kubernetes.io/proxy-read-timeout': '91',
      'nginx.ingress.kubernetes.io/proxy-send-timeout': '91',
      'nginx.ingress.kubernetes.io/proxy-body-size': '64m',
    });
  });

  it('has TLS by a Secret, its own or one of cert-manager', () => {
    expect(only(ingress(nginx), 'Ingress').spec.tls).toEqual([{ hosts: ['m.example.com'], secretName: 'm-tls' }]);
    const { metadata, spec } = only(
      ingress({ ...nginx, tls: { kind: 'cert-manager', issuer: 'letsencrypt' } }),
      'Ingress',
    );
    expect(spec.tls).toEqual([{ hosts: ['m.example.com'], secretName: 'triton-resnet50-tls' }]);
    expect(metadata.annotations['cert-manager.io/cluster-issuer']).toBe('letsencrypt');
  });

  it('is without TLS where that is asked for', () => {
    expect(only(ingress({ ...nginx, tls: { kind: 'plain-http' } }), 'Ingress').spec).not.toHaveProperty('tls');
  });

  it('speaks gRPC to the gRPC port, method by method, beside one for HTTP', () => {
    const { metadata, spec } = only(ingress(nginx, { port: 'grpc' }), 'Ingress');
    expect(metadata.name).toBe('triton-resnet50-grpc');
    expect(metadata.annotations).toMatchObject({
      'nginx.ingress.kubernetes.io/backend-protocol': 'GRPC',
      'nginx.ingress.kubernetes.io/proxy-body-size': '0',
    });
    const { paths } = spec.rules[0].http;
    expect(new Set(paths.map(({ pathType }: Manifest) => pathType))).toEqual(new Set(['Exact']));
    expect(paths.map(({ path }: Manifest) => path)).toContain('/inference.GRPCInferenceService/ModelStreamInfer');
    expect(JSON.stringify(paths)).not.toContain('Repository');
  });

  it("has GKE's settings at a Service of its own, in front of the same pods", () => {
    const objects = ingress(gkeManaged, { server: gke });
    const service = only(objects, 'Service');
    const { spec, metadata } = only(objects, 'BackendConfig');
    expect(service.spec.selector).toEqual(gke.selector);
    expect(JSON.parse(service.metadata.annotations['cloud.google.com/backend-config'])).toEqual({
      default: metadata.name,
    });
    expect(spec).toEqual({
      timeoutSec: 91,
      connectionDraining: { drainingTimeoutSec: 91 },
      healthCheck: { type: 'HTTP', port: 8000, requestPath: '/v2/health/ready' },
    });
    const { backend } = only(objects, 'Ingress').spec.rules[0].http.paths[0];
    expect(backend.service).toEqual({ name: service.metadata.name, port: { name: 'http' } });
  });

  it('has its certificate and its address from Google Cloud', () => {
    const objects = ingress({ ...gkeManaged, staticIp: 'm' }, { server: gke });
    const { metadata, spec } = only(objects, 'Ingress');
    const certificate = only(objects, 'ManagedCertificate');
    expect(certificate.spec.domains).toEqual(['m.example.com']);
    expect(spec).not.toHaveProperty('ingressClassName');
    expect(metadata.annotations).toEqual({
      'kubernetes.io/ingress.class': 'gce',
      'kubernetes.io/ingress.allow-http': 'false',
      'kubernetes.io/ingress.global-static-ip-name': 'm',
      'networking.gke.io/managed-certificates': certificate.metadata.name,
    });
    const internal = ingress(
      { kind: 'gke-internal', tls: { kind: 'pre-shared', certificates: ['a', 'b'] } },
      { server: gke },
    );
    expect(only(internal, 'Ingress').metadata.annotations).toEqual({
      'kubernetes.io/ingress.class': 'gce-internal',
      'kubernetes.io/ingress.allow-http': 'false',
      'ingress.gcp.kubernetes.io/pre-shared-cert': 'a,b',
    });
  });

  it('is refused where its controller cannot do it', () => {
    expect(refusedKeys(() => ingress(gkeManaged))).toEqual(['controller.kind']);
    expect(refusedKeys(() => ingress(gkeManaged, { server: gke, port: 'grpc' }))).toEqual(['port']);
    expect(refusedKeys(() => ingress(gkeManaged, { server: gke, host: '*.example.com' }))).toEqual(['host']);
    expect(refusedKeys(() => ingress({ ...nginx, tls: { kind: 'plain-http' } }, { port: 'grpc' }))).toEqual([
      'controller.tls.kind',
    ]);
    expect(refusedKeys(() => ingress({ ...nginx, kind: 'other', className: 'x' }, { port: 'grpc' }))).toEqual(['port']);
    expect(refusedKeys(() => ingress(nginx, { server: exposedServer(openai), port: 'grpc' }))).toEqual(['port']);
    expect(refusedKeys(() => ingress(nginx, { server: exposedServer({ tls: ['http'] }) }))).toEqual(['port']);
    expect(
      refusedKeys(() => ingress({ kind: 'gke', tls: { kind: 'pre-shared', certificates: [] } }, { server: gke })),
    ).toEqual(['controller.tls.certificates']);
  });
});

const listener = { name: 'public', namespace: 'gateways', sectionName: 'https' };
const httpRoute = (server: InferenceServer, changes: Partial<GatewayRouteProps & { grpc: boolean }> = {}) =>
  rendered((chart) => {
    new HttpRoute(chart, 'route', { server, gateways: [listener], hostnames: ['m.example.com'], ...changes });
  });
const grpcRoute = (server: InferenceServer, changes: Partial<GatewayRouteProps> = {}) =>
  rendered((chart) => {
    new GrpcRoute(chart, 'route', { server, gateways: [listener], hostnames: ['grpc.example.com'], ...changes });
  });

describe('a route of a Gateway', () => {
  it('has the paths for clients, and the deadline as its time-out', () => {
    const { spec } = only(httpRoute(exposedServer()), 'HTTPRoute');
    expect(spec).toEqual({
      parentRefs: [listener],
      hostnames: ['m.example.com'],
      rules: [
        {
          matches: [
            { path: { type: 'PathPrefix', value: '/v2/models/resnet50' } },
            { path: { type: 'PathPrefix', value: '/v2/health' } },
            { path: { type: 'Exact', value: '/v2' } },
          ],
          backendRefs: [{ name: 'triton-resnet50', port: 8000 }],
          timeouts: { request: '91s' },
        },
      ],
    });
  });

  it("has no time-outs on GKE, whose load balancer has them by the Service's policies", () => {
    const objects = httpRoute(gke, { grpc: true });
    for (const rule of only(objects, 'HTTPRoute').spec.rules) expect(rule).not.toHaveProperty('timeouts');
    const targetRef = { group: '', kind: 'Service', name: 'triton-resnet50' };
    expect(only(objects, 'GCPBackendPolicy').spec).toEqual({
      default: { timeoutSec: 91, connectionDraining: { drainingTimeoutSec: 91 } },
      targetRef,
    });
    expect(only(objects, 'HealthCheckPolicy').spec).toEqual({
      default: {
        config: {
          type: 'HTTP',
          httpHealthCheck: { portSpecification: 'USE_FIXED_PORT', port: 8000, requestPath: '/v2/health/ready' },
        },
      },
      targetRef,
    });
  });

  it('drains for an hour at most, which is all that GKE accepts', () => {
    const long = exposedServer({ platform: 'gke', deadlineSeconds: 7200 });
    expect(only(httpRoute(long), 'GCPBackendPolicy').spec.default).toEqual({
      timeoutSec: 7200,
      connectionDraining: { drainingTimeoutSec: 3600 },
    });
  });

  it('is like everywhere else where another gateway runs on GKE', () => {
    const objects = httpRoute(gke, { controller: 'other' });
    expect(objects.map(({ kind }) => kind)).toEqual(['HTTPRoute']);
    expect(objects[0]?.spec.rules[0].timeouts).toEqual({ request: '91s' });
    expect(only(grpcRoute(gke, { controller: 'other' }), 'GRPCRoute').spec.hostnames).toEqual(['grpc.example.com']);
  });

  it('takes gRPC by the same hosts, to the gRPC port', () => {
    const [, grpc] = only(httpRoute(exposedServer(), { grpc: true }), 'HTTPRoute').spec.rules;
    expect(grpc.backendRefs).toEqual([{ name: 'triton-resnet50', port: 8001 }]);
    expect(grpc.timeouts).toEqual({ request: '91s' });
    expect(grpc.matches).toContainEqual({
      path: { type: 'Exact', value: '/inference.GRPCInferenceService/ModelInfer' },
    });
  });

  it('names the gRPC methods for clients, and none that loads models or changes settings', () => {
    const [rule] = only(grpcRoute(exposedServer()), 'GRPCRoute').spec.rules;
    const methods = rule.matches.map(({ method }: Manifest) => method.method);
    expect(methods).toEqual(expect.arrayContaining(['ModelInfer', 'ModelStreamInfer', 'ServerReady', 'Check']));
    expect(methods.join()).not.toMatch(/Repository|SharedMemory|Setting/);
    expect(rule.backendRefs).toEqual([{ name: 'triton-resnet50', port: 8001 }]);
  });

  it('is refused where no request could come in', () => {
    expect(refusedKeys(() => httpRoute(exposedServer(), { gateways: [], hostnames: [] }))).toEqual([
      'gateways',
      'hostnames',
    ]);
    expect(refusedKeys(() => httpRoute(exposedServer(), { controller: 'gke' }))).toEqual(['controller']);
    expect(refusedKeys(() => grpcRoute(gke))).toEqual(['controller']);
    expect(refusedKeys(() => grpcRoute(exposedServer(openai)))).toEqual(['port']);
    expect(refusedKeys(() => httpRoute(exposedServer(openai), { grpc: true }))).toEqual(['port']);
  });
});

const route = (changes: Partial<OpenShiftRouteProps> = {}) =>
  rendered((chart) => {
    new OpenShiftRoute(chart, 'route', { server: openshift, ...changes });
  });

describe('a Route', () => {
  it('ends TLS at the edge, for the paths of inference, and waits as long as an answer may take', () => {
    const { metadata, spec } = only(route(), 'Route');
    expect(metadata.annotations['haproxy.router.openshift.io/timeout']).toBe('91s');
    expect(spec.path).toBe('/v2/models/resnet50');
    expect(spec.tls).toEqual({ termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' });
    expect(spec).not.toHaveProperty('host');
  });

  it('is several of one host where inference has several paths', () => {
    const server = exposedServer({ ...openai, platform: 'openshift' });
    const routes = route({ server, host: 'nim.apps.example.com' });
    expect(new Set(routes.map(({ spec }) => spec.host))).toEqual(new Set(['nim.apps.example.com']));
    expect(routes.map(({ spec }) => spec.path)).toContain('/v1/chat/completions');
    expect(new Set(routes.map(({ metadata }) => metadata.name)).size).toBe(routes.length);
    expect(refusedKeys(() => route({ server }))).toEqual(['host']);
  });

  it('lets the router read the certificate that it names, and nothing else', () => {
    const objects = route({ tls: { kind: 'edge', certificateSecret: 'm-tls' } });
    expect(only(objects, 'Route').spec.tls.externalCertificate).toEqual({ name: 'm-tls' });
    expect(only(objects, 'Role').rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['m-tls'], verbs: ['get', 'list', 'watch'] },
    ]);
    expect(only(objects, 'RoleBinding').subjects).toEqual([
      { kind: 'ServiceAccount', name: 'router', namespace: 'openshift-ingress' },
    ]);
  });

  it('speaks TLS to pods that have it, or leaves all of it to them', () => {
    const server = exposedServer({ platform: 'openshift', tls: ['grpc'] });
    const tls = { kind: 'reencrypt', certificateSecret: 'm-tls', destinationCa: 'PEM' } as const;
    expect(only(route({ server, port: 'grpc', tls }), 'Route').spec.tls).toEqual({
      termination: 'reencrypt',
      insecureEdgeTerminationPolicy: 'None',
      externalCertificate: { name: 'm-tls' },
      destinationCACertificate: 'PEM',
    });
    const { metadata, spec } = only(route({ server, port: 'grpc', tls: { kind: 'passthrough' } }), 'Route');
    expect(spec.tls).toEqual({ termination: 'passthrough', insecureEdgeTerminationPolicy: 'None' });
    expect(spec).not.toHaveProperty('path');
    expect(metadata.annotations).toEqual({
      'haproxy.router.openshift.io/timeout-tunnel': '3600s',
      'haproxy.router.openshift.io/balance': 'leastconn',
    });
    const long = exposedServer({ platform: 'openshift', tls: ['grpc'], deadlineSeconds: 7200 });
    const tunnel = only(route({ server: long, port: 'grpc', tls: { kind: 'passthrough' } }), 'Route');
    expect(tunnel.metadata.annotations['haproxy.router.openshift.io/timeout-tunnel']).toBe('7200s');
  });

  it('takes gRPC at the edge with a certificate of its own', () => {
    const objects = route({ port: 'grpc', tls: { kind: 'edge', certificateSecret: 'grpc-tls' } });
    const { metadata, spec } = only(objects, 'Route');
    expect(metadata.name).toBe('triton-resnet50-grpc');
    expect(spec.path).toBe('/inference.GRPCInferenceService');
    expect(spec.port).toEqual({ targetPort: 'grpc' });
    expect(refusedKeys(() => route({ port: 'grpc' }))).toEqual(['tls.certificateSecret']);
  });

  it('is refused where the pods do not speak what the router would', () => {
    expect(refusedKeys(() => route({ tls: { kind: 'reencrypt' } }))).toEqual(['tls']);
    expect(refusedKeys(() => route({ port: 'grpc', tls: { kind: 'passthrough' } }))).toEqual(['tls']);
    const server = exposedServer({ platform: 'openshift', tls: ['http'] });
    expect(refusedKeys(() => route({ server }))).toEqual(['port']);
  });

  it('is for OpenShift alone', () => {
    expect(refusedKeys(() => route({ server: gke }))).toEqual(['OpenShiftRoute']);
  });
});

describe('the use of a security context constraint', () => {
  const use = (server: InferenceServer, scc?: string) =>
    rendered((chart) => {
      new SccUse(chart, 'scc', { server, ...(scc !== undefined && { scc }) });
    });

  it.each([
    [undefined, 'restricted-v2'],
    ['nonroot-v2', 'nonroot-v2'],
  ])('%s is granted to the account of the server alone', (asked, granted) => {
    const objects = use(openshift, asked);
    expect(only(objects, 'Role').rules).toEqual([
      {
        apiGroups: ['security.openshift.io'],
        resources: ['securitycontextconstraints'],
        resourceNames: [granted],
        verbs: ['use'],
      },
    ]);
    expect(only(objects, 'RoleBinding').subjects).toEqual([{ kind: 'ServiceAccount', name: 'triton-resnet50' }]);
  });

  it('is for OpenShift alone', () => {
    expect(refusedKeys(() => use(gke))).toEqual(['SccUse']);
  });
});

describe('all of them', () => {
  it('have the labels of their server, and can be patched', () => {
    const server = exposedServer({ platform: 'openshift' });
    const patch = [JsonPatch.add('/metadata/annotations/x', 'y')];
    const add = [JsonPatch.add('/metadata/annotations', { x: 'y' })];
    const gateway = { gateways: [listener], hostnames: ['m.example.com'] };
    const objects = [
      ...rendered((chart) => {
        const controller = { kind: 'other', className: 'x', tls: nginx.tls } as const;
        new ServerIngress(chart, 'ingress', { server, host: 'a', controller, patch: { Ingress: add } });
        new HttpRoute(chart, 'http', { server, ...gateway, patch: { HTTPRoute: add } });
        new GrpcRoute(chart, 'grpc', { server, ...gateway, patch: { GRPCRoute: add } });
        new OpenShiftRoute(chart, 'route', { server, patch: { Route: patch } });
        new SccUse(chart, 'scc', { server, patch: { Role: add, RoleBinding: add } });
      }),
    ];
    expect(objects).toHaveLength(6);
    for (const { metadata } of objects) {
      expect(metadata.labels).toEqual(server.labels);
      expect(metadata.annotations).toMatchObject({ x: 'y' });
    }
  });
});
