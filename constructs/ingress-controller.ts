import type { ExposedPort } from './exposure-problems';
import type { InferenceServer } from './inference-server';

/** Where the certificate comes from. */
export type IngressTls =
  | {
      /** A Secret of the namespace, of type `kubernetes.io/tls`. */
      readonly kind: 'secret';
      readonly secretName: string;
    }
  | {
      /** cert-manager keeps a Secret of the Ingress's own. */
      readonly kind: 'cert-manager';
      /** Name of the issuer; behind GKE's load balancers one without HTTP-01, since they shut port 80. */
      readonly issuer: string;
      /** @default ClusterIssuer */
      readonly issuerKind?: 'ClusterIssuer' | 'Issuer';
    }
  | {
      /** None, asked for expressly: prompts, answers and keys are readable on the way. */
      readonly kind: 'plain-http';
    };

/** Certificates that GKE's load balancers find by name, beside Secrets. */
export interface PreSharedCertificates {
  readonly kind: 'pre-shared';
  /** Names of Google Cloud's `SslCertificate`s: regional ones for internal load balancers. */
  readonly certificates: readonly string[];
}

/** Who carries an Ingress out, with what that one can do. */
export type IngressController =
  | {
      /**
       * kubernetes/ingress-nginx, which has had no releases since March 2026: for clusters that run it. New ones do
       * better with a Gateway and `HttpRoute`.
       */
      readonly kind: 'ingress-nginx';
      /** @default nginx */
      readonly className?: string;
      readonly tls: IngressTls;
    }
  | {
      /** GKE's own, with an external load balancer. */
      readonly kind: 'gke';
      /** `managed`: Google obtains and renews the certificate, once the host's address is the load balancer's. */
      readonly tls: IngressTls | PreSharedCertificates | { readonly kind: 'managed' };
      /** Name of a global address. @default one that changes when the Ingress is made anew */
      readonly staticIp?: string;
    }
  | {
      /** GKE's own, with a load balancer inside the VPC network. */
      readonly kind: 'gke-internal';
      readonly tls: IngressTls | PreSharedCertificates;
      /** Name of a regional internal address. @default one that changes when the Ingress is made anew */
      readonly staticIp?: string;
    }
  | {
      /** Another one, whose time-out for answers has to be set where it has it: `patch` adds annotations. */
      readonly kind: 'other';
      readonly className: string;
      readonly tls: IngressTls;
    };

type AnyTls = IngressController['tls'];

export function isGke({ kind }: IngressController): boolean {
  return kind === 'gke' || kind === 'gke-internal';
}

/** The class of the Ingress, by which a controller knows it as its own; GKE goes by an annotation. */
export function className(controller: IngressController): string | undefined {
  if (controller.kind === 'ingress-nginx') return controller.className ?? 'nginx';
  return controller.kind === 'other' ? controller.className : undefined;
}

/** The Secret that the Ingress names. */
export function secretOf(tls: AnyTls, name: string): string | undefined {
  if (tls.kind === 'secret') return tls.secretName;
  return tls.kind === 'cert-manager' ? `${name}-tls` : undefined;
}

/** How a controller is told of its certificate. */
export function tlsAnnotations(tls: AnyTls, name: string): Record<string, string> {
  switch (tls.kind) {
    case 'cert-manager':
      return { [`cert-manager.io/${tls.issuerKind === 'Issuer' ? 'issuer' : 'cluster-issuer'}`]: tls.issuer };
    case 'managed':
      return { 'networking.gke.io/managed-certificates': name };
    case 'pre-shared':
      return { 'ingress.gcp.kubernetes.io/pre-shared-cert': tls.certificates.join(',') };
    default:
      return {};
  }
}

/** How a controller is told of time-outs, sizes and protocols. */
export function controllerAnnotations(
  { deadlineSeconds }: InferenceServer,
  controller: IngressController,
  port: ExposedPort,
): Record<string, string> {
  const seconds = String(Math.ceil(deadlineSeconds));
  switch (controller.kind) {
    case 'ingress-nginx':
      return {
        // For gRPC too, which takes its own from these (ingress-nginx, annotations.md, "Custom timeouts").
        'nginx.ingress.kubernetes.io/proxy-read-timeout': seconds,
        'nginx.ingress.kubernetes.io/proxy-send-timeout': seconds,
        // 1m where nobody says, which is less than a tensor. Triton itself stops at 64 MiB (src/common.h); a gRPC stream
        // is one body, however many requests it has.
        'nginx.ingress.kubernetes.io/proxy-body-size': port === 'http' ? '64m' : '0',
        ...(port === 'grpc' && { 'nginx.ingress.kubernetes.io/backend-protocol': 'GRPC' }),
      };
    case 'gke':
    case 'gke-internal': {
      const external = controller.kind === 'gke';
      const address = external ? 'global-static-ip-name' : 'regional-static-ip-name';
      return {
        // The field ingressClassName is not for it (GKE documentation, "GKE Ingress for Application Load Balancers").
        'kubernetes.io/ingress.class': external ? 'gce' : 'gce-internal',
        'kubernetes.io/ingress.allow-http': String(controller.tls.kind === 'plain-http'),
        ...(controller.staticIp !== undefined && { [`kubernetes.io/ingress.${address}`]: controller.staticIp }),
      };
    }
    case 'other':
      return {};
  }
}
