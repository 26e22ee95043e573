import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePorts } from '../bin/free-ports';
import type { Progress } from '../bin/progress';
import { replaceFile } from '../bin/replace-file';
import { Certificates, FRONT_PROXY, type User } from './certificates';
import { SandboxFailure } from './failure';
import type { Kubectl } from './kubectl';
import { dropLostNodes, LOST_AFTER_MS } from './lost-nodes';
import { Processes, type Service } from './processes';
import type { ToolPaths } from './tools';

/** The name of the kubeconfig context of every sandbox. */
const CONTEXT = 'triton-sandbox';

interface Ports {
  readonly etcd: number;
  readonly etcdPeers: number;
  readonly api: number;
  readonly kubelet: number;
  readonly karpenterMetrics: number;
  readonly karpenterHealth: number;
}
const PORTS = ['etcd', 'etcdPeers', 'api', 'kubelet', 'karpenterMetrics', 'karpenterHealth'] as const;

const START_MS = 240_000;
/** Longest wait for one answer: a machine that is busy may take seconds. */
const ANSWER_MS = 10_000;
/** New ports, where another process took one between our looking and a program's listening. */
const ATTEMPTS = 3;
const SERVICE_CIDR = '10.96.0.0/16';
const POD_CIDR = '10.244.0.0/16';

/** Seconds between looks of the HPA controller: the default is 15. */
export const HPA_SECONDS = 2;

/** The programs of a Kubernetes control plane, of kwok, which stands in for kubelets, and of Karpenter. */
export class ControlPlane {
  private readonly processes: Processes;
  private readonly certificates: Certificates;

  /** @param folder - the sandbox's: all that it holds is in there */
  constructor(
    private readonly folder: string,
    private readonly tools: ToolPaths,
  ) {
    this.processes = new Processes(folder);
    this.certificates = new Certificates(join(folder, 'pki'));
  }

  /** What kwok simulates by: see stages.ts. */
  private get kwokConfig(): string {
    return join(this.folder, 'kwok.yaml');
  }

  /** The machine types that Karpenter's kwok provider offers. */
  private get instanceTypes(): string {
    return join(this.folder, 'instance-types.json');
  }

  /**
   * Starts etcd, the API server, the controller manager and the scheduler where they do not run.
   *
   * @throws SandboxFailure where one of them does not come up, with what it said last
   */
  async start(progress: Progress): Promise<void> {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    await this.certificates.ensure();
    for (let attempt = 1; ; attempt++) {
      const ports = await this.ports();
      this.writeKubeconfigs(ports);
      progress.now('starting etcd and kube-apiserver');
      await this.processes.ensure(this.etcd(ports));
      await this.processes.ensure(this.apiServer(ports));
      try {
        await this.untilReady(ports);
        break;
      } catch (error) {
        if (attempt >= ATTEMPTS || !/address already in use/.test((error as Error).message)) throw error;
        for (const name of this.processes.started) await this.processes.end(name, 'SIGKILL');
      }
    }
    await Promise.all([this.processes.ensure(this.controllerManager()), this.processes.ensure(this.scheduler())]);
  }

  /** Starts kwok, or starts it again where its configuration has changed. */
  async simulateNodes(config: string, kubectl: Kubectl): Promise<void> {
    replaceFile(this.kwokConfig, config);
    const service = configured(this.kwok(this.knownPorts()), config);
    if (this.processes.runs(service)) return;
    await this.processes.end('kwok');
    // A kwok before this one holds the nodes until its leases are over.
    await kubectl.run(['delete', 'leases', '--all', '--namespace=kube-node-lease', '--wait=false']);
    await this.processes.ensure(service);
  }

  /** Starts Karpenter, or starts it again where the machine types have changed; its definitions have to be there. */
  async simulateAutoscaler(instanceTypes: string, kubectl: Kubectl): Promise<void> {
    replaceFile(this.instanceTypes, instanceTypes);
    const service = configured(this.karpenter(this.knownPorts()), instanceTypes);
    await dropLostNodes(kubectl, this.processes.runs(service) ? LOST_AFTER_MS : 0);
    await this.processes.ensure(service);
  }

