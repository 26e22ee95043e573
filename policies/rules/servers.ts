import { celCounts } from '../cel';
import { asksForGpu, INSTANCE_LABEL, isGroupWorker, isServer, type PodView, podsOf } from '../pods';
import { at, entries, isOpaque, isSet, list, objectKind, type PolicyResource, text } from '../resource';
import type { ResourceRule, StackRule, Violation } from '../rule';
import type { PolicySettings } from '../settings';

function serversOf(resource: PolicyResource): readonly PodView[] {
  return podsOf(resource).filter((pod) => isServer(pod) && !isGroupWorker(pod));
}

/** Kubernetes API, Probe: what holds where nobody says. */
const DEFAULT_PERIOD = 10;
const DEFAULT_THRESHOLD = 3;

/** What Kubernetes asks of a server, and how long it waits for an answer. */
export const probes: ResourceRule = {
  id: 'probes',
  title: 'servers have the three probes: liveness apart from readiness, and a start-up budget that covers the model',
  severity: { development: 'warning', production: 'error' },
  reason:
    'without a startup probe liveness kills a server that still loads; on /ready it kills one that loads another model',
  fix: 'startup and readiness ask for /v2/health/ready or the model, liveness for /v2/health/live; raise failureThreshold of the startup probe',
  source: 'triton server #7014, #6469; Kubernetes documentation, "Configure Liveness, Readiness and Startup Probes"',
  check: (resource, { servers }) => serversOf(resource).flatMap((pod) => probeViolations(pod, servers)),
  cluster: {
    targets: 'pods',
    variables: ({ servers }) => ({
      live: `variables.first.?livenessProbe.?httpGet.?path.orValue('')`,
      wanted: `${celCounts(budgets(servers))}[?variables.labels[?'${INSTANCE_LABEL}'].orValue('')].orValue(0)`,
      granted: `int(variables.first.?startupProbe.?periodSeconds.orValue(${DEFAULT_PERIOD})) * int(variables.first.?startupProbe.?failureThreshold.orValue(${DEFAULT_THRESHOLD}))`,
    }),
    validations: () => [
      {
        expression: `!variables.server || ['startupProbe', 'readinessProbe', 'livenessProbe'].all(p, p in variables.first)`,
        message: `'a server needs a startup, a readiness and a liveness probe'`,
      },
      {
        expression: `!variables.server || !variables.live.endsWith('/ready')`,
        message: `'liveness asks for ' + variables.live + ': it would kill a server that loads'`,
      },
      {
        expression: `!variables.server || !('startupProbe' in variables.first) || variables.granted >= variables.wanted`,
        message: `'the startup probe grants ' + string(variables.granted) + ' s: the model may take ' + string(variables.wanted) + ' s'`,
      },
    ],
  },
};

function budgets(servers: PolicySettings['servers']): Record<string, number> {
  return Object.fromEntries(entries(servers).map(([name]) => [name, servers[name]?.startupSeconds ?? 0]));
}

function probeViolations(pod: PodView, servers: PolicySettings['servers']): Violation[] {
  const container = at(pod.spec, 'containers', 0);
  if (isOpaque(container)) return [];
  const path = `${pod.path}spec.containers[0]`;
  const missing = ['startupProbe', 'readinessProbe', 'livenessProbe']
    .filter((probe) => at(container, probe) === undefined)
    .map((probe) => ({ path: `${path}.${probe}`, message: `the server has no ${probe}` }));
  const found: Violation[] = [...missing];
  const live = text(at(container, 'livenessProbe', 'httpGet', 'path'));
  if (live?.endsWith('/ready')) {
    found.push({
      path: `${path}.livenessProbe`,
      message: `liveness asks for ${live}: it would kill a server that loads`,
    });
  }
  const startup = at(container, 'startupProbe');
  const wanted = servers[text(at(pod.labels, INSTANCE_LABEL)) ?? '']?.startupSeconds ?? 0;
  const period = at(startup, 'periodSeconds') ?? DEFAULT_PERIOD;
  const threshold = at(startup, 'failureThreshold') ?? DEFAULT_THRESHOLD;
  // Not a number where it is not known, which is not less than anything.
  const granted = Number(period) * Number(threshold);
  if (startup !== undefined && granted < wanted) {
    const message = `the startup probe grants ${granted} s: the model may take ${wanted} s`;
    found.push({ path: `${path}.startupProbe.failureThreshold`, message });
  }
  return found;
}

