import { ApiObject } from 'cdk8s';
import type * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Model, Scale } from '../models/model';
import type { Placement } from '../models/placement';
import { InputError } from '../models/problem';
import type { QueueMetric } from '../models/queue-metric';
import { rolloutSeconds } from '../models/startup';
import { afterMapping } from './after-mapping';
import type { Destination, InferenceServer } from './inference-server';
import type { ModelSource } from './model-source';
import { GroupLaunch, groupSpec, LEADERS } from './multi-node-pods';
import { multiNodeProblems } from './multi-node-problems';
import { applyPatches } from './patch';
import type { Platform } from './platform';
import type { ServingApi } from './serving-api';
import { TRITON_PORTS } from './triton-command';
import { TritonServer } from './triton-server';
import type { TritonServerProps } from './triton-server-props';

/** Those of a {@link TritonServer}, less what a group of pods cannot be: a Deployment, or a server that loads models later. */
export type MultiNodeServerProps = Omit<TritonServerProps, 'workload' | 'control'>;

/**
 * A model whose pipeline stages are on nodes of their own: a LeaderWorkerSet, each of whose groups is one copy of the model,
 * one pod a stage. Clients reach the leaders; the ranks of a group are one MPI job over its pods, without ssh, keys or
 * rights in the cluster. With TensorRT-LLM engines, which are the only ones that Triton's documentation has over nodes
 * outside of Slurm.
 *
 * It needs the LeaderWorkerSet controller in the cluster; engines whose config.json says `gpus_per_node` as a stage has
 * them, since the backend refuses others (triton-inference-server/tutorials, EKS_Multinode_Triton_TRTLLM); and a network
 * policy, since what ranks say to each other is plain TCP.
 *
 * @throws InputError where the placement is of one node, where the backend cannot be spread so, where the pool cannot hold
 *   the groups, and for all that a TritonServer refuses
 */
export class MultiNodeServer extends Construct implements InferenceServer {
  /** `triton-<model>`: the name of the LeaderWorkerSet, the Service and the ServiceAccount. */
  readonly name: string;
  readonly model: Model;
  readonly placement: Placement;
  readonly source: ModelSource;
  readonly platform: Platform;
  readonly labels: Readonly<Record<string, string>>;
  /** Of all pods: leaders and workers. */
  readonly selector: Readonly<Record<string, string>>;
  readonly workload: ApiObject;
  /** Of the leaders alone. */
  readonly service: kplus.Service;
  /** Its scale counts groups, and its metrics are the leaders' (`status.hpaPodSelector`). */
  readonly scaleTarget: InferenceServer['scaleTarget'];
  readonly scale: Scale;
  readonly replicas: number | undefined;
  readonly queueMetric: QueueMetric | undefined;
  readonly deadlineSeconds: number;
  readonly startSeconds: number;
  readonly scc: string | undefined;
  readonly api: ServingApi;
  readonly ports = TRITON_PORTS;
  readonly metrics = { port: 'metrics', path: '/metrics' } as const;
  readonly egress: readonly Destination[];

  constructor(scope: Construct, id: string, props: MultiNodeServerProps) {
    super(scope, id);
    const { model, placement, patch, ...rest } = props;
    const problems = multiNodeProblems(props);
    if (problems.length > 0) throw new InputError(`server of ${model.name}`, problems);
    // A stage is a server on one node: what a pod is, and what stands beside it, is drawn there.
    const stage = new TritonServer(this, 'stage', {
      ...rest,
      model,
      placement: { ...placement, podsPerReplica: 1 },
      // A leader waits until the nodes of its workers are there as well.
      startupSeconds: props.startupSeconds ?? rolloutSeconds(model),
    });
    stage.node.tryRemoveChild(stage.workload.node.id);
    this.name = stage.name;
    this.model = model;
    this.placement = placement;
    this.source = stage.source;
    this.platform = stage.platform;
    this.labels = stage.labels;
    this.selector = stage.selector;
    this.scale = stage.scale;
    this.replicas = stage.replicas;
    this.queueMetric = stage.queueMetric;
    this.deadlineSeconds = stage.deadlineSeconds;
    this.startSeconds = stage.startSeconds;
    this.scc = stage.scc;
    this.api = stage.api;
    this.egress = [...stage.egress, { kind: 'peers' }];
    this.service = stage.service;
    afterMapping(this.service, ({ spec }) => {
      Object.assign(spec.selector, LEADERS);
    });

    const launch = new GroupLaunch(this, 'launch', this);
    const apiVersion = 'leaderworkerset.x-k8s.io/v1';
    const kind = 'LeaderWorkerSet';
    this.scaleTarget = { apiVersion, kind, name: this.name };
    this.workload = new ApiObject(this, 'workload', {
      apiVersion,
      kind,
      metadata: { name: this.name, labels: { ...this.labels } },
    });
    afterMapping(this.workload, (manifest) => {
      manifest.spec = groupSpec(ApiObject.of(stage.workload).toJson().spec.template, this, launch);
    });
    applyPatches(this, patch);
  }
}