  /** Ports that stay while any program runs that uses them. */
  private async ports(): Promise<Ports> {
    const running = this.processes.started.some((name) => this.processes.pid(name) !== undefined);
    if (running && existsSync(this.portsFile)) return this.knownPorts();
    const free = await freePorts(PORTS.length);
    replaceFile(this.portsFile, JSON.stringify(Object.fromEntries(PORTS.map((name, index) => [name, free[index]]))));
    return this.knownPorts();
  }

  private knownPorts(): Ports {
    return JSON.parse(readFileSync(this.portsFile, 'utf8')) as Ports;
  }

  private get portsFile(): string {
    return join(this.folder, 'ports.json');
  }

  private userKubeconfig(user: User): string {
    return join(this.folder, `${user.replace(/^system:/, '')}.kubeconfig`);
  }

  private writeKubeconfigs({ api }: Ports): void {
    const users: User[] = ['system:kube-scheduler', 'system:kube-controller-manager', 'kwok', 'karpenter'];
    const write = (file: string, user: User) =>
      replaceFile(file, this.certificates.kubeconfig(user, `https://127.0.0.1:${api}`, CONTEXT));
    for (const user of users) write(this.userKubeconfig(user), user);
    write(kubeconfigOf(this.folder), 'admin');
  }

  private async untilReady({ api }: Ports): Promise<void> {
    const ca = readFileSync(this.certificates.file('ca.crt'));
    const deadline = Date.now() + START_MS;
    while (!(await answers(`https://127.0.0.1:${api}/readyz`, ca))) {
      this.requireRunning(['etcd', 'kube-apiserver']);
      if (Date.now() > deadline) throw this.died('kube-apiserver', `is not ready after ${START_MS / 1000} s`);
      await setTimeout(50);
    }
  }

  /** @throws SandboxFailure where one of the programs that were started has ended, with what it said last */
  requireRunning(names: readonly string[] = this.processes.started): void {
    for (const name of names) if (this.processes.pid(name) === undefined) throw this.died(name);
  }

  private died(name: string, how = 'has ended'): SandboxFailure {
    return new SandboxFailure(
      `${name} ${how}. Its last words (${this.processes.logFile(name)}):\n${this.processes.lastWords(name)}`,
    );
  }

  private etcd({ etcd, etcdPeers }: Ports): Service {
    const clients = `http://127.0.0.1:${etcd}`;
    const peers = `http://127.0.0.1:${etcdPeers}`;
    return service('etcd', this.tools.etcd, {
      name: 'sandbox',
      'data-dir': join(this.folder, 'etcd'),
      'listen-client-urls': clients,
      'advertise-client-urls': clients,
      'listen-peer-urls': peers,
      'initial-advertise-peer-urls': peers,
      'initial-cluster': `sandbox=${peers}`,
      // Its data is worth nothing after the machine has gone down, and a process that dies loses none.
      'unsafe-no-fsync': true,
      'log-level': 'warn',
    });
  }

  private apiServer({ api, etcd }: Ports): Service {
    const { certificates } = this;
    return service('kube-apiserver', this.tools['kube-apiserver'], {
      'etcd-servers': `http://127.0.0.1:${etcd}`,
      'bind-address': '127.0.0.1',
      'advertise-address': '127.0.0.1',
      'secure-port': api,
      // It would take the loopback address for an endpoint of the Service `kubernetes`, which may have none.
      'endpoint-reconciler-type': 'none',
      'tls-cert-file': certificates.file('apiserver.crt'),
      'tls-private-key-file': certificates.file('apiserver.key'),
      'client-ca-file': certificates.file('ca.crt'),
      'token-auth-file': certificates.file('tokens.csv'),
      'authorization-mode': 'Node,RBAC',
      'service-account-issuer': 'https://kubernetes.default.svc',
      'service-account-key-file': certificates.file('service-account.pub'),
      'service-account-signing-key-file': certificates.file('service-account.key'),
      'service-cluster-ip-range': SERVICE_CIDR,
      'allow-privileged': true,
      // As on GKE: a pod that asks for GPUs tolerates the taint of their nodes.
      'enable-admission-plugins': 'NodeRestriction,ExtendedResourceToleration',
      // On by default from 1.35; without it 1.34 drops such volumes, and their mounts, without a word.
      'feature-gates': 'ImageVolume=true',
      'requestheader-client-ca-file': certificates.file('ca.crt'),
      'requestheader-allowed-names': FRONT_PROXY,
      'requestheader-username-headers': 'X-Remote-User',
      'requestheader-group-headers': 'X-Remote-Group',
      'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
      'proxy-client-cert-file': certificates.file('front-proxy.crt'),
      'proxy-client-key-file': certificates.file('front-proxy.key'),
      'kubelet-certificate-authority': certificates.file('ca.crt'),
      'kubelet-preferred-address-types': 'InternalIP',
      profiling: false,
    });
  }

