import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { InferenceServer } from './inference-server';

/**
 * Lets a server's ServiceAccount use the security context constraint that its pods require by annotation. Clusters that
 * were upgraded from before 4.11 do not grant `restricted-v2` to everyone.
 */
export class SccUse extends Construct {
  constructor(scope: Construct, id: string, server: InferenceServer) {
    super(scope, id);
    const name = `${server.name}-scc`;
    const metadata = { name, labels: { ...server.labels } };
    new k8s.KubeRole(this, 'role', {
      metadata,
      rules: [
        {
          apiGroups: ['security.openshift.io'],
          resources: ['securitycontextconstraints'],
          resourceNames: ['restricted-v2'],
          verbs: ['use'],
        },
      ],
    });
    new k8s.KubeRoleBinding(this, 'binding', {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name: server.name }],
    });
  }
}
