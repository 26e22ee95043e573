import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { InputError } from '../models/problem';
import { platformProblems } from './exposure-problems';
import type { InferenceServer } from './inference-server';
import { applyPatches, type Patches } from './patch';

export interface SccUseProps {
  readonly server: InferenceServer;
  /**
   * The security context constraint that the server's pods require (`openshift.io/required-scc`): `nonroot-v2` where an
   * image has to run as a user of its own, or one that the cluster's administrators made.
   *
   * @default the server's own: `scc` of a TritonServer, or restricted-v2
   */
  readonly scc?: string;
  /** @default none */
  readonly patch?: Patches;
}

/**
 * Lets a server's ServiceAccount use the security context constraint that its pods require. For constraints that not
 * everybody may use: all but `restricted-v2`, and that one too on clusters that were upgraded from before 4.11.
 *
 * @throws InputError where the server is not for OpenShift
 */
export class SccUse extends Construct {
  constructor(scope: Construct, id: string, props: SccUseProps) {
    super(scope, id);
    const { server } = props;
    const { scc = server.scc ?? 'restricted-v2' } = props;
    const problems = platformProblems(server, 'openshift', 'SccUse', 'leave it out');
    if (problems.length > 0) throw new InputError(`use of ${scc} by ${server.name}`, problems);
    const name = `${server.name}-scc`;
    const metadata = { name, labels: { ...server.labels } };
    new k8s.KubeRole(this, 'role', {
      metadata,
      rules: [
        {
          apiGroups: ['security.openshift.io'],
          resources: ['securitycontextconstraints'],
          resourceNames: [scc],
          verbs: ['use'],
        },
      ],
    });
    new k8s.KubeRoleBinding(this, 'binding', {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name: server.name }],
    });
    applyPatches(this, props.patch);
  }
}
