import { Release } from '@pulumi/kubernetes/helm/v3/release.js';
import type { CustomResourceOptions } from '@pulumi/pulumi';
import type { HelmChart } from '../models/versions';

export interface HelmReleaseArgs {
  readonly name: string;
  readonly namespace: string;
  readonly chart: HelmChart;
  readonly values: Record<string, unknown>;
  /** @default false */
  readonly disableOpenapiValidation?: boolean;
  /** Seconds. @default 600 */
  readonly timeout?: number;
}

/** A Helm release of a pinned chart, with the name given, which undoes itself where an installation fails. */
export function helmRelease(
  { name, namespace, chart, values, disableOpenapiValidation, timeout }: HelmReleaseArgs,
  opts: CustomResourceOptions,
) {
  return new Release(
    name,
    {
      name,
      namespace,
      chart: chart.name,
      version: chart.version,
      repositoryOpts: { repo: chart.repository },
      values,
      disableOpenapiValidation,
      timeout: timeout ?? 600,
      atomic: true,
      maxHistory: 5,
    },
    opts,
  );
}
