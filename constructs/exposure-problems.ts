import type { Problem } from '../models/problem';
import type { InferenceServer } from './inference-server';
import type { Platform } from './platform';

/** A port that clients call. */
export type ExposedPort = 'http' | 'grpc';

/** What is wrong where something speaks TLS, or does not, to a port of the pods. */
export function portProblems(server: InferenceServer, port: ExposedPort, speaksTls: boolean): Problem[] {
  const { name, ports, tls = [] } = server;
  if (ports[port] === undefined) {
    const allowed = (['http', 'grpc'] as const).filter((each) => ports[each] !== undefined).join(', ');
    return [{ key: 'port', value: port, reason: `${name} has no such port`, allowed, fix: 'correct it' }];
  }
  if (speaksTls === tls.includes(port)) return [];
  return [
    speaksTls
      ? {
          key: 'tls',
          reason: `needs pods that speak TLS on their port ${port}, and those of ${name} do not`,
          fix: 'end TLS at the edge',
        }
      : {
          key: 'port',
          value: port,
          reason: `the pods of ${name} speak TLS on it, and this would send requests without`,
          fix: 'on OpenShift, OpenShiftRoute with reencrypt or passthrough',
        },
  ];
}

/** What is wrong where something that only one platform has is for a server of another. */
export function platformProblems(
  { name, platform }: InferenceServer,
  needed: Platform,
  key: string,
  fix: string,
): Problem[] {
  if (platform === needed) return [];
  return [{ key, reason: `goes with the platform ${needed} alone, and ${name} is for ${platform}`, fix }];
}
