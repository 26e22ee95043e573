/**
 * The kind of cluster that objects are for: it decides users and groups (OpenShift assigns them), the security context
 * constraint, and how a pod reaches its cloud identity.
 */
export type Platform = 'gke' | 'kubernetes' | 'openshift';
