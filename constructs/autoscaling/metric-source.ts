/** How KEDA proves to Prometheus who it is. */
export type PrometheusAuth =
  | {
      /**
       * OpenShift's Thanos querier: a short-lived token of a ServiceAccount that is made here, which may read the metrics
       * of its own namespace. KEDA 2.17 or newer.
       */
      readonly kind: 'openshift';
      /** The ServiceAccount of KEDA's operator. @default that of the Custom Metrics Autoscaler, `openshift-keda/keda-operator` */
      readonly operator?: { readonly namespace: string; readonly name: string };
    }
  | {
      /** A bearer token in a Secret of the namespace. */
      readonly kind: 'bearer';
      readonly secretName: string;
      /** @default token */
      readonly tokenKey?: string;
      /** The authority that signed Prometheus' certificate, in the same Secret. @default those that KEDA knows */
      readonly caKey?: string;
    }
  | {
      /** The workload identity that KEDA's operator has on GKE, which needs `roles/monitoring.viewer`. */
      readonly kind: 'workload-identity';
    };

/** A Prometheus, or anything that answers as one does. */
export interface PrometheusEndpoint {
  /** `http://prometheus-operated.monitoring.svc:9090`, without `/api/v1`. */
  readonly url: string;
  /** @default none: it answers everyone */
  readonly auth?: PrometheusAuth;
}

/** A time of the week in which more replicas stand ready than `scale.min`. */
export interface WarmWindow {
  /** `Europe/Berlin` (the IANA time zone database). */
  readonly timezone: string;
  /** When it starts, as cron says it: minute, hour, day of the month, month, day of the week. */
  readonly start: string;
  /** When it ends, likewise. */
  readonly end: string;
  /** Replicas at least. */
  readonly replicas: number;
}

/** prometheus-adapter serves the metric to a HorizontalPodAutoscaler, by the rules of `adapterRule`. */
export interface PrometheusAdapterSource {
  readonly kind: 'prometheus-adapter';
}

/** KEDA asks Prometheus and drives a HorizontalPodAutoscaler of its own: the source that can go to zero, and keep times. */
export interface KedaSource {
  readonly kind: 'keda';
  /** @default on OpenShift its Thanos querier, which tells of the server's namespace alone; it has to be given elsewhere */
  readonly prometheus?: PrometheusEndpoint;
  /** @default none */
  readonly warm?: readonly WarmWindow[];
}

/**
 * GKE reads the gauge from the pods itself: no Prometheus, no adapter (GKE documentation, "Autoscale Pods by using custom
 * or external metrics": from 1.35.1-gke.1396000 as a preview, from 1.37.0-gke.3100000 for good, with the performance
 * profile of horizontal Pod autoscaling).
 *
 * Only gauges that a pod has once, as they are: no counters, and nothing that has to be selected from its family. Of what
 * Triton has that is {@link waitingMetric} alone, which has to be given: it oscillates.
 */
export interface GkeNativeSource {
  readonly kind: 'gke-native';
  /**
   * Labels that select the server's pods. The preview takes names of letters, digits, `-` and `_` alone, which those of
   * `app.kubernetes.io` are not.
   *
   * @default a label that is added to the pods of the server for it
   */
  readonly podSelector?: Readonly<Record<string, string>>;
}

/** The metrics server tells how busy the CPUs are: for servers without a GPU, where that is what runs out. */
export interface CpuSource {
  readonly kind: 'cpu';
  /** Per cent of what the pods request, from 1 to 100. @default 70 */
  readonly utilization?: number;
}

/** Who tells an autoscaler how much there is to do. */
export type MetricSource = PrometheusAdapterSource | KedaSource | GkeNativeSource | CpuSource;
