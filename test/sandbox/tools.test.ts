import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onPath } from '../../bin/on-path';
import { versions } from '../../models/versions';
import { Definitions } from '../../sandbox/definitions';
import { KARPENTER_PATCHES, KWOK_PATCHES } from '../../sandbox/tool-patches';
import { CLUSTER_TOOLS, moduleFolder, Toolbox } from '../../sandbox/tools';
import { ROOT } from '../support/environment-file';
import { quiet } from '../support/test-sandbox';

const folder = () => mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
const toolbox = () => new Toolbox(ROOT, CLUSTER_TOOLS);
const { PATH, XDG_CACHE_HOME } = process.env;
const go = onPath('go');

describe('the programs of a sandbox', () => {
  afterEach(() => {
    process.env.PATH = PATH;
    if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
  });

  it('are built, and found again', async () => {
    const paths = await toolbox().find(quiet());
    expect(Object.keys(paths).sort()).toEqual(CLUSTER_TOOLS.tools.map(({ name }) => name).sort());
    process.env.PATH = folder();
    expect(await toolbox().find(quiet())).toEqual(paths);
  });

  it('are of the oldest Kubernetes that the stack supports', () => {
    expect(toolbox().kubernetesVersion.startsWith(`v${versions.kubernetes.minimumGke.version}.`)).toBe(true);
  });

  describe('on a machine without them', () => {
    let bin: string;
    beforeEach(() => {
      bin = folder();
      process.env.XDG_CACHE_HOME = folder();
      process.env.PATH = bin;
    });

    const put = (name: string, says: string) => {
      writeFileSync(join(bin, name), `#!/bin/sh\necho '${says}'\n`);
      chmodSync(join(bin, name), 0o755);
    };

    it('need Go, which is said to be missing, with what it is for', async () => {
      const failure = toolbox().find(quiet());
      await expect(failure).rejects.toThrow(/^Go is missing: kube-apiserver v1\.34\.4, .*karpenter v1\.6\.4/);
      await expect(failure).rejects.toThrow(/Install Go 1\.26\.4 or newer/);
      expect(() => Definitions.open(ROOT, quiet())).toThrow(/^Go is missing/);
    });

    it('are taken from PATH where they are of the right version, and only then', async () => {
      const box = toolbox();
      put('kube-apiserver', `Kubernetes ${box.kubernetesVersion}`);
      put('kube-scheduler', 'Kubernetes v1.33.0');
      put('etcd', `etcd Version: ${box.version('go.etcd.io/etcd/server/v3').slice(1)}`);
      put('kwok', `kwok version ${box.version('sigs.k8s.io/kwok')} (go1.26 linux/amd64)`);
      await expect(box.find(quiet())).rejects.toThrow(
        `Go is missing: kube-controller-manager ${box.kubernetesVersion}, kube-scheduler ${box.kubernetesVersion}, karpenter ${box.version('sigs.k8s.io/karpenter')} (as source only) have to be built once.`,
      );
    });

    it('say what Go says where a build fails, and leave nothing half-built', async () => {
      put('go', 'unused');
      writeFileSync(join(bin, 'go'), '#!/bin/sh\necho "go: cannot reach the module proxy" >&2\nexit 1\n');
      await expect(toolbox().find(quiet())).rejects.toThrow(
        'building kube-apiserver failed:\n  go: cannot reach the module proxy',
      );
    });
  });

  it.each([
    ['sigs.k8s.io/kwok', KWOK_PATCHES],
    ['sigs.k8s.io/karpenter', KARPENTER_PATCHES],
  ])('are changed where they still say what is changed: %s', (module, patches) => {
    process.env.PATH = dirname(go as string);
    const home = moduleFolder(module, join(ROOT, 'sandbox/tools/kubernetes'));
    for (const { file, from } of patches) expect(readFileSync(join(home, file), 'utf8')).toContain(from);
  });
});
