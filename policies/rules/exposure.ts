import { celCounts, celList, celText, globPattern, matchesGlob } from '../cel';
import { INSTANCE_LABEL } from '../pods';
import {
  annotation,
  at,
  entries,
  isOpaque,
  isSet,
  label,
  list,
  mayBe,
  objectKind,
  type PolicyResource,
  subjectOf,
  text,
} from '../resource';
import type { AdmissionTarget, ResourceRule, Violation } from '../rule';
import type { PolicySettings } from '../settings';

const GKE_CLASS = 'kubernetes.io/ingress.class';
const SERVICE: AdmissionTarget = { group: '', version: 'v1', resources: ['services'] };
const INGRESS: AdmissionTarget = { group: 'networking.k8s.io', version: 'v1', resources: ['ingresses'] };
const ROUTE: AdmissionTarget = { group: 'route.openshift.io', version: 'v1', resources: ['routes'] };
const GATEWAY: AdmissionTarget = { group: 'gateway.networking.k8s.io', version: 'v1', resources: ['gateways'] };

/** Annotations that keep a Service's load balancer inside the network (GKE documentation, "Internal load balancing"). */
const INTERNAL_SERVICE = ['networking.gke.io/load-balancer-type', 'cloud.google.com/load-balancer-type'];

/** Gateway classes of load balancers inside the network (GKE documentation, "GatewayClass capabilities"). */
const INTERNAL_GATEWAY = /(rilb|internal)/;

export const publicEndpoint: ResourceRule = {
  id: 'public-endpoint',
  title: 'nothing is reached from outside that the environment does not name',
  severity: { development: 'error', production: 'error' },
  reason: 'whoever reaches a server uses its GPUs, and Triton asks nobody who they are',
  fix: 'keep it inside the network, or name it in triton-stack:policies.publicEndpoints',
  source:
    'NVIDIA Triton documentation, "Secure Deployment Considerations"; Kubernetes documentation, "Service", type LoadBalancer',
  check: (resource, { publicEndpoints }) => {
    const message = exposureOf(resource);
    const subject = subjectOf(resource);
    if (message === undefined || publicEndpoints.some((glob) => matchesGlob(subject, glob))) return [];
    return [{ message }];
  },
  cluster: {
    targets: [SERVICE, INGRESS, ROUTE, GATEWAY],
    annotations: [...INTERNAL_SERVICE, GKE_CLASS],
    variables: ({ publicEndpoints }) => ({
      named: `${celList(publicEndpoints.map(globPattern))}.exists(p, (variables.kind + ' ' + request.namespace + '/' + request.name).matches(p))`,
      open: [
        `variables.kind == 'Service' ? variables.spec.?externalIPs.orValue([]).size() > 0 || (variables.spec.?type.orValue('') == 'LoadBalancer' && !${celList(INTERNAL_SERVICE)}.exists(a, variables.annotations[?a].orValue('') == 'Internal'))`,
        `variables.kind == 'Ingress' ? !(variables.annotations[?'${GKE_CLASS}'].orValue('') == 'gce-internal' || variables.spec.?ingressClassName.orValue('') == 'gce-internal')`,
        `variables.kind == 'Gateway' ? !variables.spec.gatewayClassName.matches('${INTERNAL_GATEWAY.source}')`,
        'true',
      ].join(' : '),
    }),
    validations: () => [
      {
        expression: '!variables.open || variables.named',
        message: `'is reached from outside, and publicEndpoints does not name it'`,
      },
    ],
  },
};

function exposureOf(resource: PolicyResource): string | undefined {
  const { type, props } = resource;
  switch (objectKind(resource)) {
    case 'core/Service': {
      if (list(at(props, 'spec', 'externalIPs')).length > 0) return 'has external addresses';
      const internal = INTERNAL_SERVICE.some((key) => mayBe(annotation(resource, key), 'Internal'));
      return at(props, 'spec', 'type') === 'LoadBalancer' && !internal
        ? 'has a load balancer with a public address'
        : undefined;
    }
    case 'networking.k8s.io/Ingress': {
      const name = annotation(resource, GKE_CLASS) ?? at(props, 'spec', 'ingressClassName');
      return isOpaque(name) || name === 'gce-internal' ? undefined : 'is reached from outside';
    }
    case 'route.openshift.io/Route':
      return "is reached by whoever reaches the cluster's router";
    case 'gateway.networking.k8s.io/Gateway': {
      const name = at(props, 'spec', 'gatewayClassName');
      return isOpaque(name) || INTERNAL_GATEWAY.test(String(name)) ? undefined : 'is reached from outside';
    }
  }
  const scheme = at(props, 'loadBalancingScheme') ?? 'EXTERNAL';
  if (/^gcp:compute\/(globalForwardingRule|forwardingRule):/.test(type)) {
    return String(scheme).startsWith('EXTERNAL') ? `is a load balancer of scheme ${scheme}` : undefined;
  }
  if (type !== 'gcp:compute/firewall:Firewall' || at(props, 'direction') === 'EGRESS') return undefined;
  const open = list(at(props, 'sourceRanges')).filter((range) => range === '0.0.0.0/0' || range === '::/0');
  return open.length > 0 && list(at(props, 'allows')).length > 0 ? `lets in ${open.join(', ')}` : undefined;
}

