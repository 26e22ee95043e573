import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { InputError, type Problem } from '../models/problem';
import { afterMapping } from './after-mapping';
import type { InferenceServer } from './inference-server';
import type { ModelSource } from './model-source';
import { ROLE_ARN } from './model-source-problems';
import { applyPatches, type Patches } from './patch';

/** How the pods of a server are known to a cloud. No kind has keys: each trades the pod's own short-lived token. */
export type CloudIdentity =
  | {
      /**
       * Workload Identity Federation for GKE. Access granted to the ServiceAccount's own principal needs no annotation:
       * `principal://iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/PROJECT.svc.id.goog/subject/ns/NAMESPACE/sa/NAME`.
       */
      readonly kind: 'gke-workload-identity';
      /**
       * E-mail address of a Google service account that the pods act as, for the few APIs that take no principals; it
       * has to grant the ServiceAccount `roles/iam.workloadIdentityUser`.
       *
       * @default the ServiceAccount's own principal
       */
      readonly googleServiceAccount?: string;
    }
  | {
      /**
       * An IAM role by annotation: a webhook puts a token and the role into every container of the pod. EKS and
       * OpenShift on AWS with STS run that webhook.
       *
       * For what serves. Where only the models are fetched from S3, the `web-identity` of their source is narrower: the
       * role is the init container's alone, and it works on any cluster whose issuer the role trusts.
       */
      readonly kind: 'irsa';
      /** `arn:aws:iam::ACCOUNT:role/NAME`. */
      readonly roleArn: string;
      /** @default sts.amazonaws.com */
      readonly audience?: string;
      /** Seconds that a token is good for, from 600 to 86400. @default 86400 */
      readonly tokenSeconds?: number;
    };

export interface ServerAccountProps {
  /** What the account is named after, and where it runs. */
  readonly server: Pick<InferenceServer, 'name' | 'labels' | 'platform'>;
  /** @default none: on GKE the account's own principal can be granted access all the same */
  readonly identity?: CloudIdentity;
  /** Where the models come from, whose credentials must not contradict the identity. @default not looked at */
  readonly source?: ModelSource;
  /** Secrets of the namespace with the logins of private registries. @default none */
  readonly imagePullSecrets?: readonly string[];
  /** @default none */
  readonly patch?: Patches;
}

/**
 * The ServiceAccount of a server: who its pods are, to registries and clouds. To the API server they are nobody: no token
 * for it is mounted.
 *
 * @throws InputError where the identity is malformed, is another platform's, or contradicts the source's credentials
 */
export class ServerAccount extends Construct {
  readonly account: kplus.ServiceAccount;

  constructor(scope: Construct, id: string, props: ServerAccountProps) {
    super(scope, id);
    const { server, identity, imagePullSecrets = [] } = props;
    const problems = identityProblems(props);
    if (problems.length > 0) throw new InputError(`account of ${server.name}`, problems);
    const annotations = identity === undefined ? {} : identityAnnotations(identity);
    this.account = new kplus.ServiceAccount(this, 'account', {
      metadata: {
        name: server.name,
        labels: { ...server.labels },
        ...(Object.keys(annotations).length > 0 && { annotations }),
      },
      automountToken: false,
    });
    if (imagePullSecrets.length > 0) {
      afterMapping(this.account, (manifest) => {
        manifest.imagePullSecrets = imagePullSecrets.map((name) => ({ name }));
      });
    }
    applyPatches(this, props.patch);
  }
}

/** GKE documentation, "Workload Identity Federation for GKE"; aws/amazon-eks-pod-identity-webhook, README.md. */
function identityAnnotations(identity: CloudIdentity): Record<string, string> {
  if (identity.kind === 'gke-workload-identity') {
    const { googleServiceAccount } = identity;
    return googleServiceAccount === undefined ? {} : { 'iam.gke.io/gcp-service-account': googleServiceAccount };
  }
  const { roleArn, audience, tokenSeconds } = identity;
  return {
    'eks.amazonaws.com/role-arn': roleArn,
    // The global endpoint is one region's, and a call to it leaves the region.
    'eks.amazonaws.com/sts-regional-endpoints': 'true',
    ...(audience !== undefined && { 'eks.amazonaws.com/audience': audience }),
    ...(tokenSeconds !== undefined && { 'eks.amazonaws.com/token-expiration': String(tokenSeconds) }),
  };
}

/** What IAM lets a Google service account be called (Google Cloud documentation, "Create service accounts"). */
const GOOGLE_SERVICE_ACCOUNT = /^[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z][a-z0-9.-]*\.iam\.gserviceaccount\.com$/;
/** The webhook's bounds (aws/amazon-eks-pod-identity-webhook, pkg/constants.go). */
const TOKEN_SECONDS = { min: 600, max: 86_400 } as const;

function identityProblems(props: ServerAccountProps): Problem[] {
  const { identity } = props;
  if (identity === undefined) return [];
  return identity.kind === 'irsa' ? irsaProblems(identity, props) : googleProblems(identity, props);
}

function googleProblems(
  { kind, googleServiceAccount }: Extract<CloudIdentity, { kind: 'gke-workload-identity' }>,
  { server }: ServerAccountProps,
): Problem[] {
  const problems: Problem[] = [];
  if (server.platform !== 'gke') {
    problems.push({
      key: 'identity.kind',
      value: kind,
      reason: `is given out by GKE, and the platform is ${server.platform}`,
      fix: 'remove identity',
    });
  }
  if (googleServiceAccount !== undefined && !GOOGLE_SERVICE_ACCOUNT.test(googleServiceAccount)) {
    problems.push({
      key: 'identity.googleServiceAccount',
      value: googleServiceAccount,
      reason: 'is not the e-mail address of a Google service account',
      allowed: 'NAME@PROJECT.iam.gserviceaccount.com',
      fix: 'correct it, or leave it out and grant access to the principal of the ServiceAccount',
    });
  }
  return problems;
}

function irsaProblems(
  { kind, roleArn, tokenSeconds }: Extract<CloudIdentity, { kind: 'irsa' }>,
  { server, source }: ServerAccountProps,
): Problem[] {
  const problems: Problem[] = [];
  if (server.platform === 'gke') {
    problems.push({
      key: 'identity.kind',
      value: kind,
      reason: 'is given out by a webhook that GKE does not run',
      fix: "remove identity; a source in S3 takes its role with credentials: { kind: 'web-identity', roleArn }",
    });
  }
  if (!ROLE_ARN.test(roleArn)) {
    problems.push({
      key: 'identity.roleArn',
      value: roleArn,
      reason: 'is not the ARN of an IAM role',
      allowed: 'arn:aws:iam::ACCOUNT:role/NAME',
    });
  }
  const { min, max } = TOKEN_SECONDS;
  if (tokenSeconds !== undefined && !(Number.isInteger(tokenSeconds) && tokenSeconds >= min && tokenSeconds <= max)) {
    problems.push({
      key: 'identity.tokenSeconds',
      value: tokenSeconds,
      reason: 'is no time that a token can be good for',
      allowed: `whole seconds, ${min} to ${max}`,
    });
  }
  if (source?.kind === 's3' && source.credentials.kind === 'web-identity') {
    problems.push({
      key: 'source.credentials.kind',
      value: source.credentials.kind,
      reason: "takes a role with a token of the source's own, and identity puts another into the same container",
      fix: 'remove identity where only the models are fetched from AWS: their credentials work on EKS as well',
    });
  }
  return problems;
}
