import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from '../../bin/free-ports';
import { LAUNCH_PROGRAM } from '../../constructs/multi-node-launch';

/** Runs the program with names that a file tells, in place of the cluster's DNS. */
const WITH_NAMES = `
import os, runpy, socket
real = socket.getaddrinfo
def named(host, *rest, **more):
    if not str(host).endswith('.group.ns'): return real(host, *rest, **more)
    found = dict(line.split() for line in open(os.environ['NAMES'])).get(host)
    if found is None: raise socket.gaierror(host)
    return real(found, *rest, **more)
socket.getaddrinfo = named
runpy.run_path(os.environ['PROGRAM'], run_name='__main__')
`;

/** What mpirun of Open MPI 4.1 asks its agent for, where it was called by its path. */
const ORTED =
  'OPAL_PREFIX=/opt/hpcx/ompi ; export OPAL_PREFIX; PATH=/opt/hpcx/ompi/bin:$PATH ; export PATH ; /opt/hpcx/ompi/bin/orted -mca ess "env" -mca ess_base_vpid 1 -mca orte_hnp_uri "1.0;tcp://10.0.0.1:4000"';

describe('the program that starts a group', () => {
  let work: string;
  let index: number;
  let running: ChildProcess[];
  beforeEach(async () => {
    work = mkdtempSync(join(tmpdir(), 'triton-stack-launch-'));
    running = [];
    writeFileSync(join(work, 'launch.py'), LAUNCH_PROGRAM);
    writeFileSync(join(work, 'orted'), '#!/bin/sh\nprintf "%s\\n" "$@" > "$TMPDIR/orted-arguments"\n');
    chmodSync(join(work, 'orted'), 0o755);
    const [port = 0] = await freePorts(1);
    index = port - 8100;
    knows('127.0.0.1');
  });
  afterEach(() => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(work, { recursive: true, force: true });
  });

  const host = () => `triton-x-0-${index}`;
  /** The address that the cluster's DNS has of the worker. */
  const knows = (address?: string) =>
    writeFileSync(
      join(work, 'names'),
      `leader.group.ns 127.0.0.1\n${address === undefined ? '' : `${host()}.group.ns ${address}\n`}`,
    );

  function start(...part: string[]): { said: () => string; code: Promise<number | null> } {
    const child = spawn('python3', ['-c', WITH_NAMES, ...part], {
      env: {
        ...process.env,
        PATH: `${work}:${process.env.PATH}`,
        TMPDIR: work,
        PROGRAM: join(work, 'launch.py'),
        NAMES: join(work, 'names'),
        LWS_LEADER_ADDRESS: 'leader.group.ns',
        LWS_GROUP_SIZE: '3',
        LWS_WORKER_INDEX: String(index),
      },
    });
    running.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (text += data));
    return { said: () => text, code: once(child, 'close').then(([code]) => code as number | null) };
  }

  it('has a worker run orted with what mpirun wants, whoever was first', async () => {
    const worker = start('worker');
    const agent = start('agent', host(), ORTED);
    expect({ agent: await agent.code, said: agent.said() }).toMatchObject({ agent: 0 });
    expect({ worker: await worker.code, said: worker.said() }).toMatchObject({ worker: 0 });
    expect(readFileSync(join(work, 'orted-arguments'), 'utf8').trim().split('\n')).toEqual([
      ...['-mca', 'ess', 'env', '-mca', 'ess_base_vpid', '1', '-mca', 'orte_hnp_uri', '1.0;tcp://10.0.0.1:4000'],
    ]);
  });

  it('tells nothing to anyone but the pod that it is for', async () => {
    knows();
    const agent = start('agent', host(), ORTED);
    expect(await ask(8100 + index)).toBe('');
    knows('127.0.0.2');
    expect(await ask(8100 + index)).toBe('');
    knows('127.0.0.1');
    expect(await ask(8100 + index)).toContain('orte_hnp_uri');
    expect(await agent.code).toBe(0);
  });

  it("runs the leader's command over all pods of the group, its own first", async () => {
    const script = 'cat "$OMPI_MCA_orte_default_hostfile"; env | grep ^OMPI_MCA_plm';
    const leader = start('leader', '4', 'sh', '-c', script);
    expect(await leader.code).toBe(0);
    const hosts = leader.said().match(/^\S+ slots=4$/gm) ?? [];
    const [own = ''] = hosts[0]?.split(' ') ?? [];
    expect(hosts).toEqual([own, `${own}-1`, `${own}-2`].map((name) => `${name} slots=4`));
    expect(leader.said()).toMatch(/OMPI_MCA_plm_rsh_agent=\S+ \S+launch\.py agent/);
    expect(leader.said()).toContain('OMPI_MCA_plm_rsh_no_tree_spawn=1');
  });
});

/** What a connection to the port is told, once somebody listens there. */
async function ask(port: number): Promise<string> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    const refused = await new Promise<boolean>((resolve) => {
      socket.on('error', () => resolve(true));
      socket.on('close', (failed) => resolve(failed));
    });
    if (!refused) return text;
  }
}