/** Annotations by which GKE's load balancers find a certificate without a Secret. */
const GKE_CERTIFICATES = ['networking.gke.io/managed-certificates', 'ingress.gcp.kubernetes.io/pre-shared-cert'];
const ALLOW_HTTP = 'kubernetes.io/ingress.allow-http';
const GKE_FRONTEND = 'networking.gke.io/v1beta1.FrontendConfig';

export const exposureTls: ResourceRule = {
  id: 'exposure-tls',
  title: 'what is reached from outside the cluster speaks TLS, and nothing else',
  severity: { development: 'warning', production: 'error' },
  reason: 'prompts, answers and keys are readable to everyone on the way otherwise',
  fix: 'name a certificate, and turn plain HTTP off or into a redirect',
  source:
    'Kubernetes documentation, "Ingress", TLS; GKE documentation, "Configure Ingress for external Application Load Balancers", disabling HTTP; OpenShift documentation, "Secured routes"',
  check: (resource) => tlsViolations(resource),
  cluster: {
    targets: [INGRESS, ROUTE],
    annotations: [GKE_CLASS, ALLOW_HTTP, GKE_FRONTEND, ...GKE_CERTIFICATES],
    variables: () => ({
      gke: `variables.annotations[?'${GKE_CLASS}'].orValue('').startsWith('gce')`,
    }),
    validations: () => [
      {
        expression: `variables.kind != 'Ingress' || variables.spec.?tls.orValue([]).size() > 0 || ${celList(GKE_CERTIFICATES)}.exists(a, a in variables.annotations)`,
        message: `'has no certificate'`,
      },
      {
        expression: `variables.kind != 'Ingress' || !variables.gke || variables.annotations[?'${ALLOW_HTTP}'].orValue('') == 'false' || '${GKE_FRONTEND}' in variables.annotations`,
        message: `'takes plain HTTP as well'`,
      },
      { expression: `variables.kind != 'Route' || has(variables.spec.tls)`, message: `'has no TLS'` },
      {
        expression: `variables.kind != 'Route' || variables.spec.?tls.?insecureEdgeTerminationPolicy.orValue('') != 'Allow'`,
        message: `'takes plain HTTP as well'`,
      },
    ],
  },
};

function tlsViolations(resource: PolicyResource): Violation[] {
  const { props } = resource;
  switch (objectKind(resource)) {
    case 'networking.k8s.io/Ingress': {
      const tls = at(props, 'spec', 'tls');
      const certified =
        isOpaque(tls) || list(tls).length > 0 || GKE_CERTIFICATES.some((key) => isSet(annotation(resource, key)));
      const gke = text(annotation(resource, GKE_CLASS))?.startsWith('gce') ?? false;
      const allow = annotation(resource, ALLOW_HTTP);
      const plain = gke && !isOpaque(allow) && allow !== 'false' && !isSet(annotation(resource, GKE_FRONTEND));
      return [
        ...(certified ? [] : [{ path: 'spec.tls', message: 'has no certificate' }]),
        ...(plain ? [{ path: `metadata.annotations["${ALLOW_HTTP}"]`, message: 'takes plain HTTP as well' }] : []),
      ];
    }
    case 'route.openshift.io/Route': {
      const tls = at(props, 'spec', 'tls');
      if (tls === undefined) return [{ path: 'spec.tls', message: 'has no TLS' }];
      return at(tls, 'insecureEdgeTerminationPolicy') === 'Allow'
        ? [{ path: 'spec.tls.insecureEdgeTerminationPolicy', message: 'takes plain HTTP as well' }]
        : [];
    }
    case 'gateway.networking.k8s.io/Gateway': {
      const listeners = at(props, 'spec', 'listeners');
      const secure = list(listeners).some(
        (each) => isOpaque(each) || ['HTTPS', 'TLS', undefined].includes(text(at(each, 'protocol'))),
      );
      return isOpaque(listeners) || secure ? [] : [{ path: 'spec.listeners', message: 'no listener speaks TLS' }];
    }
    default:
      return [];
  }
}

const ROUTE_TIMEOUT = 'haproxy.router.openshift.io/timeout';
const TUNNEL_TIMEOUT = 'haproxy.router.openshift.io/timeout-tunnel';
const NGINX_TIMEOUT = 'nginx.ingress.kubernetes.io/proxy-read-timeout';

/** Seconds of each unit (openshift/router, haproxy-config.template: milliseconds where none is named). */
const UNITS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, '': 1e-3, s: 1, m: 60, h: 3600, d: 86_400 };

/** Where nobody says: HAProxy's on OpenShift, nginx's, that of GKE's backends. Seconds. */
const DEFAULT_SECONDS = { route: 30, nginx: 60, gke: 30 } as const;