/** How a server ends: Triton closes its ports at once on SIGTERM and answers what is in flight. */
export const shutdownGrace: ResourceRule = {
  id: 'shutdown-grace',
  title: 'servers have the time to answer what is in flight when they end',
  severity: { development: 'warning', production: 'error' },
  reason: 'the kubelet kills what is left when the grace period ends, the preStop hook included',
  fix: 'terminationGracePeriodSeconds longer than the preStop sleep and --exit-timeout-secs together',
  source: 'Kubernetes documentation, "Pod Lifecycle", termination of pods; triton server, --exit-timeout-secs',
  check: (resource) =>
    serversOf(resource).flatMap((pod): Violation[] => {
      const container = at(pod.spec, 'containers', 0);
      const grace = at(pod.spec, 'terminationGracePeriodSeconds') ?? DEFAULT_GRACE;
      const exit = exitTimeout(container);
      if (typeof grace !== 'number' || exit === undefined) return [];
      const needed = preStopSeconds(container) + exit;
      if (grace > needed) return [];
      const message = `the grace period of ${grace} s ends before preStop and --exit-timeout-secs do, after ${needed} s`;
      return [{ path: `${pod.path}spec.terminationGracePeriodSeconds`, message }];
    }),
  cluster: {
    targets: 'pods',
    variables: () => ({
      words: 'variables.first.?command.orValue([]) + variables.first.?args.orValue([])',
      exits: `variables.words.filter(w, w.matches('${EXIT_TIMEOUT}')).map(w, int(w.split('=')[1]))`,
      sleeping: `variables.first.?lifecycle.?preStop.?exec.?command.orValue([])`,
      slept: `variables.sleeping.size() == 2 && variables.sleeping[0] == 'sleep' && variables.sleeping[1].matches('^[0-9]+$') ? int(variables.sleeping[1]) : int(variables.first.?lifecycle.?preStop.?sleep.?seconds.orValue(0))`,
      grace: `int(variables.pod.?terminationGracePeriodSeconds.orValue(${DEFAULT_GRACE}))`,
    }),
    validations: () => [
      {
        expression: `!variables.server || variables.exits.all(e, variables.grace > variables.slept + e)`,
        message: `'the grace period of ' + string(variables.grace) + ' s ends before preStop and --exit-timeout-secs do'`,
      },
    ],
  },
};

const DEFAULT_GRACE = 30;
const EXIT_TIMEOUT = '^--exit-timeout-secs=[0-9]+$';

function exitTimeout(container: unknown): number | undefined {
  const words = [...list(at(container, 'command')), ...list(at(container, 'args'))];
  const exits = words.filter((word) => new RegExp(EXIT_TIMEOUT).test(String(word)));
  return exits.length === 0 ? undefined : Math.max(...exits.map((word) => Number(String(word).split('=')[1])));
}

function preStopSeconds(container: unknown): number {
  const hook = at(container, 'lifecycle', 'preStop');
  const [program, seconds, ...more] = list(at(hook, 'exec', 'command'));
  if (program === 'sleep' && /^\d+$/.test(String(seconds)) && more.length === 0) return Number(seconds);
  const sleep = Number(at(hook, 'sleep', 'seconds') ?? 0);
  return Number.isFinite(sleep) ? sleep : 0;
}

const WORKLOADS = ['apps/Deployment', 'apps/StatefulSet', 'leaderworkerset.x-k8s.io/LeaderWorkerSet'];

/** A drain takes the pods of a server one by one. */
export const disruptionBudget: StackRule = {
  id: 'disruption-budget',
  title: 'every server has a PodDisruptionBudget, and one that lets nodes be drained',
  severity: { development: 'warning', production: 'error' },
  reason: 'without one an upgrade of nodes takes all replicas at a time; with one that allows none it never ends',
  fix: 'a PodDisruptionBudget with maxUnavailable: 1 that selects its pods',
  source: 'Kubernetes documentation, "Specifying a Disruption Budget for your Application"',
  checkAll: (resources) => {
    const budgetsOf = finder(resources.filter((each) => objectKind(each) === 'policy/PodDisruptionBudget'));
    return resources
      .filter((each) => WORKLOADS.includes(objectKind(each) ?? ''))
      .flatMap((resource) => {
        const [pod] = serversOf(resource);
        if (pod === undefined) return [];
        const budgets = budgetsOf(pod);
        if (budgets.length === 0) return [{ resource, message: 'no PodDisruptionBudget selects its pods' }];
        return budgets
          .filter(allowsNone)
          .map((budget) => ({ resource: budget, path: 'spec', message: 'lets no pod go: no node can be drained' }));
      });
  },
};

