import type { Finding } from './linters';

/** Checks that do not hold for something, and why that is right. */
export interface Accepted {
  /** The linter, and the check's id. */
  readonly checks: readonly `${Finding['linter']} ${string}`[];
  /** Of our renders. @default all of them */
  readonly renders?: RegExp;
  readonly reason: string;
}

const HIGH_USER = ['kube-score container-security-context-user-group-id', 'checkov CKV_K8S_40'] as const;
const READ_ONLY_ROOT = ['kube-score container-security-context-readonlyrootfilesystem', 'checkov CKV_K8S_22'] as const;

/** What is left in our renders on purpose. A finding that is not among these is one to mend. */
export const ACCEPTED: readonly Accepted[] = [
  {
    checks: ['checkov CKV_K8S_43'],
    reason:
      'digests are put in by `npm run versions -- resolve`, where a registry is reached; images named by tag are pulled with Always until then',
  },
  {
    checks: ['kube-score deployment-replicas'],
    renders: /openshift/,
    reason: "KEDA's ScaledObject keeps two, and owns the number; kube-score looks for a HorizontalPodAutoscaler",
  },
  {
    checks: HIGH_USER,
    renders: /openshift/,
    reason:
      'restricted-v2 gives each namespace users of its own, above 1,000,000,000, and refuses a manifest that names one',
  },
  {
    checks: HIGH_USER,
    renders: /nim/,
    reason: "NVIDIA's image is made for user 1000 (NVIDIA/nim-deploy, helm/nim-llm/values.yaml)",
  },
  {
    checks: READ_ONLY_ROOT,
    renders: /nim/,
    reason: "NVIDIA's image writes to its own folders; nothing of NVIDIA's says that it runs without",
  },
  {
    checks: ['checkov CKV_K8S_35'],
    renders: /nim/,
    reason: "NVIDIA's image reads the key from the environment alone",
  },
];

/** Why a finding in a render of ours stays, or undefined where it has to be mended. */
export function acceptedReason(render: string, { linter, check }: Finding): string | undefined {
  const accepted = ACCEPTED.find(
    ({ checks, renders }) => checks.includes(`${linter} ${check}`) && (renders?.test(render) ?? true),
  );
  return accepted?.reason;
}
