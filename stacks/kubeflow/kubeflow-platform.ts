import { Directory } from '@pulumi/kubernetes/kustomize/v2/directory.js';
import { type Output, type Resource, secret } from '@pulumi/pulumi';
import { RandomPassword } from '@pulumi/random/randomPassword.js';
import {
  CLIENT_ID,
  ownerProfileChart,
  platformLoginChart,
  platformStoreChart,
} from '../../charts/kubeflow/platform-chart';
import { namespaceChart } from '../../charts/namespace-chart';
import type { Platform } from '../../constructs/platform';
import { ChartResource } from '../chart-resource';
import { Component, type ComponentOptions } from '../component';
import { Tokens } from '../tokens';
import { generatedPassword } from './credentials';
import { LOGIN_NAMESPACES, platformOverlays } from './overlay/platform-overlays';
import { writeOverlay } from './overlay/write-overlay';

export interface KubeflowPlatformArgs {
  readonly platform: Platform;
  /** Who signs in first. */
  readonly owner: string;
  readonly gpuQuota: number;
}

/**
 * The whole of Kubeflow from upstream's manifests: certificates, Istio, a login, profiles, pipelines of several users,
 * dashboard and notebooks, trainer. Each stage waits for those that it needs, and passwords are generated.
 */
export class KubeflowPlatform extends Component {
  /** Of the owner. */
  readonly password: Output<string>;

  constructor({ platform, owner, gpuQuota }: KubeflowPlatformArgs, opts: ComponentOptions) {
    super('kubeflow:Platform', 'kubeflow', opts);
    // bcrypt takes 72 bytes of it.
    const password = new RandomPassword('kubeflow-owner', { length: 32, special: false }, this.child);
    this.password = secret(password.result);
    const login = this.login(owner, password);
    const ready = new Map<string, readonly Resource[]>();
    for (const stage of platformOverlays(platform)) {
      const { name, after } = stage;
      const own = { 'platform-login': login, 'platform-pipelines': ready.get('credentials') ?? [] }[name] ?? [];
      const before = after.flatMap((each) => ready.get(each) ?? []);
      const directory = new Directory(
        `kubeflow-${name}`,
        { directory: writeOverlay(stage) },
        this.childAfter(...before, ...own),
      );
      ready.set(name, [directory]);
      if (name === 'platform-namespaces') ready.set('credentials', this.credentials(directory));
    }
    new ChartResource(
      { chart: ownerProfileChart(owner, gpuQuota) },
      this.childAfter(...(ready.get('platform-profiles') ?? []), ...(ready.get('platform-pipelines') ?? [])),
    );
    this.registerOutputs({});
  }

  private login(owner: string, password: RandomPassword): readonly Resource[] {
    const namespaces = LOGIN_NAMESPACES.map(
      (name) => new ChartResource({ chart: namespaceChart({ name }) }, this.child),
    );
    const tokens = new Tokens();
    const generated = (name: string) => tokens.of(name, generatedPassword(name, this.child));
    const chart = platformLoginChart(owner, {
      passwordHash: tokens.of('kubeflow-owner', secret(password.bcryptHash)),
      clientId: tokens.of('kubeflow-login-client-id', secret(CLIENT_ID)),
      clientSecret: generated('kubeflow-login-client'),
      cookieSecret: generated('kubeflow-login-cookies'),
    });
    return new ChartResource({ chart, tokens }, this.childAfter(...namespaces.flatMap(({ objects }) => objects)))
      .objects;
  }

  private credentials(namespace: Resource): readonly Resource[] {
    const tokens = new Tokens();
    const generated = (name: string) => tokens.of(name, generatedPassword(name, this.child));
    const chart = platformStoreChart({
      username: tokens.of('kubeflow-database-user', secret('root')),
      password: generated('kubeflow-mysql'),
      accessKey: generated('kubeflow-store-access'),
      secretKey: generated('kubeflow-store-secret'),
    });
    return new ChartResource({ chart, tokens }, this.childAfter(namespace)).objects;
  }
}
