import type { Finding } from './linters';

/** A check that does not hold for something, and why that is right. */
export interface Accepted {
  readonly linter: Finding['linter'];
  /** Its id. */
  readonly check: string;
  /** Of our renders. @default all of them */
  readonly renders?: RegExp;
  readonly reason: string;
}

/** What is left in our renders on purpose. A finding that is not among these is one to mend. */
export const ACCEPTED: readonly Accepted[] = [
  {
    linter: 'checkov',
    check: 'CKV_K8S_43',
    reason:
      'digests are put in by `npm run versions -- resolve`, where a registry is reached; images named by tag are pulled with Always until then',
  },
  {
    linter: 'kube-score',
    check: 'deployment-replicas',
    renders: /openshift/,
    reason: "KEDA's ScaledObject keeps two, and owns the number; kube-score looks for a HorizontalPodAutoscaler",
  },
  ...(['kube-score container-security-context-user-group-id', 'checkov CKV_K8S_40'] as const).map(
    (each): Accepted => ({
      ...split(each),
      renders: /openshift/,
      reason:
        'restricted-v2 gives each namespace users of its own, above 1,000,000,000, and refuses a manifest that names one',
    }),
  ),
  ...(['kube-score container-security-context-user-group-id', 'checkov CKV_K8S_40'] as const).map(
    (each): Accepted => ({
      ...split(each),
      renders: /nim/,
      reason: "NVIDIA's image is made for user 1000 (NVIDIA/nim-deploy, helm/nim-llm/values.yaml)",
    }),
  ),
  ...(['kube-score container-security-context-readonlyrootfilesystem', 'checkov CKV_K8S_22'] as const).map(
    (each): Accepted => ({
      ...split(each),
      renders: /nim/,
      reason: "NVIDIA's image writes to its own folders; nothing of NVIDIA's says that it runs without",
    }),
  ),
  {
    linter: 'checkov',
    check: 'CKV_K8S_35',
    renders: /nim/,
    reason: "NVIDIA's image reads the key from the environment alone",
  },
];

function split(text: `${Finding['linter']} ${string}`): Pick<Accepted, 'linter' | 'check'> {
  const [linter, check] = text.split(' ') as [Finding['linter'], string];
  return { linter, check };
}

/** Why a finding in a render of ours stays, or undefined where it has to be mended. */
export function acceptedReason(render: string, { linter, check }: Finding): string | undefined {
  return ACCEPTED.find((each) => each.linter === linter && each.check === check && (each.renders?.test(render) ?? true))
    ?.reason;
}
