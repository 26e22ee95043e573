import type { ToolPatch } from './tool-patches';
import type { Toolset } from './tools';

export type MetricsToolName =
  | 'prometheus'
  | 'promtool'
  | 'prometheus-operator'
  | 'kube-state-metrics'
  | 'prometheus-adapter'
  | 'keda-operator'
  | 'keda-adapter';

const PROMETHEUS = 'github.com/prometheus/prometheus';
const PROMETHEUS_OPERATOR = 'github.com/prometheus-operator/prometheus-operator';
const ADAPTER = 'sigs.k8s.io/prometheus-adapter';
const STATE_METRICS = 'k8s.io/kube-state-metrics/v2';
const KEDA = 'github.com/kedacore/keda/v2';

/**
 * Compiles the adapter with a Kubernetes library of today, which takes a context and no channel, and has other names in its
 * API's description: the library describes the metrics APIs itself. And with a Prometheus library of today, which writes
 * the adapter's negative time-outs where the older left them out (kubernetes-sigs/prometheus-adapter #710).
 */
const ADAPTER_PATCHES: readonly ToolPatch[] = [
  {
    file: 'cmd/adapter/adapter.go',
    from: '"k8s.io/client-go/metadata"\n',
    to: '"k8s.io/apimachinery/pkg/util/wait"\n\t"k8s.io/client-go/metadata"\n',
  },
  { file: 'cmd/adapter/adapter.go', from: 'cmd.Run(stopCh)', to: 'cmd.Run(wait.ContextForChannel(stopCh))' },
  { file: 'pkg/client/api.go', from: 'time.Since(deadline)', to: 'time.Until(deadline)' },
  { file: 'cmd/adapter/adapter.go', from: 'if cmd.OpenAPIConfig == nil {', to: 'if false {' },
  { file: 'cmd/adapter/adapter.go', from: 'if cmd.OpenAPIV3Config == nil {', to: 'if false {' },
];

/** Compiles Prometheus with the same library, and of its ways to discover targets only Kubernetes. */
const PROMETHEUS_PATCHES: readonly ToolPatch[] = [
  { file: 'cmd/prometheus/main.go', from: `_ "${PROMETHEUS}/plugins"`, to: `_ "${PROMETHEUS}/discovery/kubernetes"` },
  {
    file: 'discovery/kubernetes/kubernetes.go',
    from: 'cache.DefaultWatchErrorHandler(r, err)',
    to: 'cache.DefaultWatchErrorHandler(context.Background(), r, err)',
  },
];

/** Compiles the operator with the controller library that KEDA needs. */
const OPERATOR_PATCHES: readonly ToolPatch[] = [
  {
    file: 'pkg/admission/admission.go',
    from: 'conversion.NewWebhookHandler(scheme)',
    to: 'conversion.NewWebhookHandler(scheme, conversion.NewRegistry())',
  },
];

/** KEDA's adapter tells of itself on all interfaces and has no option for it. */
const KEDA_PATCHES: readonly ToolPatch[] = [
  { file: 'cmd/adapter/main.go', from: 'fmt.Sprintf(":%v", ', to: 'fmt.Sprintf("127.0.0.1:%v", ' },
];

/** What scrapes servers, tells autoscalers what was scraped, and is an autoscaler itself. */
export const METRICS_TOOLS: Toolset<MetricsToolName> = {
  module: 'metrics',
  tools: [
    { name: 'prometheus-adapter', pkg: `${ADAPTER}/cmd/adapter`, module: ADAPTER, patches: ADAPTER_PATCHES },
    { name: 'prometheus', pkg: `${PROMETHEUS}/cmd/prometheus`, module: PROMETHEUS, patches: PROMETHEUS_PATCHES },
    { name: 'promtool', pkg: `${PROMETHEUS}/cmd/promtool`, module: PROMETHEUS, patches: PROMETHEUS_PATCHES },
    {
      name: 'prometheus-operator',
      pkg: `${PROMETHEUS_OPERATOR}/cmd/operator`,
      module: PROMETHEUS_OPERATOR,
      patches: OPERATOR_PATCHES,
    },
    { name: 'kube-state-metrics', pkg: STATE_METRICS, module: STATE_METRICS },
    { name: 'keda-operator', pkg: `${KEDA}/cmd/operator`, module: KEDA },
    { name: 'keda-adapter', pkg: `${KEDA}/cmd/adapter`, module: KEDA, patches: KEDA_PATCHES },
  ],
};