/** Finds the budgets that may be a pod's. By the label that names a server: of a thousand servers each has one. */
function finder(budgets: readonly PolicyResource[]): (pod: PodView) => readonly PolicyResource[] {
  const byInstance = new Map<string, PolicyResource[]>();
  for (const budget of budgets) {
    const instance = text(at(budget.props, 'spec', 'selector', 'matchLabels', INSTANCE_LABEL)) ?? '';
    const known = byInstance.get(instance);
    if (known === undefined) byInstance.set(instance, [budget]);
    else known.push(budget);
  }
  return ({ labels, namespace }) => {
    const own = at(labels, INSTANCE_LABEL);
    const near = isOpaque(own) ? budgets : [...(byInstance.get(String(own)) ?? []), ...(byInstance.get('') ?? [])];
    return near.filter(({ props }) => {
      const other = at(props, 'metadata', 'namespace');
      return (other === namespace || isOpaque(other) || isOpaque(namespace)) && selects(props, labels);
    });
  };
}

function selects(props: unknown, labels: unknown): boolean {
  const selector = at(props, 'spec', 'selector');
  const wanted = at(selector, 'matchLabels');
  if (isOpaque(labels) || isOpaque(wanted)) return true;
  if (isSet(at(selector, 'matchExpressions'))) return true;
  return entries(wanted).every(([key, value]) => {
    const own = at(labels, key);
    return own === value || isOpaque(own) || isOpaque(value);
  });
}

function allowsNone({ props }: PolicyResource): boolean {
  const most = at(props, 'spec', 'maxUnavailable');
  const least = at(props, 'spec', 'minAvailable');
  return most === 0 || most === '0' || most === '0%' || least === '100%';
}

/** What scales a server tells of its queue. */
export const autoscalerMetric: StackRule = {
  id: 'autoscaler-metric',
  title: 'servers on GPUs are not scaled on CPU or memory',
  severity: { development: 'warning', production: 'error' },
  reason: 'the CPU of a pod says nothing of the queue at its GPU: replicas come when it is too late, or never',
  fix: 'scale on waiting requests: QueueAutoscaler has the metric and the target from the model',
  source: 'GKE documentation, "Best practices for autoscaling LLM inference workloads with GPUs": CPU metrics',
  checkAll: (resources) => {
    const servers = new Set(
      resources
        .filter((each) => serversOf(each).some(asksForGpu))
        .map((each) =>
          targetKey(
            at(each.props, 'metadata', 'namespace'),
            at(each.props, 'kind'),
            at(each.props, 'metadata', 'name'),
          ),
        ),
    );
    return resources.flatMap((resource) => {
      const target = at(resource.props, 'spec', 'scaleTargetRef');
      const kind = at(target, 'kind') ?? (objectKind(resource) === 'keda.sh/ScaledObject' ? 'Deployment' : undefined);
      const key = targetKey(at(resource.props, 'metadata', 'namespace'), kind, at(target, 'name'));
      if (!servers.has(key)) return [];
      return resourceMetrics(resource).map((metric) => ({
        resource,
        path: metric.path,
        message: `scales ${kind} ${at(target, 'name')}, which serves on GPUs, on ${metric.name}`,
      }));
    });
  },
};

function targetKey(namespace: unknown, kind: unknown, name: unknown): string {
  return `${namespace}/${kind}/${name}`;
}

function resourceMetrics(resource: PolicyResource): { readonly path: string; readonly name: string }[] {
  const spec = at(resource.props, 'spec');
  if (objectKind(resource) === 'keda.sh/ScaledObject') {
    return list(at(spec, 'triggers')).flatMap((trigger, index) => {
      const type = at(trigger, 'type');
      return type === 'cpu' || type === 'memory' ? [{ path: `spec.triggers[${index}]`, name: type }] : [];
    });
  }
  if (objectKind(resource) !== 'autoscaling/HorizontalPodAutoscaler') return [];
  const metrics = at(spec, 'metrics');
  if (isSet(at(spec, 'targetCPUUtilizationPercentage')))
    return [{ path: 'spec.targetCPUUtilizationPercentage', name: 'cpu' }];
  // Kubernetes API, HorizontalPodAutoscalerSpec v2: 80 % of CPU where nobody says.
  if (metrics === undefined || (Array.isArray(metrics) && metrics.length === 0)) {
    return [{ path: 'spec.metrics', name: 'cpu, which it takes where no metric is named' }];
  }
  return list(metrics).flatMap((metric, index) => {
    const name = text(at(metric, 'resource', 'name') ?? at(metric, 'containerResource', 'name'));
    return name === 'cpu' || name === 'memory' ? [{ path: `spec.metrics[${index}]`, name }] : [];
  });
}
