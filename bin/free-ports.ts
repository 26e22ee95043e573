import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/**
 * Below the ports that systems hand to outgoing connections (Linux from 32768, macOS from 49152): one of those could be
 * taken by a connection before a program that is told of it listens.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 1000;

/** Ports of the loopback interface that nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  try {
    for (let attempt = 0; servers.length < count && attempt < ATTEMPTS; attempt++) {
      const server = await listening(randomInt(LOWEST, HIGHEST));
      if (server !== undefined) servers.push(server);
    }
    if (servers.length < count) throw new Error(`no ${count} free ports between ${LOWEST} and ${HIGHEST}`);
    return servers.map((server) => (server.address() as { port: number }).port);
  } finally {
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  }
}

function listening(port: number): Promise<Server | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(undefined));
    server.listen(port, '127.0.0.1', () => done(server));
  });
}
