import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { freePorts } from '../../bin/free-ports';

describe('free ports', () => {
  let cache: string;
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
    vi.stubEnv('XDG_CACHE_HOME', cache);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(cache, { recursive: true, force: true });
  });
  const told = () => join(cache, 'triton-stack', 'ports');

  it('are told to one alone, though nobody listens on them yet', async () => {
    const ports: number[] = [];
    // Of so many out of so few, hundreds would be the same.
    for (let asked = 0; asked < 20; asked += 1) ports.push(...(await freePorts(100)));
    expect(new Set(ports).size).toBe(2000);
  });

  it('are free again after a while', async () => {
    mkdirSync(told(), { recursive: true });
    const before = new Date('2020-01-01');
    for (const name of ['1', '2']) writeFileSync(join(told(), name), '');
    utimesSync(join(told(), '1'), before, before);
    const [port] = await freePorts(1);
    expect(readdirSync(told()).sort()).toEqual(['2', String(port)].sort());
  });
});
