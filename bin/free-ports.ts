import { randomInt } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { cacheHome } from './cache-folder';
import { tolerate } from './tolerate';

/**
 * Below the ports that systems hand to outgoing connections (Linux from 32768, macOS from 49152): one of those could be
 * taken by a connection before a program that is told of it listens.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 1000;
/** How long a port is left to who was told of it: time to listen, and to do so again where a test ends that for a while. */
const LEFT_MS = 30 * 60_000;

/** Ports of the loopback interface that nobody listens on now, and that nobody else is told of before somebody does. */
export async function freePorts(count: number): Promise<number[]> {
  const told = join(cacheHome(), 'ports');
  mkdirSync(told, { recursive: true });
  forgetOld(told);
  const ports: number[] = [];
  const servers: Server[] = [];
  try {
    for (let attempt = 0; ports.length < count && attempt < ATTEMPTS; attempt++) {
      const port = randomInt(LOWEST, HIGHEST);
      const server = await listening(port);
      if (server === undefined) continue;
      servers.push(server);
      if (note(told, port)) ports.push(port);
    }
    if (ports.length < count) throw new Error(`no ${count} free ports between ${LOWEST} and ${HIGHEST}`);
    return ports;
  } finally {
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  }
}

/** Notes that somebody is told of a port: false where another process was, and has it still. */
function note(told: string, port: number): boolean {
  return tolerate(['EEXIST'], () => writeFileSync(join(told, String(port)), '', { flag: 'wx' }));
}

function forgetOld(told: string): void {
  for (const name of readdirSync(told)) {
    const noted = statSync(join(told, name), { throwIfNoEntry: false });
    if (noted !== undefined && Date.now() - noted.mtimeMs > LEFT_MS) rmSync(join(told, name), { force: true });
  }
}

function listening(port: number): Promise<Server | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(undefined));
    server.listen(port, '127.0.0.1', () => done(server));
  });
}
