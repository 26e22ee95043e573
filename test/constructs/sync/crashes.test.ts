import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelSource } from '../../../constructs/model-source';
import { formatManifest } from '../../../models/release-manifest';
import { ModelVolume } from '../../support/model-volume';
import { noise } from '../../support/noise';
import { Published } from '../../support/published';
import { S3Server } from '../../support/s3-server';

/** Volumes at once, and how often the sync of each is killed: each run of this test looks at other moments. */
const VOLUMES = 4;
const KILLS = Number(process.env.TRITON_STACK_KILLS ?? 30);
/** Kills before a run that is left alone. */
const KILLS_A_RELEASE = 5;
const KIB = 1024;

const common = { 'llm/config.pbtxt': 'backend: "python"', 'llm/1/tokenizer.bin': noise(200 * KIB, 7) };
const releases = {
  one: { ...common, 'llm/1/model.py': 'one', 'llm/1/rank0.bin': noise(1500 * KIB, 1), 'llm/1/old/vocab.txt': 'a' },
  two: { ...common, 'llm/1/model.py': 'two', 'llm/1/rank0.bin': noise(1500 * KIB, 2), 'other/1/model.py': 'x' },
};

describe('a sync that is killed again and again', () => {
  let server: S3Server;
  const manifests = new Map<string, string>();
  const volumes: ModelVolume[] = [];

  beforeAll(async () => {
    server = await S3Server.start();
    for (let index = 0; index < VOLUMES; index += 1) {
      const uri = `s3://models/crash-${index}`;
      const source = ModelSource.s3({ uri, region: 'us-east-1', endpoint: server.endpoint, credentials });
      volumes.push(new ModelVolume(source, server.keys));
    }
  });
  afterAll(async () => {
    for (const volume of volumes) volume.remove();
    await server?.stop();
  });

  const differences = (volume: ModelVolume) => volume.differences(manifests.get(volume.release() ?? '') ?? '');
  const credentials = { kind: 'secret', secretName: 'keys' } as const;

  it('serves a whole release after each, and leaves nothing after the next good run', {
    timeout: 1_800_000,
  }, async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const ended = { killed: 0, terminated: 0, finished: 0 };
    const one = async (volume: ModelVolume, index: number) => {
      const random = randomFrom(seed + index);
      const store = new Published(`s3://models/crash-${index}`, server);
      for (const [version, files] of Object.entries(releases)) {
        await store.put(files, { version });
        const release = await store.store.release(version);
        if (release !== undefined) manifests.set(version, formatManifest(release));
      }
      let tookMs = 0;
      let sinceGood = KILLS_A_RELEASE;
      for (let kills = 0; kills < KILLS; ) {
        const where = `seed ${seed}, volume ${index}, kill ${kills}`;
        if (sinceGood >= KILLS_A_RELEASE) {
          const started = performance.now();
          const { code, said } = await volume.sync();
          expect(code, `${where}: ${said}`).toBe(0);
          if (said.includes('fetching')) tookMs = performance.now() - started;
          const served = volume.release();
          expect(differences(volume), where).toEqual([]);
          expect(volume.names(), where).toEqual(['metrics', 'previous', 'releases', 'repository']);
          expect(volume.names('releases'), where).toHaveLength(2);
          await store.promote(served === 'one' ? 'two' : 'one');
          sinceGood = 0;
        }
        const code = await killed(volume, random, tookMs);
        expect([null, 143, 0], where).toContain(code);
        expect(differences(volume), where).toEqual([]);
        if (code === 0) {
          ended.finished += 1;
          sinceGood = KILLS_A_RELEASE;
        } else {
          ended[code === null ? 'killed' : 'terminated'] += 1;
          sinceGood += 1;
          kills += 1;
        }
      }
    };
    // One that fails leaves the others running: all of them end before anything is taken from under them.
    const results = await Promise.allSettled(volumes.map(one));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    console.log(
      `killed ${ended.killed}, terminated ${ended.terminated}, ended before that ${ended.finished}; seed ${seed}`,
    );
    expect(Math.min(ended.killed, ended.terminated)).toBeGreaterThan(20);
  });
});

/**
 * Starts a run and kills it: at a moment of its time, or where it has just changed something in the volume's top folders,
 * which is where it could leave something half done.
 *
 * @param tookMs - what a run takes that is left alone
 * @returns its exit code, null where it was killed
 */
async function killed(volume: ModelVolume, random: () => number, tookMs: number): Promise<number | null> {
  const { process: child, result } = volume.start();
  const gentle = random() < 0.4;
  const kill = () => {
    try {
      // The kubelet sends TERM to the first process, and KILL to all of them.
      process.kill(gentle ? (child.pid as number) : -(child.pid as number), gentle ? 'SIGTERM' : 'SIGKILL');
    } catch {}
  };
  if (random() < 0.5) {
    const timer = setTimeout(kill, random() * tookMs);
    await result;
    clearTimeout(timer);
  } else {
    let left = 1 + Math.floor(random() * EVENTS);
    const onChange = () => {
      left -= 1;
      if (left === 0) kill();
    };
    const folders = [volume.root, join(volume.root, 'releases')].filter((folder) => existsSync(folder));
    const watchers = folders.map((folder) => watch(folder, onChange));
    await result;
    for (const each of watchers) each.close();
  }
  return (await result).code;
}

/** Changes that a run makes in those folders. */
const EVENTS = 10;

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
