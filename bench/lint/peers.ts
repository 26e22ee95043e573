/** A Helm chart that people serve models on Triton with, and the values that its README has them give. */
export interface Peer {
  readonly name: string;
  /** On GitHub. */
  readonly repository: string;
  /** Folder of the chart in it. */
  readonly chart: string;
  /** Files of values in it, beside the chart's own. */
  readonly values: readonly string[];
  /** Values that the chart refuses to be without. */
  readonly set: readonly string[];
}

const server = (name: string, chart: string, ...set: string[]): Peer => ({
  name: `server ${name}`,
  repository: 'triton-inference-server/server',
  chart: `deploy/${chart}`,
  values: [],
  set,
});

const tutorial = (name: string, folder: string, values: string, ...set: string[]): Peer => ({
  name: `tutorials ${name}`,
  repository: 'triton-inference-server/tutorials',
  chart: `Deployment/Kubernetes/${folder}/chart`,
  values: [`Deployment/Kubernetes/${folder}/chart/${values}`],
  set,
});

const IMAGE = 'triton.image.name=registry.example.com/triton-trt-llm:24.08';

export const PEERS: readonly Peer[] = [
  server('k8s-onprem', 'k8s-onprem'),
  server('gcp', 'gcp'),
  server('aws', 'aws'),
  server('oci', 'oci'),
  server('fleetcommand', 'fleetcommand', 'image.serverArgs[0]=--model-repository=s3://models/repository'),
  server('gke-marketplace', 'gke-marketplace-app/server-deployer/chart/triton'),
  tutorial('autoscaling', 'TensorRT-LLM_Autoscaling_and_Load_Balancing', 'llama-3-8b_values.yaml', IMAGE),
  tutorial(
    'multi-node',
    'TensorRT-LLM_Multi-Node_Distributed_Models',
    'llama-3-8b_values.yaml',
    IMAGE,
    'model.persistentVolumeClaim=models',
  ),
  tutorial('multi-node EKS', 'EKS_Multinode_Triton_TRTLLM/multinode_helm_chart', 'example_values.yaml'),
  {
    name: 'SuperSONIC',
    repository: 'fastmachinelearning/SuperSONIC',
    chart: 'helm/supersonic',
    values: ['values/values-minimal.yaml'],
    set: [],
  },
];
