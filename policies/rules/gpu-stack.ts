import { at, entries, isOpaque, list, mayBe, objectKind, type PolicyResource, text } from '../resource';
import type { StackRule, StackViolation } from '../rule';

const POOL = 'gcp:container/nodePool:NodePool';
const RELEASE = 'kubernetes:helm.sh/v3:Release';
const NO_PLUGIN = 'gke-no-default-nvidia-gpu-device-plugin';

const LABEL = `nodeConfig.labels["${NO_PLUGIN}"]`;
const DRIVER = 'nodeConfig.guestAccelerators[0].gpuDriverInstallationConfig.gpuDriverVersion';

/** Who installs the driver and offers the GPUs of a node: one of each. */
export const gpuStack: StackRule = {
  id: 'gpu-stack',
  title: 'each GPU node has one owner of its driver and one of its device plugin',
  severity: { development: 'error', production: 'error' },
  reason: 'two owners take turns at breaking the node, and with none no GPU shows up: pods wait for ever',
  fix: 'set triton-stack:gpuStack and leave drivers and labels of pools to it',
  source:
    'NVIDIA documentation, "NVIDIA GPU Operator with Google GKE"; GKE documentation, "Run GPUs in GKE Standard node pools"',
  checkAll: (resources) => {
    const pools = resources.filter(({ type, props }) => type === POOL && hasGpus(props));
    const operator = resources.find((each) => each.type === RELEASE && isOperator(each));
    const installer = resources.some(isCosInstaller);
    return pools.flatMap((pool) => poolViolations(pool, operator, installer));
  },
};

function hasGpus(props: unknown): boolean {
  return list(at(props, 'nodeConfig', 'guestAccelerators')).length > 0;
}

function isOperator({ props }: PolicyResource): boolean {
  return text(at(props, 'chart'))?.split('/').at(-1) === 'gpu-operator';
}

/** Google's installer of the driver on COS: its file, or the DaemonSet in it. */
function isCosInstaller(resource: PolicyResource): boolean {
  const { type, name, props } = resource;
  if (objectKind(resource) === 'apps/DaemonSet') return /nvidia-driver-installer/.test(name);
  const file = text(at(props, 'file')) ?? '';
  return (
    type === 'kubernetes:yaml/v2:ConfigFile' && (/nvidia-driver-installer/.test(file) || /driver-installer/.test(name))
  );
}

function poolViolations(
  pool: PolicyResource,
  operator: PolicyResource | undefined,
  installer: boolean,
): StackViolation[] {
  const { props } = pool;
  const node = at(props, 'nodeConfig');
  const driver = at(node, 'guestAccelerators', 0, 'gpuDriverInstallationConfig', 'gpuDriverVersion');
  const labels = at(node, 'labels');
  if (isOpaque(driver) || isOpaque(labels) || isOpaque(at(labels, NO_PLUGIN))) return [];
  const byGke = driver === 'DEFAULT' || driver === 'LATEST';
  const noPlugin = entries(labels).some(([key, value]) => key === NO_PLUGIN && value === 'true');
  const wrong = (path: string, message: string): StackViolation[] => [{ resource: pool, path, message }];
  if (operator === undefined) {
    if (noPlugin) return wrong(LABEL, "keeps GKE's device plugin away, and there is no GPU Operator to offer the GPUs");
    return byGke
      ? []
      : wrong(DRIVER, `is ${driver ?? 'not set'}, and there is no GPU Operator: nobody installs the driver`);
  }
  if (byGke) return wrong(DRIVER, `is ${driver}: GKE installs the driver that is the GPU Operator's to see to`);
  if (!noPlugin) return wrong(LABEL, "is not true: GKE's device plugin and the GPU Operator's offer the same GPUs");
  const own = at(operator.props, 'values', 'driver', 'enabled') ?? true;
  const image = text(at(node, 'imageType'));
  if (isOpaque(own) || image === undefined) return [];
  if (image.startsWith('COS') && own === true) {
    return wrong('nodeConfig.imageType', `is ${image}, on which the GPU Operator cannot install a driver`);
  }
  if (image.startsWith('COS') && !installer) {
    return wrong(
      DRIVER,
      "is off, as is the GPU Operator's, and Google's installer for COS is not there: nobody installs the driver",
    );
  }
  if (image.startsWith('UBUNTU') && mayBe(own, false)) {
    return wrong(DRIVER, "is off, as is the GPU Operator's: nobody installs the driver");
  }
  return [];
}
