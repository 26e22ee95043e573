import { createHash } from 'node:crypto';
import type { Image } from '../models/versions';

export interface RegistryOptions {
  /** Addresses to ask in place of a registry's own, by the host that images name: `docker.io`. */
  readonly mirrors: ReadonlyMap<string, string>;
  /** Milliseconds for each request. @default 20,000 */
  readonly timeoutMs?: number;
}

/** The API host where it is not the one that image names have in front. */
const API_HOSTS: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

const DEFAULT_TIMEOUT_MS = 20_000;

/**
 * Asks an image's registry for the digest of its tag: of the index where the image has several platforms.
 *
 * OCI Distribution Specification 1.1, "Pulling manifests"; tokens as in the Docker registry's "Token authentication".
 *
 * @returns `sha256:` and 64 hexadecimal digits
 * @throws Error with the reason in words where the registry is not reached, or does not know the tag
 */
export async function imageDigest(image: Image, options: RegistryOptions): Promise<string> {
  const [host = '', ...path] = image.repository.split('/');
  const base = options.mirrors.get(host) ?? `https://${API_HOSTS[host] ?? host}`;
  const url = `${base.replace(/\/$/, '')}/v2/${path.join('/')}/manifests/${image.tag}`;
  const ask = (method: 'HEAD' | 'GET', token?: string) =>
    request(url, method, options, {
      accept: MANIFEST_TYPES,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    });

  let token: string | undefined;
  let response = await ask('HEAD');
  if (response.status === 401) {
    token = await tokenFor(response.headers.get('www-authenticate') ?? '', options);
    response = await ask('HEAD', token);
  }
  if (response.status === 404) throw new Error(`the registry has no tag ${image.tag} of ${image.repository}`);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const digest = response.headers.get('docker-content-digest') ?? (await digestOfBody(await ask('GET', token)));
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error(`${url} answered with a digest that is none: ${digest}`);
  return digest;
}

async function digestOfBody(response: Response): Promise<string> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  const body = Buffer.from(await response.arrayBuffer());
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

async function tokenFor(challenge: string, options: RegistryOptions): Promise<string> {
  const parameters = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value ?? '']));
  const realm = parameters.get('realm');
  if (!/^Bearer /i.test(challenge) || realm === undefined) {
    throw new Error(`the registry asks for a login that is not known here: ${challenge}`);
  }
  const url = new URL(realm);
  for (const key of ['service', 'scope']) {
    const value = parameters.get(key);
    if (value !== undefined) url.searchParams.set(key, value);
  }
  const response = await request(url.href, 'GET', options, {});
  if (!response.ok) throw new Error(`${url.origin} answered ${response.status} when asked for an anonymous token`);
  const { token, access_token } = (await response.json()) as { token?: string; access_token?: string };
  const given = token ?? access_token;
  if (given === undefined) throw new Error(`${url.origin} answered without a token`);
  return given;
}

async function request(
  url: string,
  method: 'HEAD' | 'GET',
  { timeoutMs = DEFAULT_TIMEOUT_MS }: RegistryOptions,
  headers: Record<string, string>,
): Promise<Response> {
  try {
    return await fetch(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
    throw new Error(`${new URL(url).host} was not reached: ${cause?.code ?? cause?.message ?? message}`);
  }
}