  private controllerManager(): Service {
    const { certificates } = this;
    const kubeconfig = this.userKubeconfig('system:kube-controller-manager');
    return service('kube-controller-manager', this.tools['kube-controller-manager'], {
      kubeconfig,
      'authentication-kubeconfig': kubeconfig,
      'authorization-kubeconfig': kubeconfig,
      // Nobody asks it anything.
      'secure-port': 0,
      'use-service-account-credentials': true,
      'service-account-private-key-file': certificates.file('service-account.key'),
      'root-ca-file': certificates.file('ca.crt'),
      'leader-elect': false,
      'enable-hostpath-provisioner': true,
      'pvclaimbinder-sync-period': '2s',
      'horizontal-pod-autoscaler-sync-period': `${HPA_SECONDS}s`,
      profiling: false,
    });
  }

  private scheduler(): Service {
    const kubeconfig = this.userKubeconfig('system:kube-scheduler');
    return service('kube-scheduler', this.tools['kube-scheduler'], {
      kubeconfig,
      'authentication-kubeconfig': kubeconfig,
      'authorization-kubeconfig': kubeconfig,
      'secure-port': 0,
      'leader-elect': false,
      profiling: false,
    });
  }

  private kwok({ kubelet }: Ports): Service {
    return service('kwok', this.tools.kwok, {
      config: this.kwokConfig,
      kubeconfig: this.userKubeconfig('kwok'),
      'manage-nodes-with-annotation-selector': 'kwok.x-k8s.io/node=fake',
      'node-lease-duration-seconds': 40,
      cidr: POD_CIDR,
      'node-ip': '127.0.0.1',
      'node-port': kubelet,
      'server-address': `127.0.0.1:${kubelet}`,
      'tls-cert-file': this.certificates.file('kubelet.crt'),
      'tls-private-key-file': this.certificates.file('kubelet.key'),
    });
  }

  private karpenter({ karpenterMetrics, karpenterHealth }: Ports): Service {
    const flags = {
      'instance-types-file-path': this.instanceTypes,
      'metrics-port': karpenterMetrics,
      'health-probe-port': karpenterHealth,
      'disable-leader-election': true,
      'batch-idle-duration': '500ms',
      'batch-max-duration': '3s',
      // As GKE's autoscaler: what pods prefer makes no nodes.
      'preference-policy': 'Ignore',
      'log-level': 'info',
    };
    return {
      ...service('karpenter', this.tools.karpenter, flags),
      env: { KUBECONFIG: this.userKubeconfig('karpenter'), SYSTEM_NAMESPACE: 'kube-system' },
    };
  }
}

/** The administrator's kubeconfig in a sandbox's folder. */
export function kubeconfigOf(folder: string): string {
  return join(folder, 'kubeconfig');
}

function service(name: string, command: string, flags: Readonly<Record<string, string | number | boolean>>): Service {
  return { name, command, args: Object.entries(flags).map(([key, value]) => `--${key}=${value}`) };
}

/** A program that is another where the file that it reads once, at its start, says something else. */
function configured(service: Service, content: string): Service {
  return { ...service, env: { ...service.env, SANDBOX_CONFIG: createHash('sha256').update(content).digest('hex') } };
}

function answers(url: string, ca: Buffer): Promise<boolean> {
  return new Promise((done) => {
    const asked = request(url, { ca, timeout: ANSWER_MS, agent: false }, (response) => {
      response.resume();
      done(response.statusCode === 200);
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer')));
    asked.once('error', () => done(false));
    asked.end();
  });
}