export const exposureTimeout: ResourceRule = {
  id: 'exposure-timeout',
  title: 'what stands in front of a server waits as long as the model may take',
  severity: { development: 'warning', production: 'error' },
  reason: 'whoever waits shorter answers 504 while the GPU works on',
  fix: "set the time-out to the model's deadline or more",
  source:
    'OpenShift documentation, "Route-specific annotations"; ingress-nginx, annotations.md, "Custom timeouts"; GKE documentation, "Ingress configuration", backend service timeout; Gateway API, HTTPRouteTimeouts',
  check: (resource, { servers }) => {
    const deadline = servers[text(label(resource, INSTANCE_LABEL)) ?? '']?.deadlineSeconds;
    if (deadline === undefined) return [];
    return waitsOf(resource)
      .filter(({ seconds }) => seconds < deadline)
      .map(({ path, seconds }) => ({ path, message: `waits ${seconds} s, and the model may take ${deadline} s` }));
  },
  cluster: {
    targets: [ROUTE, INGRESS],
    annotations: [ROUTE_TIMEOUT, NGINX_TIMEOUT],
    variables: (settings) => ({
      deadline: `${celCounts(deadlines(settings))}[?dyn(object).metadata.?labels[?'${INSTANCE_LABEL}'].orValue('')].orValue(0)`,
      text: `variables.annotations[?${celText(ROUTE_TIMEOUT)}].orValue('${DEFAULT_SECONDS.route}s')`,
      waits: [
        `variables.kind == 'Ingress' ? (variables.annotations[?'${NGINX_TIMEOUT}'].orValue('').matches('^[0-9]+$') ? int(variables.annotations['${NGINX_TIMEOUT}']) : (variables.spec.?ingressClassName.orValue('').contains('nginx') ? ${DEFAULT_SECONDS.nginx} : variables.deadline))`,
        `variables.spec.?tls.?termination.orValue('') == 'passthrough' ? variables.deadline`,
        `variables.text.matches('^[0-9]+d$') ? variables.deadline`,
        `variables.text.matches('^[0-9]+(us|ms|s|m|h)$') ? int(duration(variables.text).getSeconds())`,
        '0',
      ].join(' : '),
    }),
    validations: () => [
      {
        expression: `!(variables.kind in ['Route', 'Ingress']) || variables.waits >= variables.deadline`,
        message: `'waits ' + string(variables.waits) + ' s, and the model may take ' + string(variables.deadline) + ' s'`,
      },
    ],
  },
};

function deadlines({ servers }: PolicySettings): Record<string, number> {
  return Object.fromEntries(entries(servers).map(([name]) => [name, servers[name]?.deadlineSeconds ?? 0]));
}

interface Wait {
  readonly path: string;
  readonly seconds: number;
}

/** How long an object lets a request take; nothing where it says nothing, or where that is not known. */
function waitsOf(resource: PolicyResource): readonly Wait[] {
  const { props } = resource;
  const wait = (path: string, value: unknown, byDefault?: number): Wait[] => {
    if (isOpaque(value)) return [];
    const seconds = value === undefined ? byDefault : secondsOf(value);
    return seconds === undefined ? [] : [{ path, seconds }];
  };
  switch (objectKind(resource)) {
    case 'route.openshift.io/Route':
      // A tunnel is a client's connection, which has a time-out of its own.
      return mayBe(at(props, 'spec', 'tls', 'termination'), 'passthrough')
        ? wait(annotationPath(TUNNEL_TIMEOUT), annotation(resource, TUNNEL_TIMEOUT))
        : wait(annotationPath(ROUTE_TIMEOUT), annotation(resource, ROUTE_TIMEOUT), DEFAULT_SECONDS.route);
    case 'networking.k8s.io/Ingress': {
      const nginx = text(at(props, 'spec', 'ingressClassName'))?.includes('nginx') ?? false;
      const value = annotation(resource, NGINX_TIMEOUT);
      const seconds = isOpaque(value) || value === undefined ? value : `${value}s`;
      return wait(annotationPath(NGINX_TIMEOUT), seconds, nginx ? DEFAULT_SECONDS.nginx : undefined);
    }
    case 'cloud.google.com/BackendConfig':
      return wait('spec.timeoutSec', at(props, 'spec', 'timeoutSec'), DEFAULT_SECONDS.gke);
    case 'networking.gke.io/GCPBackendPolicy':
      return wait('spec.default.timeoutSec', at(props, 'spec', 'default', 'timeoutSec'), DEFAULT_SECONDS.gke);
    case 'gateway.networking.k8s.io/HTTPRoute':
      return list(at(props, 'spec', 'rules')).flatMap((rule, index) =>
        wait(`spec.rules[${index}].timeouts.request`, at(rule, 'timeouts', 'request')),
      );
    default:
      return [];
  }
}

function annotationPath(key: string): string {
  return `metadata.annotations["${key}"]`;
}

/** A number of seconds, or a text such as `60s`; 0 where it is no time at all. */
function secondsOf(value: unknown): number {
  if (typeof value === 'number') return value;
  const [, amount, unit = ''] = /^(\d+)(us|ms|s|m|h|d)?$/.exec(String(value)) ?? [];
  return amount === undefined ? 0 : Number(amount) * (UNITS[unit] as number);
}
